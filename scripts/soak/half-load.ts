/** An hour at half of what the issuer can take: its heap must not grow, and every answer must be the expected one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Books } from '../../test/support/books.ts';
import { type Memory, memorySettings, readMemory } from '../../test/support/heap.ts';
import { type LoadedIssuer, startLoadedIssuer } from '../../test/support/loaded-issuer.ts';
import type { SoakOptions } from './options.ts';
import { type PartReport, reportBooks } from './report.ts';

const calibrationMs = 20_000;
const samples = 12;
const mib = 1_048_576;
const longestGrowth = 0.1;

/** Runs it. */
export async function runHalfLoad(options: SoakOptions, say: (line: string) => void): Promise<PartReport> {
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-soak-'));
  const { file, settings } = memorySettings(folder);
  const issuer = await startLoadedIssuer({ ...options, settings });
  try {
    const read = () => readMemory(issuer.process(), file);
    const steps = await calibrate(issuer);
    const rate = steps / 2;
    say(`it takes ${steps.toFixed(0)} operations per second; ${rate.toFixed(0)} are asked for`);
    const memory: Memory[] = [];
    await issuer.load(
      async () => {
        await sleep(options.warmUpMinutes * 60_000);
        issuer.books.latencies.clear();
        for (let sample = 0; sample <= samples; sample += 1) {
          if (sample > 0) await sleep(((options.minutes - options.warmUpMinutes) * 60_000) / samples);
          memory.push(await read());
          say(`heap ${format(memory.at(-1)?.heapUsed)} MiB, RSS ${format(memory.at(-1)?.rss)} MiB`);
        }
      },
      { pace: evenly(rate) },
    );
    await issuer.check();
    return report(issuer, memory, rate);
  } finally {
    await issuer.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** How many operations a second come through when everybody asks as fast as they can. */
async function calibrate(issuer: LoadedIssuer): Promise<number> {
  let steps = 0;
  const began = performance.now();
  await issuer.load(() => sleep(calibrationMs), {
    pace: async () => {
      steps += 1;
    },
  });
  return steps / ((performance.now() - began) / 1_000);
}

/** Lets callers through one after another, so many a second; time that nobody used is not made up for. */
function evenly(perSecond: number): () => Promise<void> {
  let next = performance.now();
  return async () => {
    const now = performance.now();
    next = Math.max(next + 1_000 / perSecond, now);
    await sleep(next - now);
  };
}

/** The heap at the end beside the heap after the warm-up: medians of three, because requests are under way at each. */
function report(issuer: LoadedIssuer, memory: readonly Memory[], rate: number): PartReport {
  const heaps = memory.map(({ heapUsed }) => heapUsed);
  const [first, last] = [median(heaps.slice(0, 3)), median(heaps.slice(-3))];
  const growth = last / first - 1;
  const problems = growth < longestGrowth ? [] : [`the heap grew by ${(growth * 100).toFixed(1)} %`];
  const lines = [
    `${rate.toFixed(0)} operations per second; heap ${format(first)} → ${format(last)} MiB (${(growth * 100).toFixed(1)} %), RSS ${format(memory.at(-1)?.rss)} MiB`,
    ...latencyLines(issuer.books),
  ];
  const books = reportBooks('load', issuer, { excuses: false });
  return { ...books, lines: [...lines, ...books.lines], problems: [...problems, ...books.problems] };
}

function latencyLines({ latencies }: Books): string[] {
  return [...latencies].map(([operation, times]) => {
    const sorted = [...times].sort((one, other) => one - other);
    const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
    return `${operation}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function format(bytes: number | undefined): string {
  return ((bytes ?? Number.NaN) / mib).toFixed(1);
}
