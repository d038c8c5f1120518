/** How much a process holds that makes much garbage: this is what `serve` and its workers do, in a process of its own. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

const module = resolve(import.meta.dirname, '../../src/compose/bound-heap.ts');

/** The highest heap, in bytes, of a process that keeps some objects and lets many more grow old before it drops them. */
async function highestHeap({ isBounded, flags = [] }: { isBounded: boolean; flags?: string[] }): Promise<number> {
  const program = `
    import { boundHeap } from ${JSON.stringify(module)};
    if (${isBounded}) boundHeap();
    const kept = Array.from({ length: 200_000 }, (_, index) => ({ index, list: [index] }));
    let highest = 0;
    let dropped = [];
    for (let index = 0; index < 6_000_000; index += 1) {
      dropped.push({ index });
      if (dropped.length > 200_000) dropped = [];
      if (index % 50_000 === 0) highest = Math.max(highest, process.memoryUsage().heapTotal);
    }
    console.log(highest, kept.length);`;
  // Left to itself, V8 lets the heap grow the less the smaller the machine is.
  const args = ['--max-semi-space-size=8', '--max-old-space-size=4096', ...flags, '--input-type=module-typescript', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', ...args]);
  return Number.parseInt(stdout, 10);
}

it('the heap is kept near to what is alive, unless the process was told otherwise when it was started', async () => {
  const [left, bounded, told] = await Promise.all([
    highestHeap({ isBounded: false }),
    highestHeap({ isBounded: true }),
    highestHeap({ isBounded: true, flags: ['--heap-growing-percent=400'] }),
  ]);
  expect(bounded).toBeLessThan(left);
  expect(bounded).toBeLessThan(told);
});
