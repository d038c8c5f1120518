import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { databaseNames } from '../../src/platform/embedded/cluster.ts';
import { startEmbeddedDatabase } from '../../src/platform/embedded-database.ts';
import { applyMigrations } from '../../src/store/migrate/apply-migrations.ts';
import { cpuSecondsOf } from './cpu-time.ts';

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
  /** How many statements anybody made while this ran; PostgreSQL writes down each of them meanwhile, which slows it down. */
  countStatements(work: () => Promise<void>): Promise<number>;
  stop(): Promise<void>;
}

/** Starts the product's own embedded PostgreSQL, with the settings it always has, in a folder of its own, and migrates it. */
export async function startBenchDatabase(folder: string): Promise<BenchDatabase> {
  const logFile = join(folder, 'database.log');
  const initialStatements = [`GRANT ALTER SYSTEM ON PARAMETER log_statement TO ${databaseNames.owner}`];
  const database = await startEmbeddedDatabase({ folder, purpose: 'issuer', initialStatements });
  try {
    await applyMigrations({ ownerUrl: database.ownerUrl, runtimeRole: 'toolgrant_runtime' });
    const settings = await readSettings(database.runtimeUrl);
    const processId = await readProcessId(folder);
    return {
      ...settings,
      runtimeUrl: database.runtimeUrl,
      ownerUrl: database.ownerUrl,
      processId,
      analyze: () => analyze(database.ownerUrl),
      countStatements: async (work) => {
        if (processId === undefined) return Number.NaN;
        const server = { url: database.ownerUrl, processId };
        await writeStatementsDown(server, 'all');
        const begin = statSync(logFile).size;
        try {
          await work();
        } finally {
          await writeStatementsDown(server, 'none');
        }
        const written = readFileSync(logFile).subarray(begin).toString();
        return written.match(/^[^\n]*LOG: {2}(?:execute|statement|fastpath)\b/gm)?.length ?? 0;
      },
      stop: () => database.stop(),
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

/** As the server says itself; undefined where its processes cannot be seen. */
async function readProcessId(folder: string): Promise<number | undefined> {
  const [line = ''] = (await readFile(join(folder, 'database', 'postmaster.pid'), 'utf8')).split('\n');
  const id = Number(line);
  return cpuSecondsOf(id) === undefined ? undefined : id;
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

async function writeStatementsDown({ url, processId }: { url: string; processId: number }, which: 'all' | 'none'): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`ALTER SYSTEM SET log_statement = '${which}'`);
  } finally {
    await client.end();
  }
  // Reads its settings anew; each connection sees them with its next statement.
  process.kill(processId, 'SIGHUP');
  await sleep(500);
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
