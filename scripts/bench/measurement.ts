import type { Contender } from './contenders/contender.ts';
import { busySecondsOfMachine, cpuSecondsOf, cpuSecondsOfTree } from './cpu-time.ts';
import type { BenchDatabase } from './database.ts';
import { type Lane, type LoadTiming, runLoad } from './load.ts';
import { median } from './statistics.ts';

/** What one measurement of one contender found. */
export interface Measurement {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Processor time of the contender's process per request, in microseconds. */
  serverCpuUs: number;
  /** Of PostgreSQL. */
  databaseCpuUs: number;
  /** How busy the contender's process kept its core, from 0 to 1. */
  serverBusy: number;
  /** The same of load generator and PostgreSQL together, which share a core. */
  restBusy: number;
  /** What other programs of the machine took meanwhile, in cores. */
  othersBusy: number;
  failures: number;
  firstFailure?: string;
}

interface CpuSeconds {
  server: number;
  database: number;
  generator: number;
  machine: number;
}

/** Puts a contender under load once. */
export async function measure(
  { contender, database }: { contender: Contender; database: BenchDatabase },
  lanes: readonly Lane[],
  timing: Pick<LoadTiming, 'warmUpMs' | 'measuredMs'>,
): Promise<Measurement> {
  const read = (): CpuSeconds => ({
    server: (contender.workers > 1 ? cpuSecondsOfTree : cpuSecondsOf)(contender.processId) ?? Number.NaN,
    database: (database.processId === undefined ? undefined : cpuSecondsOfTree(database.processId)) ?? Number.NaN,
    generator: cpuSecondsOf(process.pid) ?? Number.NaN,
    machine: busySecondsOfMachine() ?? Number.NaN,
  });
  let [before, after] = [read(), read()];
  const load = await runLoad(contender.origin, lanes, {
    ...timing,
    onBegin: () => {
      before = read();
    },
    onEnd: () => {
      after = read();
    },
  });
  const { requests, seconds, p50Ms, p99Ms, failures, firstFailure } = load;
  if (requests === 0 && failures > 0) throw new Error(`${contender.name}: every request failed, the first with ${firstFailure}`);
  const used = (key: keyof CpuSeconds) => after[key] - before[key];
  const [server, rest] = [used('server'), used('database') + used('generator')];
  return {
    perSecond: requests / seconds,
    p50Ms,
    p99Ms,
    serverCpuUs: (server / requests) * 1e6,
    databaseCpuUs: (used('database') / requests) * 1e6,
    serverBusy: server / seconds,
    restBusy: rest / seconds,
    othersBusy: Math.max(0, used('machine') - server - rest) / seconds,
    failures,
    ...(firstFailure !== undefined && { firstFailure }),
  };
}

/** The medians of some measurements, each figure for itself; failures are added up. */
export function summarize(measurements: readonly Measurement[]): Measurement {
  const middle = (key: Exclude<keyof Measurement, 'failures' | 'firstFailure'>) => median(measurements.map((one) => one[key]));
  const firstFailure = measurements.find((one) => one.firstFailure !== undefined)?.firstFailure;
  return {
    perSecond: middle('perSecond'),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    serverCpuUs: middle('serverCpuUs'),
    databaseCpuUs: middle('databaseCpuUs'),
    serverBusy: middle('serverBusy'),
    restBusy: middle('restBusy'),
    othersBusy: middle('othersBusy'),
    failures: measurements.reduce((sum, one) => sum + one.failures, 0),
    ...(firstFailure !== undefined && { firstFailure }),
  };
}
