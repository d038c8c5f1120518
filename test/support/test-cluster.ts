/**
 * One PostgreSQL per run of Jest, with a migrated template that every test file copies its database from.
 * It is the embedded database of the product, in a folder of its own, and need not survive a power cut.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import {
  DataFolderBusy,
  type EmbeddedDatabase,
  endAbandonedDatabase,
  startEmbeddedDatabase,
} from '../../src/platform/embedded-database.ts';
import { applyMigrations } from '../../src/store/migrate/apply-migrations.ts';

/** The database that test databases are copies of; nobody stays connected to it. */
export const templateName = 'toolgrant_template';

/** Where the workers find the cluster: connection strings of its two roles, as JSON. */
export const clusterVariable = 'TOOLGRANT_TEST_CLUSTER';

const folderPrefix = 'toolgrant-test-';

/** What setup leaves for teardown; both run in Jest's main process, but are loaded apart. */
const kept = globalThis as { toolgrantTestCluster?: { database: EmbeddedDatabase; folder: string } };

/** Starts the cluster, makes the template, and tells the workers. */
export async function startTestCluster(): Promise<void> {
  await removeAbandoned();
  const folder = await mkdtemp(join(tmpdir(), folderPrefix));
  const database = await startEmbeddedDatabase({
    folder,
    purpose: 'issuer',
    durable: false,
    // To drop a database it cuts connections of the runtime role that have not quite ended; and there is nothing to vacuum in minutes.
    initialStatements: [
      'ALTER ROLE toolgrant_owner CREATEDB',
      'GRANT pg_signal_backend TO toolgrant_owner',
      'ALTER SYSTEM SET autovacuum = off',
    ],
  });
  kept.toolgrantTestCluster = { database, folder };
  try {
    const client = new Client({ connectionString: database.ownerUrl });
    await client.connect();
    await client.query(`CREATE DATABASE ${templateName}`);
    await client.end();
    await applyMigrations({ ownerUrl: withDatabase(database.ownerUrl, templateName), runtimeRole: 'toolgrant_runtime' });
  } catch (error) {
    await stopTestCluster();
    throw error;
  }
  process.env[clusterVariable] = JSON.stringify({ ownerUrl: database.ownerUrl, runtimeUrl: database.runtimeUrl });
}

/** Stops the cluster and removes its folder. */
export async function stopTestCluster(): Promise<void> {
  const cluster = kept.toolgrantTestCluster;
  if (!cluster) return;
  delete kept.toolgrantTestCluster;
  await cluster.database.stop();
  await rm(cluster.folder, { recursive: true, force: true });
}

/** The same connection, to another database of the cluster. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** Ends and removes clusters of runs that were killed. Those of runs that go on are left alone. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(folderPrefix)) continue;
    const folder = join(tmpdir(), name);
    // One that is just being made holds no lock yet.
    const changedAt = (await stat(folder).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (Date.now() - changedAt < 60_000) continue;
    try {
      await endAbandonedDatabase(folder);
      await rm(folder, { recursive: true, force: true });
    } catch (error) {
      if (!(error instanceof DataFolderBusy)) process.stderr.write(`${folder} is left as it is: ${(error as Error).message}\n`);
    }
  }
}
