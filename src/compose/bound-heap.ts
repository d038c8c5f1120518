import { setFlagsFromString } from 'node:v8';

/**
 * What V8 is told about the heap of a process that serves, and why:
 *
 * - how far the heap may grow beyond what is alive, in per cent, before it is looked through again. Left to itself V8 lets a small
 *   heap grow to several times of that; under load it then holds some 150 MB of garbage. The less it may grow, the more often
 *   requests wait;
 * - that nothing is born old. Where V8 has found that what a place in the code makes outlives a collection, as in the first seconds,
 *   when everything is slow, it makes it old at once from then on, for good. Such an object keeps what it leads to, here whole
 *   requests, until the whole heap is looked through, which then is due every second, not every seven.
 */
const flags: readonly { flag: string; unlessTold: RegExp }[] = [
  { flag: '--heap-growing-percent=40', unlessTold: /^--heap-growing-percent/ },
  { flag: '--no-allocation-site-pretenuring', unlessTold: /^--(?:no-?)?allocation-site-pretenuring/ },
];

/** Keeps this process small. What it was told when it was started counts. */
export function boundHeap(): void {
  for (const flag of heapBounds(process.execArgv)) setFlagsFromString(flag);
}

/** The flags for a process that was started with these: those that it was told nothing about. */
export function heapBounds(told: readonly string[]): string[] {
  // V8 takes an underscore for a hyphen.
  const names = told.map((one) => one.replaceAll('_', '-'));
  return flags.filter(({ unlessTold }) => !names.some((name) => unlessTold.test(name))).map(({ flag }) => flag);
}
