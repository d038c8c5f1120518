/** How much a process holds that makes much garbage: this is what `serve` and its workers do, in a process of its own. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { heapBound } from '../../src/compose/bound-heap.ts';

const module = resolve(import.meta.dirname, '../../src/compose/bound-heap.ts');

/** Keeps some objects, lets many more grow old before it drops them, and prints the highest heap, in bytes. Unbounded: 150 to 180 MB. */
const program = `
  import { boundHeap } from ${JSON.stringify(module)};
  boundHeap();
  const kept = Array.from({ length: 200_000 }, (_, index) => ({ index, list: [index] }));
  let highest = 0;
  let dropped = [];
  for (let index = 0; index < 6_000_000; index += 1) {
    dropped.push({ index });
    if (dropped.length > 200_000) dropped = [];
    if (index % 50_000 === 0) highest = Math.max(highest, process.memoryUsage().heapTotal);
  }
  console.log(highest, kept.length);`;

it('the heap is kept near to what is alive', async () => {
  // By itself it would grow by less where the machine has less.
  const flags = ['--max-semi-space-size=8', '--max-old-space-size=4096', '--no-warnings'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module-typescript', '--eval', program]);
  const highest = Number.parseInt(stdout, 10);
  expect(highest).toBeGreaterThan(0);
  expect(highest).toBeLessThan(145_000_000);
});

it('what a process was told when it was started counts', () => {
  expect(heapBound(['--inspect', '--heap-growing-percent=40'])).toBeUndefined();
  expect(heapBound(['--inspect'])).toBe('--heap-growing-percent=40');
});
