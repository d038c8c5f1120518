import { escapeIdentifier } from 'pg';
import type { Queryable } from './bookkeeping.ts';

/** Tables of which the runtime role may only add to and read: what was recorded stays as it was. */
const auditTables = /^audit_/;

/**
 * Gives the runtime role what serving needs, on every table there is, and takes away all else.
 * Run by the owner after each migration; repeating it changes nothing.
 */
export async function grantToRuntime(db: Queryable, runtimeRole: string): Promise<void> {
  const role = escapeIdentifier(runtimeRole);
  const { rows } = await db.query<{ schema: string; name: string }>(`
    SELECT current_schema() AS schema, relname AS name FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND pg_has_role(relowner, 'USAGE')
    ORDER BY relname`);
  const statements = rows.flatMap(({ schema, name }) => {
    const table = `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
    return [`REVOKE ALL ON ${table} FROM ${role}`, `GRANT ${privilegesOn(name)} ON ${table} TO ${role}`];
  });
  const schema = escapeIdentifier(rows[0]?.schema ?? 'public');
  statements.push(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`, `GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`);
  for (const name of ['keep_audit_partitions()', 'drop_audit_months(integer)']) {
    const { rows: functions } = await db.query<{ there: boolean }>(`SELECT to_regprocedure('${name}') IS NOT NULL AS there`);
    if (functions[0]?.there) statements.push(`GRANT EXECUTE ON FUNCTION ${name} TO ${role}`);
  }
  await db.query(statements.join(';\n'));
}

function privilegesOn(table: string): string {
  if (table === '_prisma_migrations' || table === 'audit_retentions') return 'SELECT';
  return auditTables.test(table) ? 'SELECT, INSERT' : 'SELECT, INSERT, UPDATE, DELETE';
}

/**
 * Whether the role we are signed in as could change or remove audit rows: as owner, superuser, or by a grant.
 * `serve` refuses such a role unless the operator accepts it.
 */
export async function canRewriteAudit(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ can: boolean | null }>(`
    SELECT bool_or(pg_has_role(relowner, 'USAGE') OR has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')) AS can FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname LIKE 'audit\\_%'`);
  return rows[0]?.can ?? false;
}
