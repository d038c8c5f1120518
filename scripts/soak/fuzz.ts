/** Requests by chance at the issuer as it is deployed: nothing fails, nothing ends, nothing grows, nobody is led or told what they must not. */
import { fuzzParts } from '../../test/support/fuzz/parts.ts';
import { fuzz } from '../../test/support/fuzz/run.ts';
import { type FuzzTarget, startFuzzTarget } from '../../test/support/fuzz/target.ts';
import type { SoakOptions } from './options.ts';
import type { PartReport } from './report.ts';

const longestGrowth = 0.1;
/** So much of a part has been sent when its heap is first measured: caches are full by then. */
const warmUpShare = 0.1;
const mib = 1_048_576;

/** Runs it. */
export async function runFuzz(options: SoakOptions, say: (line: string) => void): Promise<PartReport> {
  const target = await startFuzzTarget();
  try {
    const lines: string[] = [];
    const problems: string[] = [];
    for (const part of fuzzParts) {
      const report = await runPart(target, { ...part, count: Math.ceil(part.count * options.fuzzShare) }, { seed: options.seed, say });
      lines.push(...report.lines);
      problems.push(...report.problems);
    }
    const checked = await target.check();
    lines.push(`read back: ${checked.clients} clients`);
    return { title: 'fuzz', lines, problems: [...problems, ...checked.problems] };
  } finally {
    await target.stop();
  }
}

async function runPart(
  target: FuzzTarget,
  { title, requests, count }: Pick<(typeof fuzzParts)[number], 'title' | 'requests'> & { count: number },
  { seed, say }: { seed: number; say: (line: string) => void },
): Promise<Pick<PartReport, 'lines' | 'problems'>> {
  const beganAt = performance.now();
  const onProgress = (sent: number) => say(`${title}: ${sent}`);
  const warmUp = await fuzz(target, { requests, count: Math.ceil(count * warmUpShare), seed: seed + 1_000_000, onProgress });
  const before = await target.readHeapBytes();
  const rest = await fuzz(target, { requests, count: count - warmUp.sent, seed, onProgress });
  const after = await target.readHeapBytes();
  const growth = after / before - 1;
  const failures = [warmUp.failure, rest.failure].filter((failure) => failure !== undefined);
  const statuses = new Map<string, number>();
  for (const [outcome, times] of [...warmUp.outcomes, ...rest.outcomes]) {
    const status = outcome.split(' ').at(-1) ?? '';
    statuses.set(status, (statuses.get(status) ?? 0) + times);
  }
  const perSecond = ((warmUp.sent + rest.sent) * 1_000) / (performance.now() - beganAt);
  return {
    lines: [
      `${warmUp.sent + rest.sent} ${title}, ${Math.round(perSecond)} per second: ${[...statuses]
        .sort()
        .map((entry) => entry.join('×'))
        .join(', ')}`,
      `heap ${(before / mib).toFixed(1)} → ${(after / mib).toFixed(1)} MiB (${(growth * 100).toFixed(1)} %)`,
    ],
    problems: [...failures, ...(growth < longestGrowth ? [] : [`${title}: the heap grew by ${(growth * 100).toFixed(1)} %`])],
  };
}
