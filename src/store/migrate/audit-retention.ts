import type { Queryable } from './bookkeeping.ts';

/**
 * Says in the database how long audit events are kept. Run by the owner: it is the body of a function of the owner's, so that the
 * runtime role, which may have months dropped that are past it, cannot shorten it. Nothing happens before there are such months.
 */
export async function keepAuditFor(db: Queryable, seconds: number): Promise<void> {
  if (!Number.isSafeInteger(seconds) || seconds <= 0) throw new Error(`not a number of seconds: ${seconds}`);
  const { rows } = await db.query<{ body: string }>(`SELECT prosrc AS body FROM pg_proc WHERE oid = to_regprocedure('audit_retention()')`);
  const body = `SELECT interval '${seconds} seconds'`;
  if (rows[0] === undefined || rows[0].body === body) return;
  await db.query(`CREATE OR REPLACE FUNCTION audit_retention() RETURNS interval LANGUAGE sql IMMUTABLE AS $$${body}$$`);
}
