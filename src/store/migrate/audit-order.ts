import type { Queryable } from './bookkeeping.ts';

/**
 * Sees to it that new events come after all that there are. They stand in the order of their transactions, which begins anew in a
 * database that was restored from a dump into another server: then new numbers are raised above the old ones. Run by the owner, whose
 * functions they come from. Nothing happens where the order is right, or before there is one.
 */
export async function keepAuditOrder(db: Queryable): Promise<void> {
  if (!(await isAuditOrderBroken(db))) return;
  const { rows } = await db.query<{ ahead: string }>(`SELECT (${newest}) + 1 AS ahead`);
  const ahead = BigInt(rows[0]?.ahead ?? 0);
  for (const [name, volatility, number] of [
    ['audit_position', 'VOLATILE', 'pg_catalog.pg_current_xact_id()'],
    ['audit_horizon', 'STABLE', 'pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())'],
  ]) {
    const body = `SELECT ${number}::pg_catalog.text::pg_catalog.int8 + ${ahead}`;
    await db.query(`CREATE OR REPLACE FUNCTION ${name}() RETURNS bigint LANGUAGE sql ${volatility} AS $$${body}$$`);
  }
}

/** Whether events would come to stand among those that there are; the runtime role may look. */
export async function isAuditOrderBroken(db: Queryable): Promise<boolean> {
  const { rows: found } = await db.query<{ present: boolean }>(
    `SELECT to_regclass('audit_seals') IS NOT NULL AND to_regprocedure('audit_horizon()') IS NOT NULL AS present`,
  );
  if (!found[0]?.present) return false;
  // Later than any transaction that has begun: what commits between the two looks at the table must not count.
  const { rows } = await db.query<{ broken: boolean }>(`
    SELECT (${newest}) >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint + audit_horizon() - pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS broken`);
  return rows[0]?.broken ?? false;
}

const newest = `SELECT GREATEST((SELECT max(tx) FROM audit_events), (SELECT max(until_tx) FROM audit_seals), 0)`;
