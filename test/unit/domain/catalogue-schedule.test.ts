import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nextReadingAt } from '../../../src/domain/catalogue-schedule.ts';
import { now, runs } from './arbitraries.ts';

const secondsUntil = (at: Date) => (at.getTime() - now.getTime()) / 1_000;

describe('nextReadingAt', () => {
  it('is the interval, a tenth earlier or later; after failures twice as long each time, up to thirty times', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 604_800 }),
        fc.integer({ min: 0, max: 2_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seconds, failures, chance) => {
          const wait = secondsUntil(nextReadingAt(now, { seconds, failures, chance }));
          const factor = [1, 1, 2, 4, 8, 16][failures] ?? 30;
          expect(wait).toBeGreaterThan(seconds * factor * 0.9 - 1);
          expect(wait).toBeLessThan(seconds * factor * 1.1 + 1);
        },
      ),
      runs,
    );
  });
});
