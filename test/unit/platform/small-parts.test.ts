import { describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../../src/platform/clock.ts';
import { isEqualConstantTime, sha256, sha256Hex } from '../../../src/platform/digest.ts';
import { randomId, randomIndex, randomToken } from '../../../src/platform/random.ts';

describe('time, randomness, digests', () => {
  it('ENG-31: the clock follows the global Date', () => {
    jest.useFakeTimers({ now: new Date('2031-02-03T04:05:06Z'), doNotFake: ['nextTick', 'setImmediate'] });
    try {
      expect(systemClock.now()).toEqual(new Date('2031-02-03T04:05:06Z'));
      jest.setSystemTime(new Date('2031-02-03T05:00:00Z'));
      expect(systemClock.now()).toEqual(new Date(Date.now()));
    } finally {
      jest.useRealTimers();
    }
  });

  it('MCP-26: tokens and ids are of URL-safe characters only, and never the same', () => {
    const tokens = Array.from({ length: 1_000 }, () => randomToken());
    const ids = Array.from({ length: 1_000 }, () => randomId('usr_'));
    for (const token of tokens) expect(token).toMatch(/^[\w-]{43}$/);
    for (const id of ids) expect(id).toMatch(/^usr_[\w-]{20}$/);
    expect(new Set([...tokens, ...ids]).size).toBe(2_000);
    expect(randomToken(12)).toHaveLength(16);
    expect(new Set(Array.from({ length: 500 }, () => randomIndex(3)))).toEqual(new Set([0, 1, 2]));
  });

  it('digests are SHA-256', () => {
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(sha256('abc')).toBe(Buffer.from(sha256Hex('abc'), 'hex').toString('base64url'));
    expect(sha256(Buffer.from('abc'))).toBe(sha256('abc'));
  });

  it('equality is of the whole text, of any length', () => {
    expect(isEqualConstantTime('token', 'token')).toBe(true);
    expect(isEqualConstantTime('token', 'tokeN')).toBe(false);
    expect(isEqualConstantTime('token', 'token1')).toBe(false);
    expect(isEqualConstantTime('', '')).toBe(true);
  });
});
