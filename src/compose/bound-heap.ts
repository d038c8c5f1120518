import { setFlagsFromString } from 'node:v8';

/**
 * How far the heap may grow beyond what is alive, in per cent, before it is looked through again. Left to itself V8 lets a small heap
 * grow to several times of that; under load it then holds some 150 MB of garbage. The less it may grow, the more often requests wait.
 */
const flag = '--heap-growing-percent';
const growingPercent = 40;

/** Keeps this process small. What it was told when it was started counts. */
export function boundHeap(): void {
  const bound = heapBound(process.execArgv);
  if (bound !== undefined) setFlagsFromString(bound);
}

/** The flag for a process that was started with these; undefined when it was told another. */
export function heapBound(told: readonly string[]): string | undefined {
  return told.some((one) => one.startsWith(flag)) ? undefined : `${flag}=${growingPercent}`;
}
