import type { ClientId } from '../domain/ids.ts';
import {
  type ClientFilter,
  type ClientPlace,
  findClient as findClientRow,
  listClientPage as listClientRows,
  type StoredClient,
} from '../store/clients.ts';
import type { Runtime, Tenant } from './runtime.ts';

export type { ClientFilter } from '../store/clients.ts';

/** How many clients are read at a time. */
const perPage = 500;

/** Lists clients, newest first; for administrators. `after` is a client that the list begins behind, `limit` how many it holds at most. */
export async function listClients(
  runtime: Runtime,
  tenant: Tenant,
  { filter = {}, after, limit = Number.POSITIVE_INFINITY }: { filter?: ClientFilter; after?: ClientPlace; limit?: number } = {},
): Promise<StoredClient[]> {
  const listed: StoredClient[] = [];
  for (let place = after; ; ) {
    const wanted = Math.min(perPage, limit - listed.length);
    const page = await listClientRows(runtime.store, tenant.id, { filter, limit: wanted, ...(place && { after: place }) });
    listed.push(...page);
    place = page.at(-1);
    if (page.length < wanted || listed.length >= limit) return listed;
  }
}

/** Finds a client by its id, blocked ones included; for administrators. */
export async function findClient(runtime: Runtime, tenant: Tenant, id: string): Promise<StoredClient | undefined> {
  return findClientRow(runtime.store, tenant.id, id as ClientId);
}
