import { type ClientId, idPrefixes, type ServerId } from '../domain/ids.ts';
import { isEqualConstantTime, sha256 } from '../platform/digest.ts';
import { findClient } from '../store/clients.ts';
import { findIntrospectionFacts } from '../store/hot/introspection.ts';
import { findServer } from '../store/servers.ts';
import { isIndexInvalid } from '../store/status.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What of an access token says whether it still counts; signature, issuer and end were checked before. */
export interface TokenStanding {
  audience: string;
  clientId: string;
  /** Its index in the token status list. */
  status: { list: number; index: number };
}

/**
 * Whether an access token counts now, for the server that asks. Uncached. Only the server that the token is for is told;
 * for every other caller it is as good as unknown (ENG-15). Whatever changed or ended an installation turned its index invalid;
 * a client that is blocked counts at once, whether that came to each of its installations yet or not.
 */
export async function isTokenActive(
  runtime: Runtime,
  tenant: Tenant,
  question: { serverId: ServerId; token: TokenStanding },
): Promise<boolean> {
  const server = await findServer(runtime.store, tenant.id, question.serverId);
  if (!server || server.resource !== question.token.audience) return false;
  const client = await findClient(runtime.store, tenant.id, question.token.clientId as ClientId);
  return !client?.blockedAt && !(await isIndexInvalid(runtime.store, tenant.id, question.token.status));
}

/**
 * The same, for whoever shows a server's credential: one look at all that it takes. Undefined for an unknown server and a wrong secret
 * alike.
 */
export async function isTokenActiveFor(
  runtime: Runtime,
  tenant: Tenant,
  { id, secret, token }: { id: string; secret: string; token: TokenStanding },
): Promise<boolean | undefined> {
  if (!id.startsWith(idPrefixes.server) || id.length > 64) return undefined;
  const about = { serverId: id as ServerId, clientId: token.clientId as ClientId, status: token.status };
  const facts = await findIntrospectionFacts(runtime.store, tenant.id, about);
  if (!isEqualConstantTime(sha256(secret), facts?.credentialDigest ?? '') || !facts) return undefined;
  return facts.resource === token.audience && !facts.isIndexInvalid && !facts.isClientBlocked;
}
