/**
 * Whether a removal in the background is felt: refreshes are measured while nothing is removed, and again while the server removes
 * rows beside them. The rows are made by SQL; what removes them is the server's own background work.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { measureInCalm } from './calm.ts';
import { startToolgrant } from './contenders/toolgrant.ts';
import { type Cores, takeCores } from './cores.ts';
import { startBenchDatabase } from './database.ts';
import { type Measurement, measure, summarize } from './measurement.ts';
import type { BenchOptions } from './options.ts';
import { renderMeasurement } from './report.ts';
import { createScenarios } from './scenarios.ts';
import { openScratch } from './scratch.ts';

/** From the start of the server until it begins to clean up, with room; measuring it idle must be done by then. */
const idleMs = 55_000;
const longestWaitMs = 180_000;

/** What is removed. */
export interface Removal {
  /** In the plural. */
  title: string;
  rows: number;
  /** Fills the rows in; the server is not there yet. */
  fillIn(client: Client): Promise<unknown>;
  /** Counts those that are still there. */
  count(client: Client): Promise<number>;
  /** The table whose size is told. */
  table: string;
}

/** Runs it and returns the findings as text. Asks for fewer rounds where more would not fit before the removal begins. */
export async function measureBesideRemoval(options: BenchOptions, removal: Removal, say: (line: string) => void): Promise<string> {
  const { connections, warmUpMs, measuredMs } = options;
  const { title, rows, table } = removal;
  const cores: Cores | undefined = takeCores();
  await using stack = new AsyncDisposableStack();
  const folder = await openScratch(stack);
  const database = stack.adopt(await startBenchDatabase(join(folder, 'data')), (started) => started.stop());
  const client = stack.adopt(new Client({ connectionString: database.ownerUrl }), (opened) => opened.end());
  await client.connect();
  say(`filling in ${rows} ${title}`);
  await removal.fillIn(client);
  await client.query(`VACUUM ANALYZE`);
  const before = await readSize(client, table);
  const workingFolder = join(folder, 'toolgrant');
  await mkdir(workingFolder);
  const toolgrant = stack.adopt(await startToolgrant({ database, cores, folder: workingFolder }), (started) => started.stop());
  const startedAt = performance.now();
  const { refresh } = await createScenarios(toolgrant, connections);
  const parties = { contender: toolgrant, database };
  const measureOnce = async (what: string): Promise<Measurement> => {
    const lanes = await refresh.prepare(0);
    const measurement = await measureInCalm(options.calm, () => measure(parties, lanes, { warmUpMs, measuredMs }));
    say(`${what}: ${renderMeasurement(measurement)}`);
    return measurement;
  };
  const idle: Measurement[] = [];
  const fits = () => performance.now() + warmUpMs + measuredMs < startedAt + idleMs;
  while (idle.length < options.rounds && fits()) idle.push(await measureOnce('idle'));
  if (idle.length === 0) throw new Error('a measurement takes longer than the server leaves before it cleans up: lower --seconds');
  const untilLess = async (bound: number, waitMs: number) => {
    const deadline = performance.now() + waitMs;
    for (let askedAt = performance.now(); (await removal.count(client)) >= bound; askedAt = performance.now()) {
      if (performance.now() > deadline) throw new Error(`the server does not remove ${title}`);
      // Counting millions takes its time; most of the time the database is to be left alone.
      await sleep(Math.max(1_000, 9 * (performance.now() - askedAt)));
    }
  };
  await untilLess(rows, longestWaitMs);
  const during: Measurement[] = [];
  const [rowsAtBegin, beganAt] = [await removal.count(client), performance.now()];
  while (during.length < idle.length) during.push(await measureOnce('during the removal'));
  const rowsAtEnd = await removal.count(client);
  const perSecond = ((rowsAtBegin - rowsAtEnd) * 1_000) / (performance.now() - beganAt);
  if (rowsAtEnd === 0) throw new Error('the removal was over before the measurement was: raise --rows');
  let restPerSecond: number | undefined;
  if (!options.leavesRest) {
    say(`${rowsAtEnd} rows are left; waiting for the rest without load`);
    const restBeganAt = performance.now();
    await untilLess(1, Number.POSITIVE_INFINITY);
    restPerSecond = (rowsAtEnd * 1_000) / (performance.now() - restBeganAt);
  }
  const after = await readSize(client, table);
  return render({ title, rows, idle: summarize(idle), during: summarize(during), perSecond, restPerSecond, before, after });
}

interface Size {
  tableMib: number;
  indexMib: number;
}

async function readSize(client: Client, table: string): Promise<Size> {
  const { rows } = await client.query(
    `SELECT pg_table_size($1::text::regclass) AS "table", pg_indexes_size($1::text::regclass) AS "index"`,
    [table],
  );
  return { tableMib: Number(rows[0].table) / 2 ** 20, indexMib: Number(rows[0].index) / 2 ** 20 };
}

interface RemovalFindings {
  title: string;
  rows: number;
  idle: Measurement;
  during: Measurement;
  perSecond: number;
  restPerSecond: number | undefined;
  before: Size;
  after: Size;
}

function render({ title, rows, idle, during, perSecond, restPerSecond, before, after }: RemovalFindings): string {
  const row = (what: string, one: Measurement) =>
    `| ${what} | ${Math.round(one.perSecond)} | ${one.p50Ms.toFixed(1)} | ${one.p99Ms.toFixed(1)} | ${Math.round(one.serverCpuUs)} | ` +
    `${Math.round(one.databaseCpuUs)} | ${Math.round(one.othersBusy * 100)} % | ${one.failures} |`;
  const size = ({ tableMib, indexMib }: Size) => `${Math.round(tableMib)} MiB and ${Math.round(indexMib)} MiB of indexes`;
  const ratio = (key: 'p99Ms' | 'serverCpuUs' | 'databaseCpuUs') => `${(during[key] / idle[key]).toFixed(2)}×`;
  return [
    `Refresh with rotation while ${rows} ${title} are removed:`,
    '',
    '| | per second | p50 ms | p99 ms | Toolgrant CPU µs | PostgreSQL CPU µs | others | failures |',
    '|---|---:|---:|---:|---:|---:|---:|---:|',
    row('idle', idle),
    row('during the removal', during),
    '',
    `During the removal p99 is ${ratio('p99Ms')} of idle, the processor time per refresh of Toolgrant ${ratio('serverCpuUs')}, of PostgreSQL ` +
      `${ratio('databaseCpuUs')} (the removal's own included). Removed per second: ${Math.round(perSecond)} under load` +
      `${restPerSecond === undefined ? '' : `, ${Math.round(restPerSecond)} without`}. ` +
      `The table took ${size(before)} before, ${size(after)} after (space inside is used again).`,
    '',
  ].join('\n');
}
