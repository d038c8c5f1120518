import { LRUCache } from 'lru-cache';
import type { TenantId } from '../domain/ids.ts';
import type { Database, Store } from '../store/client.ts';
import type { StoredServer } from '../store/servers.ts';
import { readCatalogue, type StoredTool } from '../store/tools.ts';
import type { Runtime } from './runtime.ts';

/** How much of catalogues is remembered, in characters of the text that they come as. */
const maxKept = 16 * 1024 * 1024;

/** One with more than this is read anew each time. */
const maxCharacters = 2 * 1024 * 1024;

/** Catalogues by tenant, server and revision, which never change. Which revision counts is read anew each time. */
const kept = new WeakMap<Store, LRUCache<string, readonly StoredTool[]>>();

/**
 * Finds the tools of a server that was just read, in its own order, as `listTools` does. They are shared: whoever wants others makes them
 * of these. In a transaction that changes tools, ask `listTools`.
 */
export async function findCatalogue(
  { store }: Pick<Runtime, 'store'>,
  db: Database,
  { tenantId, server }: { tenantId: TenantId; server: Pick<StoredServer, 'id' | 'catalogueRevision'> },
): Promise<readonly StoredTool[]> {
  const catalogues = kept.get(store) ?? new LRUCache<string, readonly StoredTool[]>({ maxSize: maxKept, maxEntrySize: maxCharacters });
  kept.set(store, catalogues);
  const keyOf = (revision: number) => `${tenantId} ${server.id} ${revision}`;
  const known = catalogues.get(keyOf(server.catalogueRevision));
  if (known) return known;
  const { tools, revision, characters } = await readCatalogue(db, tenantId, server.id);
  for (const tool of tools) Object.freeze(tool);
  if (revision >= 0) catalogues.set(keyOf(revision), Object.freeze(tools), { size: characters });
  return tools;
}
