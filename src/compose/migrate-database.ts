import type { Config, Secrets } from '../config/config.ts';
import { connectOrStartEmbeddedDatabase } from '../platform/embedded-database.ts';
import { applyMigrations } from '../store/migrate/apply-migrations.ts';
import { explainDatabaseError } from './explain-database.ts';
import { roleOf } from './open-database.ts';

/** What `migrate` did. */
export interface MigrationReport {
  /** Names of what was applied; none when the database was up to date. */
  applied: readonly string[];
  database: 'embedded' | 'external';
  /** The role that got the rights that serving needs; absent where none was named, or where it is the owner. */
  runtimeRole?: string;
}

/** Brings the database that the settings name up to date. Throws `MigrationFailed` or `StartProblem`. */
export async function migrateDatabase({ config, secrets }: { config: Config; secrets: Secrets }): Promise<MigrationReport> {
  const owner = secrets.migrationDatabaseUrl ?? secrets.databaseUrl;
  if (!owner) return migrateEmbedded(config);
  const ownerUrl = owner.reveal();
  const setting = secrets.migrationDatabaseUrl ? 'TOOLGRANT_MIGRATION_DATABASE_URL' : 'DATABASE_URL';
  const named = secrets.databaseUrl && roleOf(secrets.databaseUrl.reveal());
  const runtimeRole = named && named !== roleOf(ownerUrl) ? named : undefined;
  try {
    const applied = await applyMigrations({
      ownerUrl,
      auditRetentionSeconds: config.auditRetentionSeconds,
      ...(runtimeRole !== undefined && { runtimeRole }),
    });
    return { applied, database: 'external', ...(runtimeRole !== undefined && { runtimeRole }) };
  } catch (error) {
    throw explainDatabaseError(error, { url: ownerUrl, setting }) ?? error;
  }
}

async function migrateEmbedded({ dataDir, auditRetentionSeconds }: Config): Promise<MigrationReport> {
  const database = await connectOrStartEmbeddedDatabase({ folder: dataDir, purpose: 'command' });
  try {
    const runtimeRole = roleOf(database.runtimeUrl);
    const applied = await applyMigrations({ ownerUrl: database.ownerUrl, runtimeRole, auditRetentionSeconds });
    return { applied, database: 'embedded', runtimeRole };
  } finally {
    await database.stop();
  }
}
