/** What a second worker brings: the same load on `serve --workers 1` and `--workers 2`, each on its own fresh start. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startToolgrant } from './contenders/toolgrant.ts';
import { type Cores, giveCores } from './cores.ts';
import { residentBytesOfTree } from './cpu-time.ts';
import { startBenchDatabase } from './database.ts';
import { type Measurement, measure, summarize } from './measurement.ts';
import type { BenchOptions } from './options.ts';
import { createScenarios } from './scenarios.ts';

/** What one number of workers came to. */
export interface WorkersMeasurement {
  workers: number;
  jwks: Measurement;
  refresh: Measurement;
  /** After the load, of each process that serves, in bytes. */
  residentBytes: readonly number[];
}

/** Both numbers, and how many cores the servers had to themselves. */
export interface WorkersFindings {
  serverCores: number;
  measured: readonly WorkersMeasurement[];
}

/** With four cores, two are the servers' and two are everybody else's; with fewer, both workers share the servers' one. */
const roomy: Cores = { server: '0,1', rest: '2,3' };

/** Measures them one after the other. */
export async function measureWorkers(cores: Cores | undefined, options: BenchOptions): Promise<WorkersFindings> {
  const isRoomy = cores !== undefined && availableParallelism() >= 4 && giveCores(process.pid, roomy.rest);
  const places = isRoomy ? roomy : cores;
  const measured = [await measureOne(1, places, options), await measureOne(2, places, options)];
  if (isRoomy) giveCores(process.pid, cores.rest);
  return { serverCores: isRoomy ? 2 : 1, measured };
}

async function measureOne(workers: number, cores: Cores | undefined, options: BenchOptions): Promise<WorkersMeasurement> {
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const database = stack.adopt(await startBenchDatabase(join(folder, 'data')), (started) => started.stop());
  const workingFolder = join(folder, 'toolgrant');
  await mkdir(workingFolder);
  const contender = stack.adopt(await startToolgrant({ database, cores, folder: workingFolder, workers }), (started) => started.stop());
  const { jwks, refresh } = await createScenarios(contender, options.connections);
  const parties = { contender, database };
  const results: Record<'jwks' | 'refresh', Measurement[]> = { jwks: [], refresh: [] };
  for (let round = 0; round < options.rounds; round += 1) {
    results.jwks.push(await measure(parties, await jwks.prepare(0), options));
    results.refresh.push(await measure(parties, await refresh.prepare(0), options));
  }
  return {
    workers,
    jwks: summarize(results.jwks),
    refresh: summarize(results.refresh),
    residentBytes: residentBytesOfTree(contender.processId, { withTop: workers === 1 }),
  };
}
