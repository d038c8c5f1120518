/** How much a process holds that makes much garbage: this is what `serve` and its workers do, in a process of its own. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { heapBounds } from '../../src/compose/bound-heap.ts';

const module = resolve(import.meta.dirname, '../../src/compose/bound-heap.ts');

/** Runs a program, in whose process the heap is bounded first; the number that it prints. By itself V8 takes less where the machine has less. */
async function run(program: string): Promise<number> {
  const flags = ['--max-semi-space-size=8', '--max-old-space-size=4096', '--no-warnings'];
  const whole = `import { boundHeap } from ${JSON.stringify(module)};\nboundHeap();\n${program}`;
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module-typescript', '--eval', whole]);
  const number = Number.parseInt(stdout, 10);
  expect(number).toBeGreaterThanOrEqual(0);
  return number;
}

it('the heap is kept near to what is alive', async () => {
  // Keeps some objects, lets many more grow old before it drops them, and prints the highest heap, in bytes. Unbounded: 150 to 180 MB.
  const highest = await run(`
    const kept = Array.from({ length: 200_000 }, (_, index) => ({ index, list: [index] }));
    let highest = 0;
    let dropped = [];
    for (let index = 0; index < 6_000_000; index += 1) {
      dropped.push({ index });
      if (dropped.length > 200_000) dropped = [];
      if (index % 50_000 === 0) highest = Math.max(highest, process.memoryUsage().heapTotal);
    }
    console.log(highest, kept.length);`);
  expect(highest).toBeLessThan(145_000_000);
});

it('what is soon garbage does not grow old because its like once lasted', async () => {
  // What one place makes lasts at first, and then for 32 turns; prints by how much the old generation grew in those, in bytes.
  // Left to itself: 385 MB.
  const grown = await run(`
    import { getHeapSpaceStatistics } from 'node:v8';
    class Holder {
      constructor(size) {
        this.held = Array.from({ length: size }, (_, index) => ({ index }));
        this.list = [this.held];
      }
    }
    const make = (size) => new Holder(size);
    let kept = [];
    for (let index = 0; index < 400_000; index += 1) {
      kept.push(make(2));
      if (kept.length > 100_000) kept = [];
    }
    const old = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space').space_used_size;
    const ring = [];
    let grown = 0;
    for (let index = 0, last = old(); index < 100_000; index += 1) {
      ring[index % 32] = make(100);
      if (index % 20 > 0) continue;
      const now = old();
      grown += Math.max(0, now - last);
      last = now;
    }
    console.log(grown, kept.length);`);
  expect(grown).toBeLessThan(40_000_000);
});

it('what a process was told when it was started counts', () => {
  expect(heapBounds(['--inspect'])).toEqual(['--heap-growing-percent=40', '--no-allocation-site-pretenuring']);
  expect(heapBounds(['--heap-growing-percent=60'])).toEqual(['--no-allocation-site-pretenuring']);
  for (const told of ['--allocation-site-pretenuring', '--no-allocation-site-pretenuring', '--allocation_site_pretenuring']) {
    expect(heapBounds([told])).toEqual(['--heap-growing-percent=40']);
  }
});
