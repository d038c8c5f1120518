/**
 * A server that is removed is gone to everybody from one small commit on, however many people allowed something for it; what they allowed
 * goes afterwards, batch by batch, and its own row last. When that is interrupted, clean-up goes on, or removing once more.
 */
import type { ServerId } from '../domain/ids.ts';
import { parseResourceUri } from '../domain/resource-uri.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { invalidateStatusOfConsents } from '../store/client-consents.ts';
import { deleteConsents } from '../store/client-removal.ts';
import { invalidateMachineStatus } from '../store/machine-status.ts';
import {
  beginServerRemoval,
  countConsentsOfServer,
  deleteRemovedServer,
  findServerBeingRemoved,
  lockOldestServerRemoval,
  lockServerRemoval,
  lockSomeConsentsOfServer,
  type ServerKey,
} from '../store/server-removal.ts';
import { findServer, lockServer } from '../store/servers.ts';
import { removalBatch } from './remove-client.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** The outcome; `consents` counts those that end with the server. */
export type ServerRemoval = { ok: true; consents: number } | { ok: false; problem: 'unknown-server' };

/**
 * Removes a server: nobody gets a token for it any more, its credential is refused, status lists call its tokens invalid; what programs
 * may do at it is gone. Then the first batch of what people allowed for it goes; the rest is left to clean-up, or to a caller with
 * patience, by `finishServerRemoval`. The same for a server whose removal was begun before.
 */
export async function removeServer(
  runtime: Runtime,
  tenant: Tenant,
  { serverId, origin }: { serverId: ServerId; origin: Origin },
): Promise<ServerRemoval> {
  const key: ServerKey = { tenantId: tenant.id, serverId };
  const consents = await transact(runtime.store, async (db) => {
    // Whoever allows something for it holds it meanwhile: after the commit nobody can, and what was written before goes with the rest.
    await lockServer(db, tenant.id, serverId, 'removal');
    const server = await findServer(db, tenant.id, serverId);
    const isUnderWay = server === undefined && (await findServerBeingRemoved(db, tenant.id, { id: serverId })) !== undefined;
    if (!server && !isUnderWay) return undefined;
    const count = await countConsentsOfServer(db, key);
    if (!server) return count;
    const at = runtime.clock.now();
    await invalidateMachineStatus(db, tenant.id, { serverId }, at);
    await beginServerRemoval(db, key, at);
    const detail = { resource: server.resource, name: server.name, consents: count };
    await recordAuditEvent(db, tenant.id, { ...origin, type: 'server.removed', outcome: 'success', at, serverId, detail });
    return count;
  });
  if (consents === undefined) return { ok: false, problem: 'unknown-server' };
  await removeBatch(runtime, key);
  return { ok: true, consents };
}

/** Finds a server whose removal is under way, by its id or its resource URL. */
export async function findServerRemoval(
  { store }: Pick<Runtime, 'store'>,
  tenant: Tenant,
  idOrResource: string,
): Promise<{ id: ServerId; name: string } | undefined> {
  const uri = parseResourceUri(idOrResource);
  return findServerBeingRemoved(store, tenant.id, 'problem' in uri ? { id: idOrResource as ServerId } : { resourceKey: uri.key });
}

type RemovalRuntime = Pick<Runtime, 'store' | 'clock'>;

/** Removes all that is left of a server whose removal has begun. */
export async function finishServerRemoval(runtime: RemovalRuntime, key: ServerKey): Promise<void> {
  while (await removeBatch(runtime, key));
}

/** Does one batch of a removal that was interrupted; returns how many it did, so that the caller goes on while there are more. */
export async function resumeServerRemovals(runtime: RemovalRuntime): Promise<number> {
  return transact(runtime.store, async (db) => {
    const key = await lockOldestServerRemoval(db);
    if (!key) return 0;
    await removeLocked(runtime, db, key);
    return 1;
  });
}

/** False when nothing is left. */
async function removeBatch(runtime: RemovalRuntime, key: ServerKey): Promise<boolean> {
  return transact(runtime.store, async (db) => {
    if (!(await lockServerRemoval(db, key))) return false;
    return removeLocked(runtime, db, key);
  });
}

/** On a transaction that holds the server locked; false when it is gone now. */
async function removeLocked({ clock }: RemovalRuntime, db: Database, key: ServerKey): Promise<boolean> {
  const ids = await lockSomeConsentsOfServer(db, key, removalBatch);
  await invalidateStatusOfConsents(db, key.tenantId, ids, clock.now());
  await deleteConsents(db, key.tenantId, ids);
  if (ids.length === removalBatch) return true;
  await deleteRemovedServer(db, key);
  return false;
}
