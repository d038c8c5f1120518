import type { ServerId } from '../domain/ids.ts';
import { parseResourceUri } from '../domain/resource-uri.ts';
import { findServer, findServerByResourceKey, listServers as listServerRows, type StoredServer } from '../store/servers.ts';
import { listTools, type StoredTool } from '../store/tools.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A server with its catalogue. */
export interface ServerOverview {
  server: StoredServer;
  tools: readonly StoredTool[];
}

/** Lists all servers with their catalogues, oldest first; for administrators. */
export async function listServers(runtime: Runtime, tenant: Tenant): Promise<ServerOverview[]> {
  const servers = await listServerRows(runtime.store, tenant.id);
  const overviews: ServerOverview[] = [];
  for (const server of servers) overviews.push({ server, tools: await listTools(runtime.store, tenant.id, server.id) });
  return overviews;
}

/** Finds a server by its id or its resource URL, whatever is at hand; for administrators. */
export async function findServerByName(runtime: Runtime, tenant: Tenant, idOrResource: string): Promise<ServerOverview | undefined> {
  const uri = parseResourceUri(idOrResource);
  const server =
    'problem' in uri
      ? await findServer(runtime.store, tenant.id, idOrResource as ServerId)
      : await findServerByResourceKey(runtime.store, tenant.id, uri.key);
  return server && { server, tools: await listTools(runtime.store, tenant.id, server.id) };
}
