import { Client } from 'pg';
import { startEmbeddedDatabase } from '../../src/platform/embedded-database.ts';
import { applyMigrations } from '../../src/store/migrate/apply-migrations.ts';
import { findBelow } from './cpu-time.ts';

/** The database that Toolgrant is measured on. */
export interface BenchDatabase {
  /** Signs in as the role that serves. */
  runtimeUrl: string;
  /** Signs in as the owner of the tables. */
  ownerUrl: string;
  version: string;
  /** What decides whether an acknowledged commit survives a power cut. */
  durability: string;
  /** The topmost process of the server. */
  processId: number | undefined;
  /** Gathers statistics, as the server does by itself a minute after rows were added. */
  analyze(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the product's own embedded PostgreSQL, with the settings it always has, in a folder of its own, and migrates it. */
export async function startBenchDatabase(folder: string): Promise<BenchDatabase> {
  const database = await startEmbeddedDatabase({ folder, purpose: 'issuer' });
  try {
    await applyMigrations({ ownerUrl: database.ownerUrl, runtimeRole: 'toolgrant_runtime' });
    const settings = await readSettings(database.runtimeUrl);
    return {
      ...settings,
      runtimeUrl: database.runtimeUrl,
      ownerUrl: database.ownerUrl,
      processId: findBelow(process.pid, 'postgres'),
      analyze: () => analyze(database.ownerUrl),
      stop: () => database.stop(),
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

async function readSettings(url: string): Promise<Pick<BenchDatabase, 'version' | 'durability'>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const names = ['fsync', 'synchronous_commit', 'full_page_writes'];
    const { rows } = await client.query<{ name: string; setting: string }>(
      `SELECT name, setting FROM pg_settings WHERE name = ANY($1) ORDER BY array_position($1, name)`,
      [[...names, 'server_version']],
    );
    const values = new Map(rows.map(({ name, setting }) => [name, setting]));
    return { version: values.get('server_version') ?? '', durability: names.map((name) => `${name} ${values.get(name)}`).join(', ') };
  } finally {
    await client.end();
  }
}

async function analyze(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
}
