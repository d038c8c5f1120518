/**
 * A server that is removed is gone to everybody from one small commit on, however many people allowed something for it; what they allowed
 * goes afterwards, batch by batch, and its own row last. When that is interrupted, clean-up goes on, or removing once more.
 */
import type { ServerId } from '../domain/ids.ts';
import { parseResourceUri } from '../domain/resource-uri.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
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
import { batchesOf } from './removal-batches.ts';
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
  await batches.removeBatch(runtime, key);
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

/** Its batches. */
const batches = batchesOf<ServerKey>({
  lock: lockServerRemoval,
  lockOldest: lockOldestServerRemoval,
  lockSomeConsents: lockSomeConsentsOfServer,
  deleteRow: deleteRemovedServer,
});

/** Removes all that is left of a server whose removal has begun. */
export const finishServerRemoval = batches.finish;

/** Does one batch of a removal that was interrupted. */
export const resumeServerRemovals = batches.resume;
