import type { ClientBase } from 'pg';

/** What can run one query: a pool or a connection. */
export type Queryable = Pick<ClientBase, 'query'>;

/** A row of `_prisma_migrations`. */
export interface AppliedMigration {
  name: string;
  checksum: string;
  /** Absent while it runs, and when it failed half way. */
  finishedAt: Date | null;
}

/** Prisma's own table, column for column, so that its tools and ours read the same history. */
export async function createBookkeeping(db: Queryable): Promise<void> {
  await db.query(`
    CREATE TABLE IF NOT EXISTS _prisma_migrations (
      id                  varchar(36) PRIMARY KEY NOT NULL,
      checksum            varchar(64) NOT NULL,
      finished_at         timestamptz,
      migration_name      varchar(255) NOT NULL,
      logs                text,
      rolled_back_at      timestamptz,
      started_at          timestamptz NOT NULL DEFAULT now(),
      applied_steps_count integer NOT NULL DEFAULT 0
    )`);
}

/** The migrations that were started here and not rolled back, oldest first; none where nothing was ever migrated. */
export async function listAppliedMigrations(db: Queryable): Promise<AppliedMigration[]> {
  const { rows: found } = await db.query(`SELECT to_regclass('_prisma_migrations') IS NOT NULL AS present`);
  if (!found[0].present) return [];
  const { rows } = await db.query<AppliedMigration>(`
    SELECT migration_name AS name, checksum, finished_at AS "finishedAt"
    FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`);
  return rows;
}

/** Notes that a migration begins; returns the row's id. An earlier try that failed half way counts as rolled back. */
export async function recordStart(db: Queryable, migration: { name: string; checksum: string }): Promise<string> {
  await db.query(
    `UPDATE _prisma_migrations SET rolled_back_at = now()
     WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL`,
    [migration.name],
  );
  const { rows } = await db.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at)
     VALUES (gen_random_uuid()::text, $1, $2, clock_timestamp()) RETURNING id`,
    [migration.checksum, migration.name],
  );
  return rows[0].id;
}

/** Notes that it is done. */
export async function recordFinish(db: Queryable, id: string): Promise<void> {
  await db.query('UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = $1', [id]);
}

/** Notes why it failed. */
export async function recordFailure(db: Queryable, id: string, reason: string): Promise<void> {
  await db.query('UPDATE _prisma_migrations SET logs = $2 WHERE id = $1', [id, reason]);
}
