import type { ClientId } from '../domain/ids.ts';
import { type ClientKind, findClient } from '../store/clients.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** How a client came to be; undefined when there is none, or it is blocked. */
export async function findClientKind(runtime: Runtime, tenant: Tenant, clientId: ClientId): Promise<ClientKind | undefined> {
  const client = await findClient(runtime.store, tenant.id, clientId);
  return client?.blockedAt ? undefined : client?.kind;
}
