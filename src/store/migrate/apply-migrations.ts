import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';
import { keepAuditOrder } from './audit-order.ts';
import { keepAuditFor, keepAuditOfTenants } from './audit-retention.ts';
import { createBookkeeping, listAppliedMigrations, recordFailure, recordFinish, recordStart } from './bookkeeping.ts';
import { type Migration, migrationsFolder, readMigrations } from './migration-files.ts';
import { compareMigrations, describeChanged } from './migration-status.ts';
import { grantToRuntime } from './runtime-grants.ts';

/** The database cannot be migrated; the message says why and what helps. Nothing of the migration it names is left behind. */
export class MigrationFailed extends Error {
  override readonly name = 'MigrationFailed';
}

/** What is migrated. */
export interface ApplyMigrationsOptions {
  /** Signs in as the role that owns the tables. */
  ownerUrl: string;
  /** The role that serves, by whatever name; left out where it is the owner itself. */
  runtimeRole?: string;
  /** How long audit events are kept; left out: as before. */
  auditRetentionSeconds?: number;
  /** Default: this version's own. */
  folder?: string;
  /** How long to wait for another process that migrates. Default 60 s. */
  waitMs?: number;
}

/** The advisory lock of Prisma's own tools: they and we exclude each other. */
const migrationLock = 72_707_369;

/** First line of a migration that cannot run in a transaction (`CREATE INDEX CONCURRENTLY`): one statement, repeatable. */
const noTransactionMark = /^-- toolgrant: no transaction\b/;

/**
 * Brings a database up to date, and the runtime role's rights with it; returns the names of what was applied.
 * Every migration is one transaction, its bookkeeping included. One process at a time; the others wait and find it done.
 * Throws `MigrationFailed`.
 */
export async function applyMigrations(options: ApplyMigrationsOptions): Promise<string[]> {
  const known = await readMigrations(options.folder ?? migrationsFolder);
  const client = new Client({ connectionString: options.ownerUrl, application_name: 'toolgrant migrate', connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined); // a connection that breaks fails its query too, and that is reported
  await client.connect();
  try {
    await requireServerVersion(client);
    await takeMigrationLock(client, options.waitMs ?? 60_000);
    await createBookkeeping(client);
    const pending = await findPending(client, known);
    for (const migration of pending) await applyMigration(client, migration);
    if (options.auditRetentionSeconds !== undefined) {
      await keepAuditFor(client, options.auditRetentionSeconds);
      await keepAuditOfTenants(client);
      await keepAuditOrder(client);
    }
    if (options.runtimeRole !== undefined && options.runtimeRole !== (await currentRole(client))) {
      await inTransaction(client, () => grantToRuntime(client, options.runtimeRole as string));
    }
    return pending.map(({ name }) => name);
  } finally {
    await client.end(); // and with it the lock
  }
}

async function findPending(client: Client, known: readonly Migration[]): Promise<Migration[]> {
  const status = compareMigrations(known, await listAppliedMigrations(client));
  if (status.changed.length > 0) throw new MigrationFailed(describeChanged(status.changed));
  if (status.pending.length > 0 && status.unknown.length > 0) {
    throw new MigrationFailed(
      `The database has migrations this version does not know (${status.unknown.join(', ')}), and lacks ${status.pending.join(', ')}. Deploy the newest version.`,
    );
  }
  return known.filter(({ name }) => status.pending.includes(name));
}

async function applyMigration(client: Client, migration: Migration): Promise<void> {
  const isOutside = noTransactionMark.test(migration.sql);
  let id: string | undefined;
  try {
    // Waiting for a lock makes everyone queue behind the migration: better to give up and try again.
    await client.query(`SET lock_timeout = '10s'; SET statement_timeout = 0`);
    if (isOutside) {
      id = await recordStart(client, migration);
      await client.query(migration.sql);
      await recordFinish(client, id);
    } else {
      await inTransaction(client, async () => {
        const row = await recordStart(client, migration);
        await client.query(migration.sql);
        await recordFinish(client, row);
      });
    }
  } catch (cause) {
    const reason = describeSqlError(cause, migration.sql);
    // Best effort: the connection may be what failed, and the reason is on its way to the caller.
    if (id !== undefined) await recordFailure(client, id, reason).catch(() => undefined);
    throw new MigrationFailed(`Migration ${migration.name} failed: ${reason}`, { cause });
  }
}

async function inTransaction(client: Client, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN');
  try {
    await work();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // the connection may be gone; the first error counts
    throw error;
  }
}

async function takeMigrationLock(client: Client, waitMs: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const { rows } = await client.query('SELECT pg_try_advisory_lock($1) AS taken', [migrationLock]);
    if (rows[0].taken) return;
    if (performance.now() >= deadline)
      throw new MigrationFailed('Another process is migrating this database, and has not finished. Try again later.');
    await sleep(100);
  }
}

async function requireServerVersion(client: Client): Promise<void> {
  const { rows } = await client.query(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text`,
  );
  if (rows[0].number < 150_000) throw new MigrationFailed(`The database is PostgreSQL ${rows[0].text}; 15 or newer is needed.`);
}

async function currentRole(client: Client): Promise<string> {
  const { rows } = await client.query('SELECT current_user AS role');
  return rows[0].role;
}

function describeSqlError(error: unknown, sql: string): string {
  if (!(error instanceof DatabaseError)) return (error as Error).message;
  const line = error.position ? ` (line ${sql.slice(0, Number(error.position)).split('\n').length} of migration.sql)` : '';
  return `${error.message}${line}`;
}
