import { type ClientId, idPrefixes } from '../domain/ids.ts';
import { randomId, randomToken } from '../platform/random.ts';

/** The artifacts that management tokens are kept as; `uid` is the client they manage. */
export const managementTokenModel = 'RegistrationAccessToken';

/** A new client id. URL-safe characters only, because clients send it unencoded in Basic authentication (MCP-26). */
export function newClientId(): ClientId {
  return randomId(idPrefixes.client) as ClientId;
}

/** A new client secret; URL-safe characters only, for the same reason. */
export function newClientSecret(): string {
  return randomToken();
}
