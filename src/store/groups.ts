/** Groups of people. Whoever adds or removes members makes the tokens of those people follow: their status indices turn invalid. */
import { type GroupId, idPrefixes, type TenantId, type UserId } from '../domain/ids.ts';
import { randomId } from '../platform/random.ts';
import type { Database } from './client.ts';

/** A group. */
export interface StoredGroup {
  id: GroupId;
  name: string;
  createdAt: Date;
}

/** Makes a group; undefined when its name is another's. */
export async function createGroup(
  db: Database,
  tenantId: TenantId,
  { name, createdAt }: Pick<StoredGroup, 'name' | 'createdAt'>,
): Promise<GroupId | undefined> {
  const id = randomId(idPrefixes.group) as GroupId;
  const { count } = await db.group.createMany({ data: { tenantId, id, name, createdAt }, skipDuplicates: true });
  return count === 1 ? id : undefined;
}

/** Finds a group by its name, locked until the transaction ends: of two that change its members, one waits. */
export async function lockGroup(db: Database, tenantId: TenantId, name: string): Promise<StoredGroup | undefined> {
  const [row] = await db.$queryRaw<{ id: string; name: string; created_at: Date }[]>`
    SELECT id, name, created_at FROM groups WHERE tenant_id = ${tenantId} AND name = ${name} FOR UPDATE`;
  return row && { id: row.id as GroupId, name: row.name, createdAt: row.created_at };
}

/** Lists all groups in the order of their names. */
export async function listGroups(db: Database, tenantId: TenantId): Promise<StoredGroup[]> {
  const rows = await db.group.findMany({ where: { tenantId }, orderBy: { name: 'asc' } });
  return rows.map(({ id, name, createdAt }) => ({ id: id as GroupId, name, createdAt }));
}

/** The people of some groups, in the order of their addresses. */
export async function listMembers(
  db: Database,
  tenantId: TenantId,
  groupIds: readonly GroupId[],
): Promise<{ groupId: GroupId; userId: UserId; email: string }[]> {
  // Prisma would ask for the addresses with a parameter each, of which a statement has 32,767 at most.
  return db.$queryRaw`
    SELECT m.group_id AS "groupId", m.user_id AS "userId", u.email FROM group_members AS m
    JOIN users AS u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
    WHERE m.tenant_id = ${tenantId} AND m.group_id = ANY (${[...groupIds]}::text[]) ORDER BY u.email`;
}

/** Adds people to a group that the caller holds locked; those who are in it stay. */
export async function addMembers(
  db: Database,
  tenantId: TenantId,
  { groupId, userIds, at }: { groupId: GroupId; userIds: readonly UserId[]; at: Date },
): Promise<void> {
  const data = userIds.map((userId) => ({ tenantId, groupId, userId, addedAt: at }));
  await db.groupMember.createMany({ data, skipDuplicates: true });
}

/** Takes people out of a group that the caller holds locked. */
export async function removeMembers(
  db: Database,
  tenantId: TenantId,
  { groupId, userIds }: { groupId: GroupId; userIds: readonly UserId[] },
): Promise<void> {
  await db.groupMember.deleteMany({ where: { tenantId, groupId, userId: { in: [...userIds] } } });
}

/** Removes a group with its memberships. Lock it first. */
export async function removeGroup(db: Database, tenantId: TenantId, id: GroupId): Promise<void> {
  await db.group.delete({ where: { tenantId_id: { tenantId, id } } });
}
