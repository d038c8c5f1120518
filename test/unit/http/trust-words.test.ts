import { describe, expect, it } from '@jest/globals';
import { judgeTrust, type TrustedClient } from '../../../src/domain/client-trust.ts';
import type { LookAlike } from '../../../src/domain/look-alike.ts';
import { agentOf, factsOf } from '../../../src/http/pages/agent.ts';
import { knownWords, quarantineWords, warningWords } from '../../../src/http/views/trust-words.ts';

const now = new Date('2026-11-23T14:05:00Z');
const before = new Date('2026-10-02T09:00:00Z');
const document: TrustedClient & { metadata: { name: string } } = {
  kind: 'document',
  id: 'https://claude.ai/oauth/claude-code-client-metadata',
  metadata: { name: 'Claude Code' },
};

/** What the page says of a client that wants its answer somewhere. */
function said(client: typeof document, redirectUri: string) {
  const trust = judgeTrust(client, redirectUri);
  const { voucher } = agentOf(client, now, trust);
  const { publisher } = factsOf({ trust, firstSeenAt: now, people: { count: 0, isMore: false }, lookAlikes: [] }, now);
  return { voucher, publisher };
}

describe('MCP-17, ABUSE-18: a famous document', () => {
  it('whose answer goes to its own host is published by that host', () => {
    expect(said(document, 'https://claude.ai/cb')).toEqual({ voucher: 'published by claude.ai', publisher: undefined });
  });

  it.each([
    ['https://evil.example/cb', 'Its description is at claude.ai, but your answer goes to evil.example: neither vouches for the other.'],
    ['http://localhost:5173/cb', 'Its description is at claude.ai, but any program on this computer can use that description.'],
    ['cursor://x/cb', 'Its description is at claude.ai, but any app on this device can use that description.'],
  ])('whose answer goes to %s is not verified, and both are named', (redirectUri, publisher) => {
    expect(said(document, redirectUri)).toEqual({ voucher: undefined, publisher });
  });

  it('that an administrator checked is checked, and both are named all the same', () => {
    const { voucher, publisher } = said({ ...document, verifiedAt: before }, 'http://localhost:5173/cb');
    expect(voucher).toBe('checked by whoever runs this site, 2 October 2026');
    expect(publisher).toContain('any program on this computer');
  });
});

describe('what is known here', () => {
  it('says when it was first seen, and that this was just now', () => {
    const firstSeen = (at: string) => knownWords({ firstSeenAt: new Date(at), people: { count: 0, isMore: false } }, now)[0];
    expect(firstSeen('2026-11-23T13:55:01Z')).toBe('First seen just now.');
    expect(firstSeen('2026-11-23T13:55:00Z')).toBe('First seen on 23 November 2026, 13:55 UTC.');
    expect(firstSeen('2026-10-02T09:00:00Z')).toBe('First seen on 2 October 2026.');
  });

  const words = (count: number, isMore = false) => knownWords({ firstSeenAt: before, people: { count, isMore } }, now)[1];

  it.each([
    [0, false, 'Nobody here uses it now.'],
    [1, false, '1 person here uses it.'],
    [3, false, '3 people here use it.'],
    [100, false, '100 people here use it.'],
    [101, false, 'More than 100 people here use it.'],
    [40, true, 'At least 40 people here use it.'],
    [900, true, 'More than 100 people here use it.'],
  ])('%d people (more: %s): %s', (count, isMore, said) => {
    expect(words(count, isMore)).toBe(said);
  });
});

describe('warnings', () => {
  const name: LookAlike = { kind: 'name-from-elsewhere', known: 'Claude', knownHost: 'claude.ai', host: 'claude-ai.example' };
  const host: LookAlike = { kind: 'host-looks-like', known: 'Claude', knownHost: 'claude.ai', host: 'claude-ai.example' };
  const confusable: LookAlike = { kind: 'confusable-name', known: 'Claude' };
  const mixed: LookAlike = { kind: 'mixed-alphabets', word: 'Cl\u0430ude' };

  it('begin with the worst, and say each thing once', () => {
    expect(warningWords([mixed, host, name, confusable])).toEqual([
      'Its name is made to look like “Claude”: some of its characters are others.',
      'It uses the name of Claude, which is at claude.ai. This one is at claude-ai.example.',
    ]);
    expect(warningWords([mixed, host])).toHaveLength(2);
    expect(warningWords([])).toEqual([]);
  });

  it('ABUSE-6: name a verified client without a host, and nobody’s words run on', () => {
    const [words = ''] = warningWords([{ kind: 'name-from-elsewhere', known: `x\u202e${'y'.repeat(500)}`, host: 'a.example' }]);
    expect(words).toContain('[U+202E]');
    expect(words.length).toBeLessThan(200);
  });
});

describe('quarantine', () => {
  it.each([
    [
      { by: 'setting' } as const,
      false,
      'Nobody has checked this agent yet: it may only read for now, until whoever runs this site has done so.',
    ],
    [
      { by: 'administrator', endsAt: new Date('2026-12-20T00:00:00Z') } as const,
      true,
      'This agent is to be looked at first: it may only read for now, until whoever runs this site has done so, or until 20 December 2026. What you allowed it beyond that waits.',
    ],
  ])('%j says why, and until when', (quarantine, waits, words) => {
    expect(quarantineWords(quarantine, { now, waits })).toBe(words);
  });
});
