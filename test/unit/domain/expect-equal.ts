import { isDeepStrictEqual } from 'node:util';
import { expect } from '@jest/globals';

/**
 * `expect(actual).toEqual(expected)`, asked only where the two are not the same already: each call of `expect` takes a stack trace and
 * makes every matcher anew, which costs more than what most properties look at, ten thousand times.
 */
export function expectEqual(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}
