import { describe, expect, it } from '@jest/globals';
import { apiKeyStanding, narrowToOwner } from '../../../src/domain/api-key.ts';
import type { ConsentedTool } from '../../../src/domain/consent.ts';
import { effectiveTools } from '../../../src/domain/effective-tools.ts';
import { givesAnything, narrowToScope } from '../../../src/domain/machine-scope.ts';
import { unrestricted } from '../../../src/domain/policy.ts';

const tool = (name: string, risk: ConsentedTool['risk'] = 'read'): ConsentedTool => ({ name, digest: name, risk, openWorld: false });
const day = 86_400_000;
const now = new Date('2026-11-27T12:00:00Z');
const in_ = (days: number) => new Date(now.getTime() + days * day);

describe('how a key stands', () => {
  it.each([
    ['good', { expiresAt: in_(15) }],
    ['expiring', { expiresAt: in_(14) }],
    ['expiring', { expiresAt: in_(0.001) }],
    ['expired', { expiresAt: now }],
    ['revoked', { expiresAt: in_(15), revokedAt: now }],
    ['revoked', { expiresAt: in_(-1), revokedAt: in_(-2) }],
  ] as const)('%s', (standing, time) => {
    expect(apiKeyStanding(time, now)).toBe(standing);
  });
});

describe('a key of a service account', () => {
  it('ABUSE-61: is never stronger than the account, nor than what it was made for', () => {
    const key = { tools: [tool('a'), tool('b')], resources: true, prompts: false, expiresAt: in_(1) };
    const narrowed = narrowToOwner(key, { tools: [tool('b', 'write'), tool('c')], resources: false, prompts: true });
    expect(narrowed).toEqual({ tools: [tool('b', 'write')], resources: false, prompts: false, expiresAt: in_(1) });
    expect(narrowToOwner(key, undefined)).toEqual({ tools: [], resources: false, prompts: false, expiresAt: in_(1) });
  });
});

describe('the scope of a machine', () => {
  const catalogue = [tool('look'), tool('edit', 'write')];
  const terms = { tools: [tool('look'), tool('edit', 'write'), tool('gone')], resources: true, prompts: false, decidedAt: now };
  const effective = effectiveTools(terms, catalogue, { now, marginSeconds: 0, isInQuarantine: false, rules: unrestricted });
  const narrowed = (scope: string | undefined) => {
    const { allowed, resources, prompts } = narrowToScope(effective, scope, catalogue);
    return [allowed.map(({ name }) => name).join(' '), resources, prompts];
  };

  it.each([
    [undefined, ['edit look', true, false]],
    ['', ['edit look', true, false]],
    ['openid email', ['edit look', true, false]],
    ['tools', ['edit look', false, false]],
    ['tools.read', ['look', false, false]],
    ['tools.read tool:edit', ['edit look', false, false]],
    ['tool:edit resources', ['edit', true, false]],
  ])('%j', (scope, expected) => {
    expect(narrowed(scope)).toEqual(expected);
  });

  it.each(['prompts', 'tool:gone', 'tool:other', 'tool:%zz', 'tools.listed', 'catalogue', 'admin', 'openid admin'])(
    'ABUSE-62: %j gives nothing',
    (scope) => {
      expect(givesAnything(narrowToScope(effective, scope, catalogue))).toBe(false);
    },
  );
});
