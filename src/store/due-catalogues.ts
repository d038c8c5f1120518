/** Whose tools are to be read: one row at a time, by whichever process comes first. */
import type { ServerId, TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** A server whose tools are due. */
export interface DueCatalogue {
  tenantId: TenantId;
  serverId: ServerId;
}

/**
 * Takes the server that is due for longest, for whoever reads its tools: nobody else gets it before `until`, by when it has another
 * instant, or whoever took it is gone. It is looked for once (`=`): with `IN`, the planner may look again for each row, and take several.
 */
export async function takeDueCatalogue(db: Database, { now, until }: { now: Date; until: Date }): Promise<DueCatalogue | undefined> {
  const [row] = await db.$queryRaw<{ tenant_id: string; id: string }[]>`
    UPDATE servers SET catalogue_due_at = ${until} WHERE (tenant_id, id) = (
      SELECT tenant_id, id FROM servers WHERE catalogue_due_at <= ${now} AND removed_at IS NULL ORDER BY catalogue_due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING tenant_id, id`;
  return row && { tenantId: row.tenant_id as TenantId, serverId: row.id as ServerId };
}

/** Makes a server due at an instant, unless it is earlier. */
export async function hastenCatalogue(db: Database, tenantId: TenantId, serverId: ServerId, dueAt: Date): Promise<void> {
  await db.server.updateMany({ where: { tenantId, id: serverId, catalogueDueAt: { gt: dueAt } }, data: { catalogueDueAt: dueAt } });
}

/** Notes that a server's tools could not be read; returns how often in a row that is. 0: the server is gone. */
export async function noteUnreadCatalogue(
  db: Database,
  tenantId: TenantId,
  serverId: ServerId,
  problem: { reason: string; detail: string },
): Promise<number> {
  const [row] = await db.$queryRaw<{ failures: number }[]>`
    UPDATE servers SET catalogue_failures = catalogue_failures + 1, catalogue_problem = ${JSON.stringify(problem)}::jsonb
    WHERE tenant_id = ${tenantId} AND id = ${serverId} RETURNING catalogue_failures AS failures`;
  return row?.failures ?? 0;
}

/** Says when a server whose tools could not be read is tried again. */
export async function postponeCatalogue(db: Database, tenantId: TenantId, serverId: ServerId, dueAt: Date): Promise<void> {
  await db.server.updateMany({ where: { tenantId, id: serverId }, data: { catalogueDueAt: dueAt } });
}
