/**
 * A client that is removed is gone to everybody from one small commit on, however many people allowed it something; what they allowed
 * goes afterwards, batch by batch, and its own row last. When that is interrupted, clean-up goes on, or removing once more.
 */
import type { ClientId } from '../domain/ids.ts';
import { deleteArtifactsByUid } from '../store/artifacts.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { countConsentsOfClient } from '../store/client-consents.ts';
import {
  beginClientRemoval,
  type ClientKey,
  deleteRemovedClient,
  isClientBeingRemoved,
  lockClientRemoval,
  lockOldestClientRemoval,
  lockSomeConsentsOfClient,
} from '../store/client-removal.ts';
import { findClient, isClientId, lockClient } from '../store/clients.ts';
import { managementTokenModel } from './client-credentials.ts';
import { batchesOf } from './removal-batches.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { leaveServiceAccount } from './service-accounts.ts';

/** Whether it was there until now, or its removal was begun before; undefined when there is no such client. */
export type ClientRemoval = { isChanged: boolean } | undefined;

/**
 * Removes a client: no endpoint knows it any more, introspection and status lists call its tokens inactive. Then the first batch of what
 * people allowed it goes; the rest is left to clean-up, or to a caller with patience, by `finishClientRemoval`. A service account that it
 * acted as goes with it, unless API keys act as that too.
 */
export async function removeClient(
  runtime: Runtime,
  tenant: Tenant,
  { clientId, origin }: { clientId: ClientId; origin: Origin },
): Promise<ClientRemoval> {
  if (!isClientId(clientId)) return undefined;
  const key: ClientKey = { tenantId: tenant.id, clientId };
  const isChanged = await transact(runtime.store, async (db) => {
    // Whoever allows it something holds it meanwhile: after the commit nobody can, and what was written before goes with the rest.
    await lockClient(db, tenant.id, clientId);
    const client = await findClient(db, tenant.id, clientId);
    if (!client) return false;
    const at = runtime.clock.now();
    await beginClientRemoval(db, key, at);
    if (client.serviceAccountId) await leaveServiceAccount(runtime, db, { tenant, id: client.serviceAccountId, origin });
    const { consents } = await countConsentsOfClient(db, tenant.id, clientId);
    await deleteArtifactsByUid(db, tenant.id, { model: managementTokenModel, uid: clientId });
    const detail = { client: clientId, consents };
    await recordAuditEvent(db, tenant.id, { ...origin, type: 'client.removed', outcome: 'success', at, clientId, detail });
    return true;
  });
  if (!isChanged && !(await isClientBeingRemoved(runtime.store, key))) return undefined;
  await batches.removeBatch(runtime, key);
  return { isChanged };
}

/** Its batches. */
const batches = batchesOf<ClientKey>({
  lock: lockClientRemoval,
  lockOldest: lockOldestClientRemoval,
  lockSomeConsents: lockSomeConsentsOfClient,
  deleteRow: deleteRemovedClient,
});

/** Removes all that is left of a client whose removal has begun. */
export const finishClientRemoval = batches.finish;

/** Does one batch of a removal that was interrupted. */
export const resumeClientRemovals = batches.resume;
