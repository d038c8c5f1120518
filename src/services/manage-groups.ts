import type { GroupId, UserId } from '../domain/ids.ts';
import { everyone } from '../domain/policy.ts';
import { isPlainName } from '../domain/policy-form.ts';
import { recordAuditEvent, recordAuditEvents } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import {
  addMembers,
  createGroup as createRow,
  listMembers,
  listGroups as listRows,
  lockGroup,
  removeMembers,
  removeGroup as removeRow,
  type StoredGroup,
} from '../store/groups.ts';
import { invalidateStatusOfUsers } from '../store/status.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

type GroupRuntime = Pick<Runtime, 'store' | 'clock'>;
type GroupTenant = Pick<Tenant, 'id'>;

/** Why a group was not made. */
export type GroupNameProblem = 'bad-name' | 'reserved' | 'name-taken';

/** A group with the people in it, in the order of their addresses. */
export interface GroupOverview extends StoredGroup {
  members: readonly { userId: UserId; email: string }[];
}

/** Lists all groups with their people. */
export async function listGroups({ store }: Pick<Runtime, 'store'>, tenant: GroupTenant): Promise<GroupOverview[]> {
  const groups = await listRows(store, tenant.id);
  const ids = groups.map(({ id }) => id);
  const members = Map.groupBy(await listMembers(store, tenant.id, ids), ({ groupId }) => groupId);
  return groups.map(({ id, name, createdAt }) => ({ id, name, createdAt, members: members.get(id) ?? [] }));
}

/** Makes a group. */
export async function createGroup(
  runtime: GroupRuntime,
  tenant: GroupTenant,
  { name, origin }: { name: string; origin: Origin },
): Promise<{ ok: true; id: GroupId } | { ok: false; problem: GroupNameProblem }> {
  if (!isPlainName(name)) return { ok: false, problem: 'bad-name' };
  if (name.toLowerCase() === everyone) return { ok: false, problem: 'reserved' };
  const id = await transact(runtime.store, (db) => createGroupIn(runtime, db, { tenant, name, origin }));
  return id ? { ok: true, id } : { ok: false, problem: 'name-taken' };
}

/** The same on the caller's transaction, for a name that is in order; undefined when another group has it. */
export async function createGroupIn(
  { clock }: Pick<Runtime, 'clock'>,
  db: Database,
  { tenant, name, origin }: { tenant: GroupTenant; name: string; origin: Origin },
): Promise<GroupId | undefined> {
  const at = clock.now();
  const id = await createRow(db, tenant.id, { name, createdAt: at });
  if (id) await recordAuditEvent(db, tenant.id, { ...origin, type: 'group.created', outcome: 'success', at, detail: { group: name } });
  return id;
}

/** Who came and went. */
export interface MembershipChange {
  added: readonly UserId[];
  removed: readonly UserId[];
}

/**
 * Adds people to a group and takes others out; those who are in it already, or were not, change nothing. Undefined when there is no such
 * group. Tokens of those who came or went end within the bound: what rules say of them may be something else now.
 */
export async function changeMembers(
  runtime: GroupRuntime,
  tenant: GroupTenant,
  { name, add = [], remove = [], origin }: { name: string; add?: readonly UserId[]; remove?: readonly UserId[]; origin: Origin },
): Promise<MembershipChange | undefined> {
  return transact(runtime.store, async (db) => {
    const group = await lockGroup(db, tenant.id, name);
    return group && changeMembersIn(runtime, db, { tenant, group, add, remove, origin });
  });
}

/** The same on the caller's transaction, which holds the group locked. */
export async function changeMembersIn(
  { clock }: Pick<Runtime, 'clock'>,
  db: Database,
  change: { tenant: GroupTenant; group: StoredGroup; add: readonly UserId[]; remove: readonly UserId[]; origin: Origin },
): Promise<MembershipChange> {
  const { tenant, group, origin } = change;
  const present = new Set((await listMembers(db, tenant.id, [group.id])).map(({ userId }) => userId));
  const added = [...new Set(change.add)].filter((userId) => !present.has(userId));
  const removed = [...new Set(change.remove)].filter((userId) => present.has(userId));
  const at = clock.now();
  if (added.length > 0) await addMembers(db, tenant.id, { groupId: group.id, userIds: added, at });
  if (removed.length > 0) await removeMembers(db, tenant.id, { groupId: group.id, userIds: removed });
  // After the memberships: their rows hold the people's, so that nobody allows anything meanwhile by the groups of before.
  await invalidateStatusOfUsers(db, tenant.id, [...added, ...removed], at);
  const event = { ...origin, tenantId: tenant.id, outcome: 'success', at, detail: { group: group.name } } as const;
  await recordAuditEvents(db, [
    ...added.map((userId) => ({ ...event, type: 'group.member-added' as const, userId })),
    ...removed.map((userId) => ({ ...event, type: 'group.member-removed' as const, userId })),
  ]);
  return { added, removed };
}

/** Removes a group; undefined when there is none. Rules that name it are for nobody by it then. */
export async function removeGroup(
  runtime: GroupRuntime,
  tenant: GroupTenant,
  { name, origin }: { name: string; origin: Origin },
): Promise<{ members: number } | undefined> {
  return transact(runtime.store, async (db) => {
    const group = await lockGroup(db, tenant.id, name);
    if (!group) return undefined;
    const members = (await listMembers(db, tenant.id, [group.id])).map(({ userId }) => userId);
    await changeMembersIn(runtime, db, { tenant, group, add: [], remove: members, origin });
    await removeRow(db, tenant.id, group.id);
    const at = runtime.clock.now();
    await recordAuditEvent(db, tenant.id, { ...origin, type: 'group.removed', outcome: 'success', at, detail: { group: name } });
    return { members: members.length };
  });
}
