import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fitsPattern } from '../../../src/domain/name-pattern.ts';
import { judge, type Policy, type PolicyParties, type PolicyRule, peopleDecide, rulesFor, termOf } from '../../../src/domain/policy.ts';
import { hostBehind, policyClient } from '../../../src/domain/policy-client.ts';
import { fitsServerPattern } from '../../../src/domain/server-pattern.ts';
import { allowRuleArbitrary, denyRuleArbitrary, now, partiesArbitrary, policyArbitrary, runs, toolArbitrary } from './arbitraries.ts';
import { expectEqual } from './expect-equal.ts';

const parties: PolicyParties = {
  groups: ['engineering'],
  client: { id: 'cli_1', kind: 'dynamic', host: 'claude.ai', isVerified: false },
  resourceKey: 'https://mcp.example.com/issues',
};
const listIssues = { name: 'list_issues', risk: 'read', openWorld: false } as const;
const deleteIssue = { name: 'delete_issue', risk: 'destructive', openWorld: false } as const;

const allow = (rule: Partial<PolicyRule> = {}): PolicyRule => ({ name: 'some', effect: 'allow', ...rule });
const deny = (rule: Partial<PolicyRule> = {}): PolicyRule => ({ name: 'none', effect: 'deny', ...rule });
const kindOf = (rules: readonly PolicyRule[], thing: Parameters<typeof judge>[1] = listIssues, about: Partial<PolicyParties> = {}) =>
  judge(rulesFor({ rules }, { ...parties, ...about }), thing).kind;

describe('a rule', () => {
  const cases: [what: string, rule: Partial<PolicyRule>, fits: boolean][] = [
    ['without conditions', {}, true],
    ['for everyone', { groups: ['everyone'] }, true],
    ['for one of her groups', { groups: ['sales', 'engineering'] }, true],
    ['for another group', { groups: ['sales'] }, false],
    ['for the server', { servers: ['https://mcp.example.com/issues'] }, true],
    ['for servers of the host', { servers: ['https://mcp.example.com/*'] }, true],
    ['for servers below the domain', { servers: ['https://*.example.com/issues'] }, true],
    ['for another server', { servers: ['https://mcp.example.com/issue'] }, false],
    ['for no server', { servers: [] }, false],
    ['for the client', { clients: [{ id: 'cli_1' }] }, true],
    ['for its host', { clients: [{ host: 'claude.ai' }] }, true],
    ['for names below its host', { clients: [{ host: '*.claude.ai' }] }, false],
    ['for its kind', { clients: [{ kind: 'dynamic' }] }, true],
    ['for verified clients', { clients: [{ verified: true }] }, false],
    ['for clients that nobody checked', { clients: [{ verified: false }] }, true],
    ['for its host, if verified', { clients: [{ host: 'claude.ai', verified: true }] }, false],
    ['for verified clients, or its host', { clients: [{ verified: true }, { host: 'claude.ai' }] }, true],
    ['for the tool', { tools: [{ name: 'list_issues' }] }, true],
    ['for tools named alike', { tools: [{ name: 'list_*' }] }, true],
    ['for the tool in another case', { tools: [{ name: 'List_Issues' }] }, false],
    ['for tools that read', { tools: [{ risk: 'read' }] }, true],
    ['for tools that reach out', { tools: [{ openWorld: true }] }, false],
    ['for tools that read and reach out', { tools: [{ risk: 'read', openWorld: true }] }, false],
    ['for no tools', { tools: [] }, false],
    ['for resources alone', { resources: true }, false],
  ];

  it.each(cases)('%s', (_, rule, fits) => {
    expect(kindOf([allow(rule)])).toBe(fits ? 'allowed' : 'not-allowed');
    expect(kindOf([allow(), deny(rule)])).toBe(fits ? 'denied' : 'allowed');
  });

  it('that names tools leaves out resources and prompts, unless it names them', () => {
    const judged = (rule: Partial<PolicyRule>) => [kindOf([allow(rule)], 'resources'), kindOf([allow(rule)], 'prompts')];
    expect(judged({})).toEqual(['allowed', 'allowed']);
    expect(judged({ tools: [{ name: '*' }] })).toEqual(['not-allowed', 'not-allowed']);
    expect(judged({ tools: [{ risk: 'read' }], resources: true })).toEqual(['allowed', 'not-allowed']);
    expect(judged({ prompts: true })).toEqual(['not-allowed', 'allowed']);
  });

  it('that denies outweighs all that allow, and is named', () => {
    const rules = [allow(), deny({ name: 'no-deletes', tools: [{ risk: 'destructive' }] })];
    expect(judge(rulesFor({ rules }, parties), deleteIssue)).toMatchObject({ kind: 'denied', by: { name: 'no-deletes' } });
    expect(kindOf(rules)).toBe('allowed');
  });
});

describe('no policy', () => {
  it('lets people decide on everything, for as long as they like', () => {
    fc.assert(
      fc.property(partiesArbitrary, toolArbitrary, (of, tool) => {
        const rules = rulesFor(peopleDecide, of);
        for (const thing of [tool, 'resources', 'prompts'] as const) {
          const permission = judge(rules, thing);
          if (permission.kind !== 'allowed') throw new Error(permission.kind);
          expectEqual(termOf(permission.by, { decidedAt: now }), { kind: 'good', by: peopleDecide.rules[0] });
        }
      }),
      runs,
    );
  });

  it('is not the same as one without rules, which allows nothing', () => {
    expect(kindOf([])).toBe('not-allowed');
  });
});

/** How much a policy grants, as numbers that can be compared: 0 nothing, then by how long. */
function reach(policy: Policy, of: PolicyParties, thing: Parameters<typeof judge>[1], ageSeconds: number): number {
  const permission = judge(rulesFor(policy, of), thing);
  if (permission.kind !== 'allowed') return 0;
  const term = termOf(permission.by, { decidedAt: now, signedInAt: new Date(now.getTime() - ageSeconds * 1_000) });
  if (term.kind !== 'good') return 0;
  return term.endsAt ? term.endsAt.getTime() - now.getTime() : Number.POSITIVE_INFINITY;
}

const ages = fc.integer({ min: 0, max: 10_000 });
const things = fc.oneof(toolArbitrary, fc.constantFrom('resources' as const, 'prompts' as const));

describe('the rules of a policy together', () => {
  it('allow more or the same by one more rule that allows, less or the same by one more that denies', () => {
    fc.assert(
      fc.property(
        policyArbitrary,
        allowRuleArbitrary,
        denyRuleArbitrary,
        partiesArbitrary,
        things,
        ages,
        (policy, more, less, of, thing, age) => {
          const before = reach(policy, of, thing, age);
          expectEqual(reach({ rules: [...policy.rules, more] }, of, thing, age) >= before, true);
          expectEqual(reach({ rules: [...policy.rules, less] }, of, thing, age) <= before, true);
        },
      ),
      runs,
    );
  });

  it('say the same in every order, and name the same rule', () => {
    fc.assert(
      fc.property(
        policyArbitrary.chain((policy) =>
          fc.tuple(fc.constant(policy), fc.shuffledSubarray([...policy.rules], { minLength: policy.rules.length })),
        ),
        partiesArbitrary,
        things,
        ([policy, shuffled], of, thing) => {
          expectEqual(judge(rulesFor({ rules: shuffled }, of), thing), judge(rulesFor(policy, of), thing));
        },
      ),
      runs,
    );
  });

  it('reach as far as the one that lets it last longest, of those whose sign-in is recent enough', () => {
    const rules = [
      allow({ name: 'hour', forAtMostSeconds: 3_600 }),
      allow({ name: 'month', forAtMostSeconds: 30 * 86_400, signedInWithinSeconds: 300 }),
    ];
    const signedIn = (secondsAgo: number) => ({ decidedAt: now, signedInAt: new Date(now.getTime() - secondsAgo * 1_000) });
    expect(termOf(rules, signedIn(300))).toMatchObject({ kind: 'good', by: { name: 'month' } });
    expect(termOf(rules, signedIn(301))).toMatchObject({ kind: 'good', by: { name: 'hour' } });
    expect(termOf(rules, { decidedAt: now })).toMatchObject({ kind: 'good', by: { name: 'hour' } });
    expect(termOf(rules.slice(1), { decidedAt: now })).toMatchObject({ kind: 'needs-sign-in', withinSeconds: 300 });
  });
});

describe('patterns', () => {
  const cases: [pattern: string, text: string, fits: boolean][] = [
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['a*', 'a', true],
    ['*a', 'ba', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a**b', 'ab', true],
    ['*ab*ab*', 'abab', true],
    ['*ab*ab*', 'abcab', true],
    ['*ab*ab*', 'abb', false],
    ['list_*', 'list', false],
    ['.*', 'x', false],
    ['a.c', 'abc', false],
  ];

  it.each(cases)('%j and %j: %s', (pattern, text, fits) => {
    expect(fitsPattern(pattern, text)).toBe(fits);
  });

  it('say what a regular expression would, in linear time', () => {
    const words = fc.stringMatching(/^[ab*]{0,8}$/);
    fc.assert(
      fc.property(words, fc.stringMatching(/^[ab]{0,10}$/), (pattern, text) => {
        expectEqual(fitsPattern(pattern, text), new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(text));
      }),
      runs,
    );
    expect(fitsPattern(`${'*a'.repeat(500)}b`, 'a'.repeat(50_000))).toBe(false);
  });

  const servers: [pattern: string, key: string, fits: boolean][] = [
    ['*', 'https://a.example/mcp', true],
    ['https://*', 'https://a.example', true],
    ['https://*', 'https://a.example/mcp', false],
    ['https://*/*', 'https://a.example/mcp', true],
    ['https://*.example.com/mcp', 'https://evil.test/.example.com/mcp', false],
    ['https://A.example/mcp', 'https://a.example/mcp', true],
    ['https://a.example/', 'https://a.example', true],
    ['https://a.example/*', 'https://a.example', true],
    ['https://a.example/*', 'https://a.example?tenant=1', true],
    ['http://localhost:*/mcp', 'http://localhost:4001/mcp', true],
    ['http://localhost:*/mcp', 'http://localhost/mcp', true],
    ['http://localhost:*/mcp', 'http://localhost.example/mcp', false],
    ['a.example', 'https://a.example', false],
    ['https://a.example/mcp', 'https://a.example/mcp?tenant=1', false],
  ];

  it.each(servers)('the server pattern %j and %j: %s', (pattern, key, fits) => {
    expect(fitsServerPattern(pattern, key)).toBe(fits);
  });
});

describe('the host behind a client', () => {
  const of = (kind: 'manual' | 'dynamic' | 'document', redirectUris: string[], id = 'cli_1') =>
    hostBehind({ id, kind, metadata: { redirectUris } });

  it('publishes its document, or gets all its answers', () => {
    expect(of('document', ['http://localhost/callback'], 'https://claude.ai/client.json')).toBe('claude.ai');
    expect(of('dynamic', ['https://claude.ai/a', 'https://claude.ai/b'])).toBe('claude.ai');
  });

  it.each([
    [['https://claude.ai/a', 'http://localhost/callback']],
    [['http://localhost/callback', 'https://claude.ai/a']],
    [['https://claude.ai/a', 'https://evil.test/b']],
    [['https://claude.ai:8443/a']],
    [['cursor://claude.ai/a']],
    [['http://claude.ai/a']],
    [[]],
  ])('is nobody where answers go to %j', (redirectUris) => {
    expect(of('dynamic', redirectUris)).toBeUndefined();
  });

  it('is beside what an administrator said of it', () => {
    const client = { id: 'cli_1', kind: 'dynamic' as const, metadata: { redirectUris: ['https://claude.ai/a'] } };
    expect(policyClient(client)).toEqual({ id: 'cli_1', kind: 'dynamic', host: 'claude.ai', isVerified: false });
    expect(policyClient({ ...client, verifiedAt: now }).isVerified).toBe(true);
    expect(policyClient({ ...client, kind: 'manual' }).isVerified).toBe(true);
  });
});
