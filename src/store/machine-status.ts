/**
 * Status indices of tokens that no person's consent stands behind: those of tool assignments (for machine clients) and of API keys.
 * Each of these rows is locked `for update` before it is changed, by whoever issues a token and by whoever ends some; so no token
 * with old terms gets an index after the change has swept them.
 */
import type { ApiKeyId, ServerId, ServiceAccountId, TenantId, UserId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** Whose tokens end. `ofPeople`: those of all keys that people made. `assignments`: those of the account's client on one server or on all, but not those of its keys. */
export type MachineTokens =
  | { serverId: ServerId }
  | { serviceAccountId: ServiceAccountId; serverId?: ServerId }
  | { userId: UserId }
  | { userIds: readonly UserId[] }
  | { ofPeople: true }
  | { apiKeyId: ApiKeyId }
  | { clientOf: ServiceAccountId; serverId?: ServerId };

/** Turns the status indices of tokens invalid; the next token of each holder takes a new one. Locks the holders until the transaction ends. */
export async function invalidateMachineStatus(db: Database, tenantId: TenantId, which: MachineTokens, now: Date): Promise<void> {
  const [assignments, keys] = conditionsOf(which);
  if (assignments) {
    const ids = await db.$queryRaw<Holder[]>`
      SELECT id, status_index IS NOT NULL AS has_index FROM tool_assignments
      WHERE tenant_id = ${tenantId} AND ${assignments} ORDER BY id FOR UPDATE`;
    const held = await invalidate(db, tenantId, ids, now);
    if (held.length > 0) {
      await db.$executeRaw`
        UPDATE tool_assignments SET status_list = NULL, status_index = NULL WHERE tenant_id = ${tenantId} AND id = ANY (${held}::text[])`;
    }
  }
  if (keys) {
    const ids = await db.$queryRaw<Holder[]>`
      SELECT id, status_index IS NOT NULL AS has_index FROM api_keys WHERE tenant_id = ${tenantId} AND ${keys} ORDER BY id FOR UPDATE`;
    const held = await invalidate(db, tenantId, ids, now);
    if (held.length > 0) {
      await db.$executeRaw`
        UPDATE api_keys SET status_list = NULL, status_index = NULL WHERE tenant_id = ${tenantId} AND id = ANY (${held}::text[])`;
    }
  }
}

interface Holder {
  id: string;
  has_index: boolean;
}

function conditionsOf(which: MachineTokens): [assignments: Prisma.Sql | undefined, keys: Prisma.Sql | undefined] {
  if ('userId' in which) return [undefined, Prisma.sql`user_id = ${which.userId}`];
  if ('userIds' in which) return [undefined, Prisma.sql`user_id = ANY (${[...which.userIds]}::text[])`];
  if ('ofPeople' in which) return [undefined, Prisma.sql`user_id IS NOT NULL AND status_index IS NOT NULL`];
  if ('apiKeyId' in which) return [undefined, Prisma.sql`id = ${which.apiKeyId}`];
  const atServer = which.serverId === undefined ? Prisma.sql`true` : Prisma.sql`server_id = ${which.serverId}`;
  if ('clientOf' in which) return [Prisma.sql`service_account_id = ${which.clientOf} AND ${atServer}`, undefined];
  if (!('serviceAccountId' in which)) return [atServer, atServer];
  const all = Prisma.sql`service_account_id = ${which.serviceAccountId} AND ${atServer}`;
  return [all, all];
}

async function invalidate(db: Database, tenantId: TenantId, holders: readonly Holder[], now: Date): Promise<string[]> {
  const held = holders.filter(({ has_index: hasIndex }) => hasIndex).map(({ id }) => id);
  if (held.length === 0) return [];
  await db.statusEntry.updateMany({ where: { tenantId, installationId: { in: held }, invalidAt: null }, data: { invalidAt: now } });
  return held;
}
