import type { ServerId } from '../domain/ids.ts';
import { cutPage, type FoundPage, withOneMore } from '../domain/list-page.ts';
import { findServer, listServerPage, type NamedServer } from '../store/servers.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** How many servers a page holds. */
export const serversPerPage = 20;

/** Which servers: whose name or address has `query` in it, on a page that is found by a server beside it. */
export interface ServersRequest {
  query: string;
  after?: ServerId;
  before?: ServerId;
}

/** Lists one page of the servers that a key may be made for, by name. A neighbour that is gone leads to the first page. */
export async function listServersForKeys(
  { store }: Pick<Runtime, 'store'>,
  tenant: Pick<Tenant, 'id'>,
  { query, ...asked }: ServersRequest,
): Promise<FoundPage<NamedServer, ServerId>> {
  const after = asked.after && (await findServer(store, tenant.id, asked.after));
  const before = asked.before && (await findServer(store, tenant.id, asked.before));
  const page = { limit: serversPerPage, ...(after ? { after } : before && { before }) };
  const { previous, next, entries } = cutPage(
    await listServerPage(store, tenant.id, { query, page: withOneMore(page) }),
    page,
    (server): Pick<NamedServer, 'id' | 'name'> => server,
  );
  return { entries, ...(previous && { previous: previous.id }), ...(next && { next: next.id }) };
}
