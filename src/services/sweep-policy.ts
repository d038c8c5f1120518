/**
 * Another policy counts from its commit on; tokens that were made by the one before are ended afterwards, in batches, however many
 * people there are. Whose tokens they are is found by comparing the rules that concern person, client and server: who is not concerned
 * by what changed keeps the tokens she has.
 */
import type { ConsentId, TenantId } from '../domain/ids.ts';
import { type Policy, spellRules } from '../domain/policy.ts';
import { policyClient } from '../domain/policy-client.ts';
import { type Database, transact } from '../store/client.ts';
import { invalidateStatusOfConsents } from '../store/client-consents.ts';
import { type ConcernedConsent, lockConcernedConsents } from '../store/concerned-consents.ts';
import { invalidateMachineStatus } from '../store/machine-status.ts';
import { findPolicyRevision } from '../store/policies.ts';
import { lockOldestPolicySweep, lockPolicySweep, movePolicySweep, type PolicySweep } from '../store/policy-sweeps.ts';
import { findPolicy } from './find-rules.ts';
import type { Runtime } from './runtime.ts';
import { sweepBatch } from './sweep-consents.ts';

type SweepRuntime = Pick<Runtime, 'store' | 'clock' | 'log'>;

/** Goes through all that is left of a tenant's sweep. One that is done, or was never begun, is nothing to do. */
export async function finishPolicySweep(runtime: SweepRuntime, tenantId: TenantId): Promise<void> {
  for (;;) {
    const isMore = await transact(runtime.store, async (db) => {
      const sweep = await lockPolicySweep(db, tenantId);
      return sweep !== undefined && sweepOneBatch(runtime, db, sweep);
    });
    if (!isMore) return;
  }
}

/** Does one batch of a sweep that was interrupted; returns how many it did, so that the caller goes on while there are more. */
export async function resumePolicySweeps(runtime: SweepRuntime): Promise<number> {
  return transact(runtime.store, async (db) => {
    const sweep = await lockOldestPolicySweep(db);
    if (!sweep) return 0;
    await sweepOneBatch(runtime, db, sweep);
    return 1;
  });
}

/** On a transaction that holds the sweep locked; says whether there is more. */
async function sweepOneBatch(runtime: SweepRuntime, db: Database, sweep: PolicySweep): Promise<boolean> {
  const { tenantId, fromRevision, afterId } = sweep;
  const inForce = await findPolicyRevision(db, tenantId);
  const policies = [];
  for (let revision = fromRevision; revision <= inForce; revision += 1)
    policies.push(await findPolicy(runtime, db, { tenantId, revision }));
  const consents = await lockConcernedConsents(db, tenantId, { after: afterId, limit: sweepBatch });
  const at = runtime.clock.now();
  await invalidateStatusOfConsents(db, tenantId, findAffected(consents, policies), at);
  const isMore = consents.length === sweepBatch;
  // Keys that people made are few, and asking about them shows what may be now anyway.
  if (!isMore) await invalidateMachineStatus(db, tenantId, { ofPeople: true }, at);
  await movePolicySweep(db, sweep, isMore ? consents.at(-1)?.id : undefined);
  return isMore;
}

/** The consents that the last policy treats otherwise than any before it. */
function findAffected(consents: readonly ConcernedConsent[], policies: readonly Policy[]): ConsentId[] {
  const known = new Map<string, boolean>();
  return consents
    .filter(({ client, groups, resourceKey }) => {
      const parties = { groups, client: policyClient(client), resourceKey };
      const key = JSON.stringify(parties);
      const isAffected = known.get(key) ?? new Set(policies.map((policy) => spellRules(policy, parties))).size > 1;
      known.set(key, isAffected);
      return isAffected;
    })
    .map(({ id }) => id);
}
