import { deleteArtifactsByUid } from '../store/artifacts.ts';
import { transact } from '../store/client.ts';
import { deleteUnusedClients } from '../store/clients.ts';
import { managementTokenModel } from './client-credentials.ts';
import type { Runtime } from './runtime.ts';

/** A client that registered itself and that nobody ever allowed anything goes after this long, in seconds. */
export const unusedClientSeconds = 7 * 86_400;

/** How many clients go at a time. */
const batchClients = 200;

/** Removes one batch of clients that were never used; returns how many went. Used ones outlive their refresh tokens (MCP-33). */
export async function reapClients(runtime: Runtime): Promise<number> {
  const createdBefore = new Date(runtime.clock.now().getTime() - unusedClientSeconds * 1_000);
  return transact(runtime.store, async (db) => {
    const gone = await deleteUnusedClients(db, { createdBefore, limit: batchClients });
    for (const { tenantId, id } of gone) await deleteArtifactsByUid(db, tenantId, { model: managementTokenModel, uid: id });
    return gone.length;
  });
}
