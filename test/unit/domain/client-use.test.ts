import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { keepClientUntil, neverAllowedSeconds } from '../../../src/domain/client-use.ts';

const now = new Date('2026-11-27T12:00:00Z');
const refreshTokenSeconds = 90 * 86_400;
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000);
const keep = (use: Parameters<typeof keepClientUntil>[0]) => keepClientUntil(use, { now, refreshTokenSeconds });

describe('MCP-33: a client is kept', () => {
  it('for a day when nobody allowed it anything', () => {
    expect(keep({ createdAt: ago(neverAllowedSeconds - 1), hasConsentInForce: false })).toEqual(new Date(now.getTime() + 1_000));
    expect(keep({ createdAt: ago(neverAllowedSeconds), hasConsentInForce: false })).toBeUndefined();
  });

  it('as long after its last use as its longest refresh token', () => {
    const createdAt = ago(400 * 86_400);
    expect(keep({ createdAt, lastUsedAt: ago(refreshTokenSeconds - 1), hasConsentInForce: false })).toBeDefined();
    expect(keep({ createdAt, lastUsedAt: ago(refreshTokenSeconds), hasConsentInForce: false })).toBeUndefined();
  });

  it('whenever a consent holds, and until its use can have ended', () => {
    fc.assert(
      fc.property(fc.nat(500 * 86_400), fc.option(fc.nat(500 * 86_400), { nil: undefined }), fc.boolean(), (age, idle, holds) => {
        const use = { createdAt: ago(age), ...(idle !== undefined && { lastUsedAt: ago(idle) }), hasConsentInForce: holds };
        const until = keep(use);
        if (until) expect(until.getTime()).toBeGreaterThan(now.getTime());
        expect(until === undefined).toBe(!holds && (idle === undefined ? age >= neverAllowedSeconds : idle >= refreshTokenSeconds));
      }),
    );
  });
});
