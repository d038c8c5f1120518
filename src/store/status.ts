/**
 * Indices of the token status lists. A row is an index in use; `invalid_at` set reads INVALID; no row reads VALID, so that a
 * fresh token never meets a list too old to know it. A row leaves only when every token that carries it has expired and every
 * copy of a list that showed it has aged out; then the index may be drawn again.
 */
import type { ApiKeyId, ConsentId, InstallationId, ServerId, TenantId, ToolAssignmentId, UserId } from '../domain/ids.ts';
import { randomIndex } from '../platform/random.ts';
import type { Database } from './client.ts';
import { invalidateStatusOfConsents } from './client-consents.ts';
import { invalidateMachineStatus } from './machine-status.ts';

/** Indices in a list; fixed and published, a list is never longer or shorter. */
export const statusListLength = 131_072;

/** Whose tokens carry an index. */
export type StatusHolderId = InstallationId | ToolAssignmentId | ApiKeyId;

/** Draws in the list that gives out indices before another one does. */
const maxDraws = 8;

/** Indices at random, so that neighbours say nothing about each other; the first free one is taken. */
export function drawIndices(): number[] {
  return Array.from({ length: maxDraws }, () => randomIndex(statusListLength));
}

/**
 * Assigns a free index to an installation, a tool assignment or an API key. Call it on the transaction that writes down which index it is, with what
 * may end locked: two that come at once for the same would take two, and a sweep that went before would miss it. The index is given
 * back by being turned invalid, never by being deleted.
 */
export async function assignIndex(
  db: Database,
  tenantId: TenantId,
  holderId: StatusHolderId,
  now: Date,
): Promise<{ list: number; index: number }> {
  for (;;) {
    const tenant = await db.tenant.findUniqueOrThrow({ where: { id: tenantId }, select: { statusLists: true, drawnList: true } });
    const list = tenant.drawnList ?? tenant.statusLists - 1;
    for (const index of drawIndices()) {
      const taken = await db.statusEntry.createMany({
        data: { tenantId, list, index, installationId: holderId, assignedAt: now },
        skipDuplicates: true,
      });
      if (taken.count === 1) return { list, index };
    }
    await drawFromAnotherList(db, tenantId, tenant);
  }
}

/**
 * Of a list this full a draw finds a free index in two tries. Fuller ones are not gone back to: a list that indices are drawn from
 * once more should last a while.
 */
const reusableFill = 0.5;

/**
 * Goes back to the list of which most has been freed, so that as many lists stay as indices are in use; opens a further one when
 * none is half empty. Of several callers at once, one changes it, and the others find it changed.
 */
async function drawFromAnotherList(
  db: Database,
  tenantId: TenantId,
  seen: { statusLists: number; drawnList: number | null },
): Promise<void> {
  const used = await db.statusEntry.groupBy({ by: ['list'], where: { tenantId }, _count: { _all: true } });
  const usedOf = new Map(used.map(({ list, _count }) => [list, _count._all]));
  const lists = Array.from({ length: seen.statusLists }, (_, list) => ({ list, used: usedOf.get(list) ?? 0 }));
  const emptiest = lists.reduce((best, one) => (one.used < best.used ? one : best));
  const data =
    emptiest.used < statusListLength * reusableFill
      ? { drawnList: emptiest.list }
      : { drawnList: seen.statusLists, statusLists: seen.statusLists + 1 };
  await db.tenant.updateMany({ where: { id: tenantId, ...seen }, data });
}

/** Turns all indices of some installations invalid. The caller holds the consents concerned locked `for update`. */
export async function invalidateStatusOfInstallations(
  db: Database,
  tenantId: TenantId,
  ids: readonly InstallationId[],
  now: Date,
): Promise<void> {
  if (ids.length === 0) return;
  await db.statusEntry.updateMany({ where: { tenantId, installationId: { in: [...ids] }, invalidAt: null }, data: { invalidAt: now } });
  await db.installation.updateMany({ where: { tenantId, id: { in: [...ids] } }, data: { statusList: null, statusIndex: null } });
}

/** Turns all indices of a consent's installations invalid; the next token of each takes a new one. Lock the consent first. */
export async function invalidateStatusOfConsent(db: Database, tenantId: TenantId, consentId: ConsentId, now: Date): Promise<void> {
  await invalidateWhere(db, tenantId, { consentId }, now);
}

/** The same for all tokens for a server, those of machines among them. Lock the consents first (`lockConsentsOfServer`). */
export async function invalidateStatusOfServer(db: Database, tenantId: TenantId, serverId: ServerId, now: Date): Promise<void> {
  await invalidateWhere(db, tenantId, { consent: { serverId } }, now);
  await invalidateMachineStatus(db, tenantId, { serverId }, now);
}

/** The same for all tokens of a person, those of her API keys among them. Lock the consents first (`lockConsentsOfUser`). */
export async function invalidateStatusOfUser(db: Database, tenantId: TenantId, userId: UserId, now: Date): Promise<void> {
  await invalidateWhere(db, tenantId, { consent: { userId } }, now);
  await invalidateMachineStatus(db, tenantId, { userId }, now);
}

/** The same for several people at once; locks their consents, in the order of ids, until the transaction ends. */
export async function invalidateStatusOfUsers(db: Database, tenantId: TenantId, userIds: readonly UserId[], now: Date): Promise<void> {
  if (userIds.length === 0) return;
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT id FROM consents WHERE tenant_id = ${tenantId} AND user_id = ANY (${[...userIds]}::text[]) AND ended_at IS NULL
    ORDER BY id FOR UPDATE`;
  await invalidateStatusOfConsents(
    db,
    tenantId,
    rows.map(({ id }) => id as ConsentId),
    now,
  );
  await invalidateMachineStatus(db, tenantId, { userIds }, now);
}

async function invalidateWhere(
  db: Database,
  tenantId: TenantId,
  which: { consentId: ConsentId } | { consent: { serverId: ServerId } | { userId: UserId } },
  now: Date,
): Promise<void> {
  const rows = await db.installation.findMany({ where: { tenantId, statusIndex: { not: null }, ...which }, select: { id: true } });
  await invalidateStatusOfInstallations(
    db,
    tenantId,
    rows.map(({ id }) => id as InstallationId),
    now,
  );
}

/** Finds whose tokens carry an index. */
export async function findHolderOfIndex(
  db: Database,
  tenantId: TenantId,
  entry: { list: number; index: number },
): Promise<StatusHolderId | undefined> {
  const row = await db.statusEntry.findUnique({
    where: { tenantId_list_index: { tenantId, ...entry } },
    select: { installationId: true },
  });
  return row ? (row.installationId as StatusHolderId) : undefined;
}

/** Whether an index reads INVALID. */
export async function isIndexInvalid(db: Database, tenantId: TenantId, entry: { list: number; index: number }): Promise<boolean> {
  const row = await db.statusEntry.findUnique({ where: { tenantId_list_index: { tenantId, ...entry } }, select: { invalidAt: true } });
  return row?.invalidAt != null;
}

/**
 * The invalid indices of a list; undefined when there is no such list. Those of a client that is blocked or removed, and of a server that is removed, are among them from
 * that moment on, before they have been gone through.
 */
export async function listInvalidIndices(db: Database, tenantId: TenantId, list: number): Promise<number[] | undefined> {
  const tenant = await db.tenant.findUnique({ where: { id: tenantId }, select: { statusLists: true } });
  if (!tenant || list < 0 || list >= tenant.statusLists) return undefined;
  // Before the rows that say so themselves: what is gone through between the two is among those.
  const blocked = [...(await listBlockedIndices(db, tenantId, list)), ...(await listIndicesOfRemovedServers(db, tenantId, list))];
  const rows = await db.statusEntry.findMany({ where: { tenantId, list, invalidAt: { not: null } }, select: { index: true } });
  return [...blocked, ...rows.map(({ index }) => index)];
}

async function listBlockedIndices(db: Database, tenantId: TenantId, list: number): Promise<number[]> {
  const clients = await db.$queryRaw<{ id: string }[]>`
    SELECT c.id FROM consent_sweeps AS w JOIN clients AS c ON c.tenant_id = w.tenant_id AND c.id = w.client_id
    WHERE w.tenant_id = ${tenantId} AND c.blocked_at IS NOT NULL
    UNION SELECT id FROM clients WHERE removed_at IS NOT NULL AND tenant_id = ${tenantId}`;
  if (clients.length === 0) return [];
  const rows = await db.$queryRaw<{ index: number }[]>`
    SELECT i.status_index AS index FROM consents AS k JOIN installations AS i ON i.tenant_id = k.tenant_id AND i.consent_id = k.id
    WHERE k.tenant_id = ${tenantId} AND k.client_id = ANY (${clients.map(({ id }) => id)}::text[]) AND k.ended_at IS NULL
      AND i.status_list = ${list} AND i.status_index IS NOT NULL`;
  return rows.map(({ index }) => index);
}

async function listIndicesOfRemovedServers(db: Database, tenantId: TenantId, list: number): Promise<number[]> {
  const servers = await db.server.findMany({ where: { tenantId, removedAt: { not: null } }, select: { id: true } });
  if (servers.length === 0) return [];
  const rows = await db.$queryRaw<{ index: number }[]>`
    SELECT i.status_index AS index FROM consents AS k JOIN installations AS i ON i.tenant_id = k.tenant_id AND i.consent_id = k.id
    WHERE k.tenant_id = ${tenantId} AND k.server_id = ANY (${servers.map(({ id }) => id)}::text[]) AND k.ended_at IS NULL
      AND i.status_list = ${list} AND i.status_index IS NOT NULL`;
  return rows.map(({ index }) => index);
}

/** Frees at most 500 indices that turned invalid before `invalidBefore`; returns how many. */
export async function freeIndices(db: Database, invalidBefore: Date): Promise<number> {
  return db.$executeRaw`
    DELETE FROM status_entries WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM status_entries WHERE invalid_at < ${invalidBefore}
      ORDER BY invalid_at LIMIT 500 FOR UPDATE SKIP LOCKED)) AND invalid_at < ${invalidBefore}`;
}
