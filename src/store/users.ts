import { idPrefixes, type TenantId, type UserId } from '../domain/ids.ts';
import { randomId } from '../platform/random.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/** An account, without its password. */
export interface StoredUser {
  id: UserId;
  /** In the form of `parseEmail`. */
  email: string;
  name?: string;
  isAdmin: boolean;
  /** Whether it can sign in with a password. */
  hasPassword: boolean;
  passwordChangedAt?: Date;
  demo: boolean;
  disabledAt?: Date;
  createdAt: Date;
}

/** An account to make. */
export interface NewUser {
  email: string;
  name?: string;
  isAdmin: boolean;
  /** PHC string; absent: it cannot sign in with a password yet. */
  passwordHash?: string;
  demo?: boolean;
  createdAt: Date;
}

function toUser(row: Prisma.UserGetPayload<object>): StoredUser {
  return {
    id: row.id as UserId,
    email: row.email,
    isAdmin: row.isAdmin,
    hasPassword: row.passwordHash !== null,
    demo: row.demo,
    createdAt: row.createdAt,
    ...(row.name !== null && { name: row.name }),
    ...(row.passwordChangedAt && { passwordChangedAt: row.passwordChangedAt }),
    ...(row.disabledAt && { disabledAt: row.disabledAt }),
  };
}

/** Makes an account; undefined when the address has one already. */
export async function createUser(db: Database, tenantId: TenantId, user: NewUser): Promise<UserId | undefined> {
  const id = randomId(idPrefixes.user) as UserId;
  const { count } = await db.user.createMany({
    data: { ...user, tenantId, id, ...(user.passwordHash !== undefined && { passwordChangedAt: user.createdAt }) },
    skipDuplicates: true,
  });
  return count === 1 ? id : undefined;
}

/** Keeps an account and its groups as they are until the transaction ends; false when there is none. Whoever changes them waits. */
export async function holdUser(db: Database, tenantId: TenantId, id: UserId): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>`SELECT 1 FROM users WHERE tenant_id = ${tenantId} AND id = ${id} FOR SHARE`;
  return rows.length > 0;
}

/** The same for those who count what the account has, one after the other. */
export async function lockUser(db: Database, tenantId: TenantId, id: UserId): Promise<void> {
  await db.$queryRaw`SELECT 1 FROM users WHERE tenant_id = ${tenantId} AND id = ${id} FOR NO KEY UPDATE`;
}

/** Finds an account, disabled ones included. */
export async function findUser(db: Database, tenantId: TenantId, id: UserId): Promise<StoredUser | undefined> {
  const row = await db.user.findUnique({ where: { tenantId_id: { tenantId, id } } });
  return row ? toUser(row) : undefined;
}

/** Finds accounts by their ids, disabled ones included. */
export async function findUsers(db: Database, tenantId: TenantId, ids: readonly UserId[]): Promise<Map<UserId, StoredUser>> {
  const rows = await db.user.findMany({ where: { tenantId, id: { in: [...ids] } } });
  return new Map(rows.map((row) => [row.id as UserId, toUser(row)]));
}

/** Finds an account by its address (in the form of `parseEmail`), disabled ones included. */
export async function findUserByEmail(db: Database, tenantId: TenantId, email: string): Promise<StoredUser | undefined> {
  const row = await db.user.findUnique({ where: { tenantId_email: { tenantId, email } } });
  return row ? toUser(row) : undefined;
}

/** The ids of those of some addresses that have an account, disabled ones included. */
export async function findUserIds(db: Database, tenantId: TenantId, emails: readonly string[]): Promise<Map<string, UserId>> {
  const wanted = [...new Set(emails)];
  const ids = new Map<string, UserId>();
  for (let start = 0; start < wanted.length; start += 1_000) {
    const where = { tenantId, email: { in: wanted.slice(start, start + 1_000) } };
    for (const { id, email } of await db.user.findMany({ where, select: { id: true, email: true } })) ids.set(email, id as UserId);
  }
  return ids;
}

/** The PHC string of an account's password, for whoever checks one; undefined when it has none. */
export async function findPasswordHash(db: Database, tenantId: TenantId, id: UserId): Promise<string | undefined> {
  const row = await db.user.findUnique({ where: { tenantId_id: { tenantId, id } }, select: { passwordHash: true } });
  return row?.passwordHash ?? undefined;
}

/** An account with the PHC string of its password, by its address: one query, whether there is one or not. */
export async function findSignInSecret(
  db: Database,
  tenantId: TenantId,
  email: string,
): Promise<{ user: StoredUser; passwordHash: string | undefined } | undefined> {
  const row = await db.user.findUnique({ where: { tenantId_email: { tenantId, email } } });
  return row ? { user: toUser(row), passwordHash: row.passwordHash ?? undefined } : undefined;
}

/** Sets a new password; with `checked`, only while that is still the hash of the present one. False when nothing was changed. */
export async function setPasswordHash(
  db: Database,
  tenantId: TenantId,
  id: UserId,
  change: { passwordHash: string; changedAt: Date; checked?: string },
): Promise<boolean> {
  const { count } = await db.user.updateMany({
    where: { tenantId, id, ...(change.checked !== undefined && { passwordHash: change.checked }) },
    data: { passwordHash: change.passwordHash, passwordChangedAt: change.changedAt },
  });
  return count === 1;
}

/** Replaces the hash of the same password, if it is still the one that was checked: a change that came between stays. */
export async function replacePasswordHash(
  db: Database,
  tenantId: TenantId,
  id: UserId,
  hashes: { checked: string; fresh: string },
): Promise<void> {
  await db.user.updateMany({ where: { tenantId, id, passwordHash: hashes.checked }, data: { passwordHash: hashes.fresh } });
}

/** Lists all accounts, in the order of their addresses. */
export async function listUsers(db: Database, tenantId: TenantId): Promise<StoredUser[]> {
  const rows = await db.user.findMany({ where: { tenantId }, orderBy: { email: 'asc' } });
  return rows.map(toUser);
}

/** The addresses of some people. They are asked for a thousand at a time. */
export async function findEmails(db: Database, tenantId: TenantId, ids: readonly UserId[]): Promise<Map<UserId, string>> {
  const wanted = [...new Set(ids)];
  const emails = new Map<UserId, string>();
  for (let start = 0; start < wanted.length; start += 1_000) {
    const where = { tenantId, id: { in: wanted.slice(start, start + 1_000) } };
    for (const { id, email } of await db.user.findMany({ where, select: { id: true, email: true } })) emails.set(id as UserId, email);
  }
  return emails;
}

/** Whether there is any administrator, disabled ones included. */
export async function hasAdmin(db: Database, tenantId: TenantId): Promise<boolean> {
  return (await db.user.findFirst({ where: { tenantId, isAdmin: true }, select: { id: true } })) !== null;
}

/**
 * Locks the administrators who are not disabled until the transaction ends, and returns them. Whoever takes one away does so
 * first: two that disable each other's account at once must not both succeed.
 */
export async function lockActiveAdmins(db: Database, tenantId: TenantId): Promise<UserId[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT id FROM users WHERE tenant_id = ${tenantId} AND is_admin AND disabled_at IS NULL ORDER BY id FOR NO KEY UPDATE`;
  return rows.map(({ id }) => id as UserId);
}

/** Disables an account (`at`) or enables it (null); false when it was so before. */
export async function setDisabled(db: Database, tenantId: TenantId, id: UserId, at: Date | null): Promise<boolean> {
  const { count } = await db.user.updateMany({
    where: { tenantId, id, disabledAt: at ? null : { not: null } },
    data: { disabledAt: at },
  });
  return count === 1;
}

/** Takes the passwords of all accounts that `serve --demo` made away; returns whose accounts these are. */
export async function clearDemoPasswords(db: Database, tenantId: TenantId): Promise<UserId[]> {
  const rows = await db.user.updateManyAndReturn({ where: { tenantId, demo: true }, data: { passwordHash: null }, select: { id: true } });
  return rows.map(({ id }) => id as UserId);
}

/**
 * Notes that a person looks at what her agents did; returns when the visit before this one ended, undefined when there was none. Looks
 * less than `visitSeconds` apart are one visit.
 */
export async function noteActivityVisit(
  db: Database,
  tenantId: TenantId,
  { id, now, visitSeconds }: { id: UserId; now: Date; visitSeconds: number },
): Promise<Date | undefined> {
  const begunBefore = new Date(now.getTime() - visitSeconds * 1_000);
  const [row] = await db.$queryRaw<{ before: Date | null }[]>`
    UPDATE users SET activity_seen_at = ${now},
      activity_seen_before = CASE WHEN activity_seen_at < ${begunBefore} THEN activity_seen_at ELSE activity_seen_before END
    WHERE tenant_id = ${tenantId} AND id = ${id} RETURNING activity_seen_before AS before`;
  return row?.before ?? undefined;
}
