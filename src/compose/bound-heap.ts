import { setFlagsFromString } from 'node:v8';

/**
 * How far the heap may grow beyond what is alive, in per cent, before it is looked through again. Left to itself V8 lets a small heap
 * grow to several times of that; under load it then holds some 150 MB of garbage.
 */
const growingPercent = 40;

/** Keeps this process small, at the price of more frequent collections. What it was told when it was started counts. */
export function boundHeap(): void {
  if (process.execArgv.some((flag) => flag.startsWith('--heap-growing-percent'))) return;
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
}
