/**
 * Whether clean-up is felt: refreshes are measured while nothing is removed, and again while the server removes millions of expired
 * artifacts beside them. The rows are made by SQL; what removes them is the server's own background work.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { startToolgrant } from './contenders/toolgrant.ts';
import { type Cores, takeCores } from './cores.ts';
import { startBenchDatabase } from './database.ts';
import { type Measurement, measure, summarize } from './measurement.ts';
import type { BenchOptions } from './options.ts';
import { renderMeasurement } from './report.ts';
import { createScenarios } from './scenarios.ts';

/** From the start of the server until it begins to clean up, with room; measuring it idle must be done by then. */
const idleMs = 55_000;
const longestWaitMs = 120_000;

/** Runs it and returns the findings as text. Asks for fewer rounds where more would not fit before clean-up begins. */
export async function measureCleanup(options: BenchOptions & { cleanupRows: number }, say: (line: string) => void): Promise<string> {
  const { cleanupRows, connections, warmUpMs, measuredMs } = options;
  const cores: Cores | undefined = takeCores();
  await using stack = new AsyncDisposableStack();
  // Whoever interrupts it must not find its servers running afterwards.
  const interrupt = () => void stack.disposeAsync().then(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, interrupt);
    stack.defer(() => void process.off(signal, interrupt));
  }
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const database = stack.adopt(await startBenchDatabase(join(folder, 'data')), (started) => started.stop());
  const client = stack.adopt(new Client({ connectionString: database.ownerUrl }), (opened) => opened.end());
  await client.connect();
  say(`filling in ${cleanupRows} expired artifacts`);
  await client.query(fillIn, [cleanupRows]);
  await client.query('VACUUM ANALYZE artifacts');
  const before = await readSize(client);
  const workingFolder = join(folder, 'toolgrant');
  await mkdir(workingFolder);
  const toolgrant = stack.adopt(await startToolgrant({ database, cores, folder: workingFolder }), (started) => started.stop());
  const startedAt = performance.now();
  const { refresh } = await createScenarios(toolgrant, connections);
  const measureOnce = async (what: string): Promise<Measurement> => {
    const measurement = await measure({ contender: toolgrant, database }, await refresh.prepare(0), { warmUpMs, measuredMs });
    say(`${what}: ${renderMeasurement(measurement)}`);
    return measurement;
  };
  const idle: Measurement[] = [];
  const fits = () => performance.now() + warmUpMs + measuredMs < startedAt + idleMs;
  while (idle.length < options.rounds && fits()) idle.push(await measureOnce('idle'));
  if (idle.length === 0) throw new Error('a measurement takes longer than the server leaves before it cleans up: lower --seconds');
  await untilLess(client, cleanupRows);
  const during: Measurement[] = [];
  const [rowsAtBegin, beganAt] = [await countOver(client), performance.now()];
  while (during.length < idle.length) during.push(await measureOnce('during clean-up'));
  const rowsAtEnd = await countOver(client);
  const perSecond = ((rowsAtBegin - rowsAtEnd) * 1_000) / (performance.now() - beganAt);
  if (rowsAtEnd === 0) throw new Error('clean-up was over before the measurement was: raise --rows');
  say(`${rowsAtEnd} rows are left; waiting for the rest without load`);
  const [restRows, restBeganAt] = [rowsAtEnd, performance.now()];
  await untilLess(client, 1, Number.POSITIVE_INFINITY);
  const restPerSecond = (restRows * 1_000) / (performance.now() - restBeganAt);
  const after = await readSize(client);
  return render({ cleanupRows, idle: summarize(idle), during: summarize(during), perSecond, restPerSecond, before, after });
}

/** Spent refresh tokens of different families that expired during the month before, of the size that they have. */
const fillIn = `
  INSERT INTO artifacts (tenant_id, model, digest, payload, sealed_id, grant_id, account_id, consumed_at, expires_at, created_at)
  SELECT 'root', 'RefreshToken', md5(n::text) || left(md5((-n)::text), 11),
    jsonb_build_object('kind', 'RefreshToken', 'scope', 'toolgrant', 'clientId', 'cli_' || left(md5(n::text), 20), 'gty', 'authorization_code',
      'grantId', md5((n / 10)::text), 'resource', 'https://tracker.example/mcp', 'filler', repeat(md5(n::text), 5)),
    NULL, md5((n / 10)::text), 'usr_' || left(md5((n / 100)::text), 20), now() - interval '32 days', now() - interval '1 day' * (1 + random() * 29),
    now() - interval '60 days'
  FROM generate_series(1, $1::int) AS n`;

async function countOver(client: Client): Promise<number> {
  const { rows } = await client.query(`SELECT count(*) AS n FROM artifacts WHERE expires_at < now() - interval '1 hour'`);
  return Number(rows[0].n);
}

async function untilLess(client: Client, bound: number, waitMs = longestWaitMs): Promise<void> {
  for (const deadline = performance.now() + waitMs; (await countOver(client)) >= bound; await sleep(1_000)) {
    if (performance.now() > deadline) throw new Error('the server does not clean up');
  }
}

interface Size {
  tableMib: number;
  indexMib: number;
}

async function readSize(client: Client): Promise<Size> {
  const { rows } = await client.query(`SELECT pg_table_size('artifacts') AS "table", pg_indexes_size('artifacts') AS "index"`);
  return { tableMib: Number(rows[0].table) / 2 ** 20, indexMib: Number(rows[0].index) / 2 ** 20 };
}

interface CleanupFindings {
  cleanupRows: number;
  idle: Measurement;
  during: Measurement;
  perSecond: number;
  restPerSecond: number;
  before: Size;
  after: Size;
}

function render({ cleanupRows, idle, during, perSecond, restPerSecond, before, after }: CleanupFindings): string {
  const row = (what: string, { perSecond: requests, p50Ms, p99Ms, failures }: Measurement) =>
    `| ${what} | ${Math.round(requests)} | ${p50Ms.toFixed(1)} | ${p99Ms.toFixed(1)} | ${failures} |`;
  const size = ({ tableMib, indexMib }: Size) => `${Math.round(tableMib)} MiB and ${Math.round(indexMib)} MiB of indexes`;
  return [
    `Refresh with rotation while ${cleanupRows} expired artifacts are removed:`,
    '',
    '| | per second | p50 ms | p99 ms | failures |',
    '|---|---:|---:|---:|---:|',
    row('idle', idle),
    row('during clean-up', during),
    '',
    `p99 during clean-up is ${(during.p99Ms / idle.p99Ms).toFixed(2)}× of idle. Removed per second: ${Math.round(perSecond)} under load, ` +
      `${Math.round(restPerSecond)} without. The table took ${size(before)} before, ${size(after)} after (space inside is used again).`,
    '',
  ].join('\n');
}
