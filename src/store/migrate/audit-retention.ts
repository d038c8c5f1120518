import { readTenantSettings } from '../../domain/tenant-settings.ts';
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

/** Writes down what tenants say about it, as far as it is another time than that of all. Run by the owner, for the same reason. */
export async function keepAuditOfTenants(db: Queryable): Promise<void> {
  const { rows: found } = await db.query<{ present: boolean }>(`SELECT to_regclass('audit_retentions') IS NOT NULL AS present`);
  if (!found[0]?.present) return;
  const { rows } = await db.query<{ id: string; settings: unknown }>('SELECT id, settings FROM tenants');
  const own = rows.flatMap(({ id, settings }) => {
    const { auditRetention } = readTenantSettings(settings).settings;
    return auditRetention === 'installation' ? [] : [{ id, seconds: auditRetention.seconds }];
  });
  await db.query(
    `WITH own AS (SELECT * FROM json_to_recordset($1::json) AS o (id text, seconds bigint)),
       gone AS (DELETE FROM audit_retentions WHERE tenant_id NOT IN (SELECT id FROM own))
     INSERT INTO audit_retentions SELECT id, seconds FROM own
     ON CONFLICT (tenant_id) DO UPDATE SET seconds = EXCLUDED.seconds WHERE audit_retentions.seconds <> EXCLUDED.seconds`,
    [JSON.stringify(own)],
  );
}
