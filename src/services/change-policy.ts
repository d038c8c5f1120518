import { comparePolicies, type Policy, type PolicyChange } from '../domain/policy.ts';
import { spellPolicy } from '../domain/policy-form.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { findPolicyRevision, putPolicyInForce } from '../store/policies.ts';
import { beginPolicySweep } from '../store/policy-sweeps.ts';
import { lockTenant } from '../store/tenants.ts';
import { findPolicy } from './find-rules.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

type ChangeRuntime = Pick<Runtime, 'store' | 'clock' | 'log'>;

/**
 * Puts a policy in force, whole, on the caller's transaction; the caller finishes the sweep after its commit. It counts from that on: at
 * consent, for tokens that are asked for, at introspection of API keys. Tokens that follow another one end within the bound; whose they
 * are is gone through afterwards, in batches.
 */
export async function changePolicy(
  runtime: ChangeRuntime,
  db: Database,
  { tenant, policy, origin }: { tenant: Pick<Tenant, 'id'>; policy: Policy; origin: Origin },
): Promise<PolicyChange | undefined> {
  await lockTenant(db, tenant.id);
  const current = await findPolicy(runtime, db, { tenantId: tenant.id, revision: await findPolicyRevision(db, tenant.id) });
  const change = comparePolicies(current, policy);
  if (!change) return undefined;
  const at = runtime.clock.now();
  const { before, revision } = await putPolicyInForce(db, tenant.id, { rules: spellPolicy(policy), at });
  await beginPolicySweep(db, tenant.id, { fromRevision: before, at });
  await recordAuditEvent(db, tenant.id, {
    ...origin,
    type: 'policy.changed',
    outcome: 'success',
    at,
    detail: { revision, rules: policy.rules.length, added: cut(change.added), changed: cut(change.changed), removed: cut(change.removed) },
  });
  return change;
}

/** The first names and how many there are. */
function cut(names: readonly string[]): { count: number; names: string[] } {
  return { count: names.length, names: names.slice(0, 20) };
}
