/**
 * The bench: how fast Toolgrant is on a real database, beside the engine it is built on with nothing around it. It asserts
 * nothing; figures are read by people (docs/performance.md).
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { measureAuditExport } from './audit-export.ts';
import { measureAuditSearch } from './audit-search.ts';
import { waitForCalm } from './calm.ts';
import { measureCleanup } from './cleanup.ts';
import { measureClients } from './clients.ts';
import { measureColdStarts } from './cold-start.ts';
import { startBareEngine } from './contenders/bare.ts';
import { startToolgrant } from './contenders/toolgrant.ts';
import { type Cores, takeCores } from './cores.ts';
import { residentBytesOf } from './cpu-time.ts';
import { startBenchDatabase } from './database.ts';
import { writeDocument } from './document.ts';
import { describeMachine, describeVersions, loadOfLastMinute } from './machine.ts';
import { BadUsage, type BenchOptions, helpText, parseOptions } from './options.ts';
import { type Findings, renderMeasurement, renderReport } from './report.ts';
import { runRounds } from './rounds.ts';
import type { HttpRowName } from './scenarios.ts';
import { openScratch } from './scratch.ts';
import { measureTracing } from './tracing.ts';
import { measureWorkers } from './two-workers.ts';
import { runVerification } from './verification/run-verification.ts';
import { watchSealing } from './watch-sealing.ts';

/** Rows that are measured by processes of their own. */
const standingAlone = ['verification', 'workers', 'cold-start'] as const;

await main();

async function main(): Promise<void> {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options) await bench(options);
    else process.stdout.write(helpText);
  } catch (error) {
    if (!(error instanceof BadUsage)) throw error;
    process.stderr.write(`${error.message}\n\n${helpText}`);
    process.exitCode = 2;
  }
}

async function bench(options: BenchOptions): Promise<void> {
  const { alone } = options;
  if (alone) {
    const measureAlone = {
      cleanup: measureCleanup,
      clients: measureClients,
      'audit-search': measureAuditSearch,
      'audit-export': measureAuditExport,
      tracing: measureTracing,
    }[alone.name];
    const findings = `${(await measureAlone({ ...options, rowCount: alone.rowCount }, say)).trimEnd()}\n`;
    process.stdout.write(`\n${findings}`);
    if (options.write) writeDocument(alone.name, `Measured ${today()} on ${describeMachine()}.\n\n${findings}`);
    return;
  }
  const loadBefore = loadOfLastMinute();
  const cores = takeCores();
  const rows = options.rows.filter((row): row is HttpRowName => !(standingAlone as readonly string[]).includes(row));
  const measured = rows.length > 0 ? await measureHttp(rows, cores, options) : undefined;
  const verification = options.rows.includes('verification')
    ? await inCalm('verification', options, () => runVerification(cores, options))
    : undefined;
  const workers = options.rows.includes('workers') ? await inCalm('workers', options, () => measureWorkers(cores, options)) : undefined;
  const coldStarts = options.rows.includes('cold-start')
    ? await inCalm('cold start', options, () => measureColdStarts(options.rounds))
    : undefined;
  const report = renderReport({
    date: today(),
    machine: describeMachine(),
    versions: describeVersions(measured?.postgres),
    settings: describeSettings(options, { cores, loadBefore, durability: measured?.durability }),
    http: measured?.http ?? new Map(),
    ...(measured?.memoryAfterLoadBytes !== undefined && { memoryAfterLoadBytes: measured.memoryAfterLoadBytes }),
    ...(measured?.trail && { trail: measured.trail }),
    ...(verification && { verification }),
    ...(workers && { workers }),
    ...(coldStarts && { coldStarts }),
  });
  process.stdout.write(`\n${report}`);
  if (options.write) writeDocument(options.rows.length === 1 ? options.rows[0] : undefined, report);
}

type Measured = Pick<Findings, 'http' | 'memoryAfterLoadBytes' | 'trail'> & { postgres: string; durability: string };

async function measureHttp(rows: readonly HttpRowName[], cores: Cores | undefined, options: BenchOptions): Promise<Measured> {
  const { cpuProfileFolder } = options;
  await using stack = new AsyncDisposableStack();
  const folder = await openScratch(stack);
  const database = stack.adopt(await startBenchDatabase(join(folder, 'data')), (started) => started.stop());
  const workingFolder = join(folder, 'toolgrant');
  await mkdir(workingFolder);
  const start = { database, cores, folder: workingFolder, ...(cpuProfileFolder !== undefined && { cpuProfileFolder }) };
  const toolgrant = stack.adopt(await startToolgrant(start), (started) => started.stop());
  const bare = stack.adopt(await startBareEngine(cores), (started) => started.stop());
  const http = await runRounds({
    ...options,
    rows,
    contenders: [toolgrant, bare],
    database,
    onMeasured: (row, contender, measurement) => say(`${row}, ${contender.name}: ${renderMeasurement(measurement)}`),
  });
  const memoryAfterLoadBytes = residentBytesOf(toolgrant.processId);
  const trail = rows.includes('reports') ? await watchSealing(database) : undefined;
  const { version: postgres, durability } = database;
  const memory = memoryAfterLoadBytes !== undefined && { memoryAfterLoadBytes };
  return { http, postgres, durability, ...memory, ...(trail && { trail }) };
}

async function inCalm<T>(what: string, { calm }: BenchOptions, work: () => Promise<T>): Promise<T> {
  await waitForCalm(calm);
  say(what);
  return work();
}

function describeSettings(
  options: BenchOptions,
  { cores, loadBefore, durability }: { cores: Cores | undefined; loadBefore: number; durability: string | undefined },
): string {
  const { connections, warmUpMs, measuredMs, rounds, calm } = options;
  const placing = cores
    ? `the server process on core ${cores.server}, load generator and PostgreSQL on core ${cores.rest}`
    : 'processes not bound to cores';
  return (
    `${connections} keep-alive connections, ${warmUpMs / 1_000} s warm-up and ${measuredMs / 1_000} s measured, ${rounds} rounds in turns, medians; ` +
    `${calm ? 'measured again, up to twice, when others took more than 0.15 cores; ' : ''}${placing}${durability === undefined ? '' : `; PostgreSQL with ${durability}`}. Load of the machine in the minute before: ${loadBefore.toFixed(1)}.`
  );
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
