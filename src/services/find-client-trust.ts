import { type ClientTrust, judgeTrust } from '../domain/client-trust.ts';
import type { ClientId } from '../domain/ids.ts';
import { findClient } from '../store/clients.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** How far a client can be trusted in a request; undefined when there is none, or it is blocked. */
export async function findClientTrust(
  runtime: Runtime,
  tenant: Tenant,
  { clientId, redirectUri }: { clientId: ClientId; redirectUri: string },
): Promise<ClientTrust | undefined> {
  const client = await findClient(runtime.store, tenant.id, clientId);
  return !client || client.blockedAt ? undefined : judgeTrust(client, redirectUri);
}
