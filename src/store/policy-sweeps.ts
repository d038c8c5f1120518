/** Which tenants' consents are still to be gone through, because another policy is in force. Begun in the commit that changes it. */
import type { ConsentId, TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** A sweep: tokens may follow any policy from `fromRevision` on, and what was gone through is what comes not after `afterId`. */
export interface PolicySweep {
  tenantId: TenantId;
  fromRevision: number;
  /** Empty at the beginning. */
  afterId: string;
}

interface SweepRow {
  tenant_id: string;
  from_revision: number;
  after_id: string;
}

function toSweep({ tenant_id: tenantId, from_revision: fromRevision, after_id: afterId }: SweepRow): PolicySweep {
  return { tenantId: tenantId as TenantId, fromRevision, afterId };
}

/** Begins a sweep; one that is under way begins anew, from the oldest policy that it was to end. */
export async function beginPolicySweep(
  db: Database,
  tenantId: TenantId,
  { fromRevision, at }: { fromRevision: number; at: Date },
): Promise<void> {
  await db.$executeRaw`
    INSERT INTO policy_sweeps (tenant_id, from_revision, begun_at) VALUES (${tenantId}, ${fromRevision}, ${at})
    ON CONFLICT (tenant_id) DO UPDATE SET after_id = '', begun_at = EXCLUDED.begun_at,
      from_revision = LEAST(policy_sweeps.from_revision, EXCLUDED.from_revision)`;
}

/** Locks a tenant's sweep until the transaction ends; waits for whoever does a batch of it. Undefined when it is done. */
export async function lockPolicySweep(db: Database, tenantId: TenantId): Promise<PolicySweep | undefined> {
  const [row] = await db.$queryRaw<SweepRow[]>`
    SELECT tenant_id, from_revision, after_id FROM policy_sweeps WHERE tenant_id = ${tenantId} FOR UPDATE`;
  return row && toSweep(row);
}

/** Locks the oldest sweep that nobody works at, of any tenant. */
export async function lockOldestPolicySweep(db: Database): Promise<PolicySweep | undefined> {
  const [row] = await db.$queryRaw<SweepRow[]>`
    SELECT tenant_id, from_revision, after_id FROM policy_sweeps ORDER BY begun_at LIMIT 1 FOR UPDATE SKIP LOCKED`;
  return row && toSweep(row);
}

/** Notes how far a sweep came that the caller has locked; undefined: it is done. */
export async function movePolicySweep(db: Database, { tenantId }: PolicySweep, afterId: ConsentId | undefined): Promise<void> {
  if (afterId === undefined) await db.policySweep.delete({ where: { tenantId } });
  else await db.policySweep.update({ where: { tenantId }, data: { afterId } });
}
