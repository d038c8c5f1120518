/**
 * What is decided about a client, or by a tenant's setting, counts from its commit on; what it changes for people who allowed something
 * before is written down afterwards, in batches, however many they are. That work is noted in the commit of the decision: whoever
 * decides goes on with it at once, and when it is interrupted, clean-up does.
 */
import type { TenantId } from '../domain/ids.ts';
import { type Database, transact } from '../store/client.ts';
import {
  endConsents,
  invalidateStatusOfConsents,
  lockConsentsOfClient,
  lockConsentsOfUnverifiedClients,
} from '../store/client-consents.ts';
import { findClient } from '../store/clients.ts';
import { type ConsentSweep, lockConsentSweep, lockOldestConsentSweep, moveConsentSweep, type SweepKey } from '../store/consent-sweeps.ts';
import type { Runtime } from './runtime.ts';

/** How many consents are gone through in one transaction. */
export const sweepBatch = 500;

type SweepRuntime = Pick<Runtime, 'store' | 'clock'>;

/** How many have ended. */
export interface EndedConsents {
  consents: number;
  installations: number;
}

/** Goes through all that is left of a sweep; returns what ended by it. One that is done, or was never begun, is nothing to do. */
export async function finishConsentSweep(runtime: SweepRuntime, key: SweepKey): Promise<EndedConsents> {
  const ended = { consents: 0, installations: 0 };
  for (;;) {
    const batch = await transact(runtime.store, async (db) => {
      const sweep = await lockConsentSweep(db, key);
      return sweep && sweepOneBatch(runtime, db, sweep);
    });
    if (!batch) return ended;
    ended.consents += batch.consents;
    ended.installations += batch.installations;
  }
}

/** Does one batch of a sweep that was interrupted; returns how many it did, so that the caller goes on while there are more. */
export async function resumeConsentSweeps(runtime: SweepRuntime): Promise<number> {
  return transact(runtime.store, async (db) => {
    const sweep = await lockOldestConsentSweep(db);
    if (!sweep) return 0;
    await sweepOneBatch(runtime, db, sweep);
    return 1;
  });
}

/** On a transaction that holds the sweep locked. Consents of a blocked client end; the next tokens of all others are what may be now. */
async function sweepOneBatch(runtime: SweepRuntime, db: Database, sweep: ConsentSweep): Promise<EndedConsents> {
  const { tenantId } = sweep;
  const ids = await lockConsents(db, tenantId, sweep);
  const at = runtime.clock.now();
  await invalidateStatusOfConsents(db, tenantId, ids, at);
  const client = sweep.clientId && (await findClient(db, tenantId, sweep.clientId));
  const ended = client?.blockedAt ? await endConsents(db, tenantId, ids, { at, reason: 'client-blocked' }) : undefined;
  await moveConsentSweep(db, sweep, ids.length < sweepBatch ? undefined : ids.at(-1));
  return ended ?? { consents: 0, installations: 0 };
}

function lockConsents(db: Database, tenantId: TenantId, { clientId, afterId }: ConsentSweep) {
  const page = { after: afterId, limit: sweepBatch };
  return clientId === undefined ? lockConsentsOfUnverifiedClients(db, tenantId, page) : lockConsentsOfClient(db, tenantId, clientId, page);
}
