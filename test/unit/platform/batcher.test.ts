import { describe, expect, it } from '@jest/globals';
import { Batcher } from '../../../src/platform/batcher.ts';

const bounds = { maxItems: 4, maxRuns: 1, maxHoldMs: 60_000, mayBeOfOne: () => false };

/** Answers each item with itself doubled, once it is let go; remembers what went together. */
function doubling(options: Partial<typeof bounds> = {}) {
  const runs: { items: readonly number[]; finish(error?: Error): void }[] = [];
  const batcher = new Batcher<number, number>({
    ...bounds,
    ...options,
    run: (items) =>
      new Promise((resolve, reject) => {
        runs.push({ items, finish: (error) => (error ? reject(error) : resolve(items.map((item) => item * 2))) });
      }),
  });
  return { batcher, runs, together: () => runs.map(({ items }) => items) };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('calls that are made together', () => {
  it('those of one turn are one run, at most so many, and each gets its own result', async () => {
    const { batcher, runs, together } = doubling({ maxRuns: 9 });
    const results = Promise.all([1, 2, 3, 4, 5].map((item) => batcher.add(item)));
    await nextTurn();
    expect(together()).toEqual([[1, 2, 3, 4], [5]]);
    for (const { finish } of runs) finish();
    expect(await results).toEqual([2, 4, 6, 8, 10]);
  });

  it('a single one goes at the end of its turn', async () => {
    const { batcher, runs, together } = doubling();
    const result = batcher.add(7);
    await nextTurn();
    expect(together()).toEqual([[7]]);
    runs[0]?.finish();
    expect(await result).toBe(14);
  });

  it('while enough are under way, what comes waits and goes together; a full run does not wait', async () => {
    const { batcher, runs, together } = doubling();
    const results = [batcher.add(1)];
    await nextTurn();
    results.push(batcher.add(2));
    await nextTurn();
    results.push(batcher.add(3));
    await nextTurn();
    expect(together()).toEqual([[1]]);
    runs[0]?.finish();
    await nextTurn();
    expect(together()).toEqual([[1], [2, 3]]);
    results.push(...[4, 5, 6, 7, 8].map((item) => batcher.add(item)));
    await nextTurn();
    expect(together()).toEqual([[1], [2, 3], [4, 5, 6, 7]]);
    runs[1]?.finish();
    await nextTurn();
    runs[2]?.finish();
    await nextTurn();
    expect(together().at(-1)).toEqual([8]);
    runs[3]?.finish();
    expect(await Promise.all(results)).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
  });

  it('nothing is held longer than told by a run that does not end', async () => {
    const { batcher, runs, together } = doubling({ maxHoldMs: 1 });
    void batcher.add(1);
    await nextTurn();
    const held = batcher.add(2);
    while (runs.length < 2) await nextTurn();
    expect(together()).toEqual([[1], [2]]);
    runs[1]?.finish();
    expect(await held).toBe(4);
    runs[0]?.finish();
  });

  it('what may be the fault of one is tried by each alone', async () => {
    const batcher = new Batcher<number, number>({
      ...bounds,
      mayBeOfOne: (error) => (error as Error).message === 'bad item',
      run: async (items) => {
        if (items.includes(2)) throw new Error('bad item');
        return items.map((item) => item * 2);
      },
    });
    const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
    expect(results).toMatchObject([
      { status: 'fulfilled', value: 2 },
      { status: 'rejected', reason: { message: 'bad item' } },
      { status: 'fulfilled', value: 6 },
    ]);
  });

  it('what is nobody’s fault is told to all, and nothing is tried again', async () => {
    const { batcher, runs } = doubling();
    const results = Promise.allSettled([1, 2].map((item) => batcher.add(item)));
    await nextTurn();
    runs[0]?.finish(new Error('gone'));
    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(runs).toHaveLength(1);
  });
});
