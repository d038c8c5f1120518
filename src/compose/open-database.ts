import type { Config, Secrets } from '../config/config.ts';
import { createDatabasePool } from '../platform/database-pool.ts';
import { connectOrStartEmbeddedDatabase, type DataFolderPurpose, startEmbeddedDatabase } from '../platform/embedded-database.ts';
import { applyMigrations } from '../store/migrate/apply-migrations.ts';
import { isAuditOrderBroken } from '../store/migrate/audit-order.ts';
import { describeUnfitSchema, readMigrationStatus } from '../store/migrate/migration-status.ts';
import { canRewriteAudit } from '../store/migrate/runtime-grants.ts';
import { readConnectionLimit } from '../store/readiness.ts';
import { explainDatabaseError } from './explain-database.ts';
import { StartProblem } from './start-problem.ts';

/** A database with the schema of this version. */
export interface OpenDatabase {
  /** Signs in as the role that serves. */
  url: string;
  /** Ends what was started for it. */
  stop(): Promise<void>;
}

/** How a database is opened. */
export interface DatabaseRequest {
  config: Config;
  secrets: Secrets;
  /** Connections that will be held at most; default: one process's. */
  connections?: number;
  /** An issuer stays; a command uses the issuer's database, or is soon done with its own. */
  purpose: DataFolderPurpose;
  /** Is told what an operator should know. */
  onNotice?: (text: string) => void;
}

/**
 * Opens the database that the settings name: starts and migrates the embedded one, or looks whether yours is fit.
 * Throws `StartProblem`, `DataFolderBusy`, `EmbeddedDatabaseFailed` or `MigrationFailed`, each with what to do.
 */
export async function openDatabase(request: DatabaseRequest): Promise<OpenDatabase> {
  const { secrets } = request;
  if (!secrets.databaseUrl) return openEmbedded(request);
  const url = secrets.databaseUrl.reveal();
  await requireFit(request, url);
  return { url, stop: async () => undefined };
}

/** PostgreSQL's own default, and what is left of it for commands, backups and its own processes. */
const usualConnections = 100;
const connectionsForOthers = 20;

async function openEmbedded({ config, purpose, onNotice, connections = 0 }: DatabaseRequest): Promise<OpenDatabase> {
  const open = purpose === 'issuer' ? startEmbeddedDatabase : connectOrStartEmbeddedDatabase;
  const maxConnections = Math.max(usualConnections, connections + connectionsForOthers);
  const database = await open({ folder: config.dataDir, purpose, maxConnections, ...(onNotice && { onNotice }) });
  try {
    const { auditRetentionSeconds } = config;
    await applyMigrations({ ownerUrl: database.ownerUrl, runtimeRole: roleOf(database.runtimeUrl), auditRetentionSeconds });
    return { url: database.runtimeUrl, stop: database.stop };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

async function requireFit({ config, purpose, connections, onNotice }: DatabaseRequest, url: string): Promise<void> {
  const pool = createDatabasePool({ url, maxConnections: 1, connectTimeoutMs: 10_000 });
  try {
    const unfit = describeUnfitSchema(await readMigrationStatus(pool));
    if (unfit !== undefined) throw new StartProblem(unfit);
    if (await isAuditOrderBroken(pool)) {
      throw new StartProblem(
        'The database was restored from a dump, and new audit events would not come after those in it. Run "toolgrant migrate" once: it mends that.',
      );
    }
    if (purpose === 'issuer' && config.audit === 'immutable' && (await canRewriteAudit(pool))) {
      throw new StartProblem(
        `The role ${roleOf(url)} of DATABASE_URL could change audit records. Give DATABASE_URL a runtime role (docs/database.md), ` +
          'or accept it by TOOLGRANT_AUDIT=tamper-evident.',
      );
    }
    const taken = await readConnectionLimit(pool);
    if (connections !== undefined && connections > taken) {
      onNotice?.(
        `All processes of this issuer together may open ${connections} connections, and the database takes ${taken}. ` +
          'Raise its max_connections, or lower TOOLGRANT_DATABASE_POOL_SIZE or the number of workers.',
      );
    }
  } catch (error) {
    throw explainDatabaseError(error, { url, setting: 'DATABASE_URL' }) ?? error;
  } finally {
    await pool.end();
  }
}

/** The role that a connection string signs in as; empty when it names none. */
export function roleOf(url: string): string {
  return decodeURIComponent(new URL(url).username);
}
