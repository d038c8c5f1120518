/** Removals that go on in batches: what people allowed first, and the row that it is about last. */
import type { ConsentId, TenantId } from '../domain/ids.ts';
import { type Database, transact } from '../store/client.ts';
import { invalidateStatusOfConsents } from '../store/client-consents.ts';
import { deleteConsents } from '../store/client-removal.ts';
import type { Runtime } from './runtime.ts';

/** How many consents go in one transaction. */
export const removalBatch = 500;

/** What is removed, by the functions of the store for it. */
export interface Removal<Key extends { tenantId: TenantId }> {
  /** Locks one; false when it is gone. */
  lock(db: Database, key: Key): Promise<boolean>;
  /** Locks the one that has waited longest and that nobody works at, of any tenant. */
  lockOldest(db: Database): Promise<Key | undefined>;
  lockSomeConsents(db: Database, key: Key, limit: number): Promise<ConsentId[]>;
  deleteRow(db: Database, key: Key): Promise<void>;
}

type RemovalRuntime = Pick<Runtime, 'store' | 'clock'>;

/** The batches of one kind of removal. */
export interface RemovalBatches<Key> {
  /** Does one; false when nothing is left. */
  removeBatch(runtime: RemovalRuntime, key: Key): Promise<boolean>;
  /** Removes all that is left of one that has begun. */
  finish(runtime: RemovalRuntime, key: Key): Promise<void>;
  /** Does one batch of a removal that was interrupted; returns how many it did, so that the caller goes on while there are more. */
  resume(runtime: RemovalRuntime): Promise<number>;
}

/** Makes them. */
export function batchesOf<Key extends { tenantId: TenantId }>(removal: Removal<Key>): RemovalBatches<Key> {
  /** On a transaction that holds the row locked; false when it is gone now. */
  async function removeLocked({ clock }: RemovalRuntime, db: Database, key: Key): Promise<boolean> {
    const ids = await removal.lockSomeConsents(db, key, removalBatch);
    await invalidateStatusOfConsents(db, key.tenantId, ids, clock.now());
    await deleteConsents(db, key.tenantId, ids);
    if (ids.length === removalBatch) return true;
    await removal.deleteRow(db, key);
    return false;
  }

  async function removeBatch(runtime: RemovalRuntime, key: Key): Promise<boolean> {
    return transact(runtime.store, async (db) => (await removal.lock(db, key)) && removeLocked(runtime, db, key));
  }

  return {
    removeBatch,
    async finish(runtime, key) {
      while (await removeBatch(runtime, key));
    },
    resume: (runtime) =>
      transact(runtime.store, async (db) => {
        const key = await removal.lockOldest(db);
        if (!key) return 0;
        await removeLocked(runtime, db, key);
        return 1;
      }),
  };
}
