import { describe, expect, it } from '@jest/globals';
import { type FailedRequest, mayRedirectError } from '../../../src/domain/error-redirect.ts';

const kinds = ['https', 'loopback', 'private-use'] as const;
const stranger: FailedRequest = { isVerified: false, person: 'unknown', isKnownToPerson: false, redirectKind: 'https' };

describe('an error of an authorization request', () => {
  it.each(kinds)('goes back at once to a verified client (%s)', (redirectKind) => {
    for (const person of ['unknown', 'signed-in', 'answered'] as const)
      expect(mayRedirectError({ ...stranger, isVerified: true, person, redirectKind })).toBe(true);
  });

  it.each(kinds)('ABUSE-19: goes nowhere while nobody has signed in, wherever an unverified client is (%s)', (redirectKind) => {
    for (const isKnownToPerson of [true, false]) expect(mayRedirectError({ ...stranger, isKnownToPerson, redirectKind })).toBe(false);
  });

  it('waits at a page for whoever is signed in and never allowed that web site anything', () => {
    expect(mayRedirectError({ ...stranger, person: 'signed-in' })).toBe(false);
    expect(mayRedirectError({ ...stranger, person: 'signed-in', isKnownToPerson: true })).toBe(true);
  });

  it.each(['loopback', 'private-use'] as const)('goes back to a program of whoever is signed in (%s)', (redirectKind) => {
    expect(mayRedirectError({ ...stranger, person: 'signed-in', redirectKind })).toBe(true);
  });

  it('goes back once she has answered', () => {
    expect(mayRedirectError({ ...stranger, person: 'answered' })).toBe(true);
  });
});
