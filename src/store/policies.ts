/** Policies: each is kept whole under a revision and never changes; which one is in force stands in the tenant. */
import type { TenantId, UserId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/** Which policy is in force; 0 where none was ever set. */
export async function findPolicyRevision(db: Database, tenantId: TenantId): Promise<number> {
  const { policyRevision } = await db.tenant.findUniqueOrThrow({ where: { id: tenantId }, select: { policyRevision: true } });
  return policyRevision;
}

/** Which policy is in force (0 where none was ever set), and the groups that a person is in. */
export interface PolicyFacts {
  revision: number;
  groups: string[];
}

/** Finds both as they stand at one moment. */
export async function findPolicyFacts(db: Database, tenantId: TenantId, userId: UserId): Promise<PolicyFacts> {
  const [row] = await db.$queryRaw<PolicyFacts[]>`
    SELECT t.policy_revision AS revision, ARRAY(
      SELECT g.name FROM group_members AS m JOIN groups AS g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
      WHERE m.tenant_id = t.id AND m.user_id = ${userId} ORDER BY g.name) AS groups
    FROM tenants AS t WHERE t.id = ${tenantId}`;
  if (!row) throw new Error(`there is no tenant ${tenantId}`);
  return row;
}

/** The same for some people: the names of the groups that each is in, in order; whoever is in none is left out. */
export async function findPolicyFactsOf(
  db: Database,
  tenantId: TenantId,
  userIds: readonly UserId[],
): Promise<{ revision: number; groups: ReadonlyMap<UserId, readonly string[]> }> {
  const revision = await findPolicyRevision(db, tenantId);
  const rows = await db.groupMember.findMany({
    where: { tenantId, userId: { in: [...userIds] } },
    select: { userId: true, group: { select: { name: true } } },
    orderBy: { group: { name: 'asc' } },
  });
  const groups = new Map<UserId, string[]>();
  for (const { userId, group } of rows) groups.set(userId as UserId, [...(groups.get(userId as UserId) ?? []), group.name]);
  return { revision, groups };
}

/** The rules of a policy, as they were written; undefined when there is no such revision. */
export async function findPolicyRules(db: Database, tenantId: TenantId, revision: number): Promise<unknown> {
  const row = await db.policy.findUnique({ where: { tenantId_revision: { tenantId, revision } }, select: { rules: true } });
  return row?.rules;
}

/** Puts other rules in force; returns the revision before and the new one. Lock the tenant first. */
export async function putPolicyInForce(
  db: Database,
  tenantId: TenantId,
  { rules, at }: { rules: readonly object[]; at: Date },
): Promise<{ before: number; revision: number }> {
  const before = await findPolicyRevision(db, tenantId);
  const revision = before + 1;
  await db.policy.create({ data: { tenantId, revision, rules: rules as Prisma.InputJsonArray, createdAt: at } });
  await db.tenant.update({ where: { id: tenantId }, data: { policyRevision: revision } });
  return { before, revision };
}
