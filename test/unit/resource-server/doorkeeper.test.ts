import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createDoorkeeper } from '../../../src/resource-server/doorkeeper.ts';

/** Ends as signatures do, the same in each run. */
const tokens = Array.from({ length: 40_000 }, (_, index) => `head.payload.${createHash('sha512').update(`${index}`).digest('base64url')}`);

describe('the doorkeeper', () => {
  it('knows as many tokens as are cached when they come again, in whatever order', () => {
    const wasShown = createDoorkeeper(10_000);
    const some = tokens.slice(0, 10_000);
    const takenForKnown = some.filter(wasShown).length;
    expect(takenForKnown).toBeLessThan(10);
    expect(some.toReversed().filter(wasShown)).toHaveLength(10_000);
  });

  it('forgets, so that it never takes all for known', () => {
    const wasShown = createDoorkeeper(1_000);
    expect(tokens.filter(wasShown).length).toBeLessThan(100);
    expect(wasShown(tokens[0] as string)).toBe(false);
  });

  it.each([[0], [1], [1e9], [Number.POSITIVE_INFINITY]])('can stand before a cache of %d', (cachedTokens) => {
    const wasShown = createDoorkeeper(cachedTokens);
    expect([wasShown('a.b.c'), wasShown('a.b.c'), wasShown('')]).toEqual([false, true, false]);
  });
});
