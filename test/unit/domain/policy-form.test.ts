import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSameRule, rulesFor } from '../../../src/domain/policy.ts';
import { policyForm, readStoredRules, spellPolicy, toPolicy, type WrittenRule } from '../../../src/domain/policy-form.ts';
import { parseResourceUri } from '../../../src/domain/resource-uri.ts';
import { fitsServerPattern } from '../../../src/domain/server-pattern.ts';
import { listProblems } from '../../../src/domain/written-problems.ts';
import { partiesArbitrary, policyArbitrary, runs } from './arbitraries.ts';
import { expectEqual } from './expect-equal.ts';

const problemsOf = (rules: unknown) => {
  const read = policyForm.safeParse(rules);
  return read.success ? [] : listProblems(read.error, ['tools', 'groups']).map(({ path, problem }) => `${path.join('.')} ${problem}`);
};
const rule = (members: object) => [{ name: 'r', effect: 'allow', ...members }];

describe('rules as they are written', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(
        // An empty description selects everything; written, it would say nothing.
        policyArbitrary.filter(({ rules }) =>
          rules.every(({ clients = [], tools = [] }) => [...clients, ...tools].every((selector) => Object.keys(selector).length > 0)),
        ),
        partiesArbitrary,
        (policy, parties) => {
          const written: unknown = JSON.parse(JSON.stringify(spellPolicy(policy)));
          const read = readStoredRules(written);
          if (!read) throw new Error(problemsOf(written).join('\n'));
          expectEqual(rulesFor(read, parties), {
            allowing: rulesFor(policy, parties).allowing.map((one) => read.rules.find(({ name }) => name === one.name)),
            denying: rulesFor(policy, parties).denying.map((one) => read.rules.find(({ name }) => name === one.name)),
          });
          expectEqual(spellPolicy(read), spellPolicy(toPolicy(policyForm.parse(spellPolicy(read)))));
        },
      ),
      runs,
    );
  });

  it('are short where they can be', () => {
    const written: WrittenRule[] = [
      {
        name: 'readers',
        effect: 'allow',
        groups: ['Vertrieb Süd'],
        servers: ['https://*.example.com/*'],
        clients: ['cli_1', { host: 'claude.ai', verified: true }],
        tools: ['list_*', { risk: 'read', 'open-world': false }],
        resources: true,
        'for-at-most': '30d',
        'signed-in-within': '15m',
      },
      { name: 'never', effect: 'deny', clients: [{ verified: false }] },
    ];
    expect(spellPolicy(toPolicy(policyForm.parse(written)))).toEqual(written);
  });

  const spellings: [written: string, compared: string][] = [
    ['https://MCP.Example.com:443/Issues', 'https://mcp.example.com/Issues'],
    ['https://mcp.example.com/', 'https://mcp.example.com'],
    ['https://bücher.example/mcp', 'https://xn--bcher-kva.example/mcp'],
    ['https://bücher.example/*', 'https://xn--bcher-kva.example/*'],
    ['https://mcp.example.com:443/*', 'https://mcp.example.com/*'],
    ['HTTPS://*.Example.com:443/Ops/*', 'https://*.example.com/Ops/*'],
    ['https://*.example.com:8443/*', 'https://*.example.com:8443/*'],
    ['http://LOCALHOST:80/*', 'http://localhost/*'],
    ['http://localhost:*/mcp', 'http://localhost:*/mcp'],
    ['https://mcp.example.com/a/../ü*?x=*', 'https://mcp.example.com/%C3%BC*?x=*'],
    ['https://*:443/', 'https://*/'],
    ['https://*:0443/', 'https://*/'],
    ['https://mcp.example.com//ops/*', 'https://mcp.example.com//ops/*'],
    ['https://mcp.example.com//:*', 'https://mcp.example.com//:*'],
  ];

  it.each(spellings)('ABUSE-61: the server %j is compared as %j, so that a rule that denies it does', (written, compared) => {
    const [read] = toPolicy(policyForm.parse(rule({ effect: 'deny', servers: [written] }))).rules;
    expect(read?.servers).toEqual([compared]);
    expect(toPolicy(policyForm.parse(rule({ effect: 'deny', servers: [compared] }))).rules[0]).toEqual(read);
  });

  it('ABUSE-61: a server fits what it is registered as, however either is spelled', () => {
    const labels = fc.constantFrom('mcp', 'MCP', 'bücher', 'xn--bcher-kva', 'a-b');
    const ports = fc.constantFrom('', ':443', ':8443');
    const paths = fc.constantFrom('', '/', '/mcp', '/ü', '/a/../b', '/%2e/c', '/x?tenant=1');
    fc.assert(
      fc.property(labels, labels, ports, paths, (label, other, port, path) => {
        const place = `https://${label}.${other}.example${port}`;
        const uri = parseResourceUri(`${place}${path}`);
        if ('problem' in uri) throw new Error(uri.problem);
        const [read] = toPolicy(policyForm.parse(rule({ servers: [uri.resource, `${place.toUpperCase()}/*`] }))).rules;
        expectEqual(
          read?.servers?.map((pattern) => fitsServerPattern(pattern, uri.key)),
          [true, true],
        );
      }),
      { numRuns: 500 },
    );
  });

  it('ABUSE-61: a host of clients is compared in small letters', () => {
    const [read] = toPolicy(policyForm.parse(rule({ clients: [{ host: 'Claude.AI' }, { host: ' *.Example.com ' }] }))).rules;
    expect(read?.clients).toEqual([{ host: 'claude.ai' }, { host: '*.example.com' }]);
  });

  it('everyone beside other groups is everyone', () => {
    expect(toPolicy(policyForm.parse(rule({ groups: ['sales', 'everyone'] }))).rules[0]).not.toHaveProperty('groups');
  });

  const wrong: [what: string, rules: unknown, problem: RegExp][] = [
    ['no list', { name: 'r' }, /^ is no list of rules$/],
    ['no rule', ['allow'], /^0 is no rule$/],
    ['an unknown member', rule({ tool: ['x'] }), /^0\.tool is unknown here: did you mean tools\?$/],
    ['an unknown member of a description', rule({ tools: [{ risks: 'read' }] }), /^0\.tools\.0\.risks is unknown here/],
    ['an unknown effect', rule({ effect: 'ask' }), /^0\.effect is neither allow nor deny$/],
    ['no name', [{ effect: 'allow' }], /^0\.name is no name/],
    ['a name that steers', rule({ name: 'a\u202eb' }), /^0\.name is no name/],
    ['two of one name', [...rule({}), ...rule({ effect: 'deny' })], /^1\.name is the name of another rule/],
    ['an empty list', rule({ groups: [] }), /^0\.groups is empty/],
    ['a server that is no URL', rule({ servers: ['mcp.example.com'] }), /^0\.servers\.0 is no URL of a server/],
    ['a server by plain http', rule({ servers: ['http://mcp.example.com/mcp'] }), /^0\.servers\.0 is plain http/],
    ['a server with a fragment', rule({ servers: ['https://mcp.example.com/mcp#a'] }), /^0\.servers\.0 has a fragment/],
    ['a server with a password', rule({ servers: ['https://a:b@mcp.example.com/*'] }), /^0\.servers\.0 holds a user name/],
    [
      'a pattern in another alphabet',
      rule({ servers: ['https://*.bücher.example/*'] }),
      /^0\.servers\.0 has \* in a host that is not plain ASCII/,
    ],
    ['a pattern without a path', rule({ servers: ['https://mcp.example.com*'] }), /^0\.servers\.0 says nothing of the path: add \/\*/],
    ['a pattern with a backslash', rule({ servers: ['https://mcp.example.com\\*'] }), /^0\.servers\.0 is no URL of a server/],
    ['a host in another alphabet', rule({ clients: [{ host: 'bücher.example' }] }), /^0\.clients\.0\.host is no host/],
    ['a host with a port', rule({ clients: [{ host: 'claude.ai:443' }] }), /^0\.clients\.0\.host is no host/],
    [
      'a document by another spelling of its URL',
      rule({ clients: ['https://Claude.ai/client.json'] }),
      /^0\.clients\.0 is no URL .* write it as they do \(https:\/\/claude\.ai\/client\.json\)$/,
    ],
    ['a document without a path', rule({ clients: [{ id: 'https://claude.ai' }] }), /^0\.clients\.0\.id is no URL of a metadata document/],
    ['a host that is a URL', rule({ clients: [{ host: 'https://claude.ai' }] }), /^0\.clients\.0\.host is no host/],
    ['a client without anything', rule({ clients: [{}] }), /^0\.clients\.0 says nothing/],
    ['a client of an unknown kind', rule({ clients: [{ kind: 'robot' }] }), /^0\.clients\.0\.kind is none of/],
    ['a tool without anything', rule({ tools: [{}] }), /^0\.tools\.0 says nothing/],
    ['a tool of an unknown risk', rule({ tools: [{ risk: 'low' }] }), /^0\.tools\.0\.risk is none of read, write, destructive$/],
    ['a tool that is a number', rule({ tools: [1] }), /^0\.tools\.0 is neither the name of a tool/],
    ['resources that are not there', rule({ resources: false }), /^0\.resources can only be true/],
    ['a time without a unit', rule({ 'for-at-most': '30' }), /^0\.for-at-most is no duration/],
    ['a time that is too short', rule({ 'for-at-most': '59s' }), /^0\.for-at-most is no duration/],
    ['a time that is too long', rule({ 'signed-in-within': '31d' }), /^0\.signed-in-within is no duration/],
    ['a limit to denial', rule({ effect: 'deny', 'for-at-most': '1h' }), /^0\.for-at-most means nothing in a rule that denies/],
  ];

  it.each(wrong)('%s is one problem, at its place', (_, rules, problem) => {
    expect(problemsOf(rules)).toEqual([expect.stringMatching(problem)]);
    expect(readStoredRules(rules)).toBeUndefined();
  });

  it('every problem is told', () => {
    expect(problemsOf([...rule({ effect: 'ask', groups: [] }), ...rule({ servers: ['x'] })])).toHaveLength(4);
    expect(problemsOf(rule({ effect: 'deny', groups: [], 'for-at-most': '1h' }))).toHaveLength(2);
  });
});

describe('two rules', () => {
  it('are the same whatever the order of their lists', () => {
    const one = toPolicy(policyForm.parse(rule({ groups: ['a', 'b'], tools: [{ risk: 'read', name: 'x' }, 'y'] }))).rules[0];
    const other = toPolicy(policyForm.parse(rule({ groups: ['b', 'a'], tools: ['y', { name: 'x', risk: 'read' }] }))).rules[0];
    const third = toPolicy(policyForm.parse(rule({ groups: ['b'], tools: ['y', { name: 'x', risk: 'read' }] }))).rules[0];
    if (!one || !other || !third) throw new Error('no rules');
    expect([isSameRule(one, other), isSameRule(one, third)]).toEqual([true, false]);
  });
});
