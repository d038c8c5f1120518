import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { areEmpty, areEqual, isInForce } from '../../../src/domain/consent.ts';
import { consentArbitrary, now, runs, termsArbitrary } from './arbitraries.ts';
import { expectEqual } from './expect-equal.ts';

describe('a consent', () => {
  it('is in force until it is ended or its time is over', () => {
    fc.assert(
      fc.property(consentArbitrary, (consent) => {
        expectEqual(isInForce(consent, now), !consent.endedAt && (!consent.expiresAt || consent.expiresAt.getTime() > now.getTime()));
      }),
      runs,
    );
  });

  it('compares terms by what they allow, not by their order, and by when that was decided', () => {
    fc.assert(
      fc.property(termsArbitrary, (allowed) => {
        const terms = { ...allowed, decidedAt: now };
        expectEqual(areEqual(terms, { ...terms, tools: [...terms.tools].reverse() }), true);
        expectEqual(areEqual(terms, { ...terms, resources: !terms.resources }), false);
        const [first, ...rest] = terms.tools;
        if (first) {
          expectEqual(areEqual(terms, { ...terms, tools: rest }), false);
          expectEqual(areEqual(terms, { ...terms, tools: [{ ...first, digest: 'another' }, ...rest] }), false);
          expectEqual(areEqual(terms, { ...terms, tools: [{ ...first, expiresAt: new Date(0) }, ...rest] }), false);
          expectEqual(areEqual(terms, { ...terms, tools: [{ ...first, openWorld: !first.openWorld }, ...rest] }), false);
          const decidedAnew = { ...first, decidedAt: new Date(1) };
          expectEqual(areEqual(terms, { ...terms, tools: [decidedAnew, ...rest] }), false);
        }
      }),
      runs,
    );
    expect(areEmpty({ tools: [], resources: false, prompts: false })).toBe(true);
    expect(areEmpty({ tools: [], resources: false, prompts: true })).toBe(false);
  });
});
