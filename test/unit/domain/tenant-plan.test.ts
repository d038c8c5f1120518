/** A tenant in a file, without a database: what is written down says what there is, and what a file changes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { readYaml } from '../../../src/cli/read-yaml.ts';
import { writeYaml } from '../../../src/cli/write-yaml.ts';
import { parseClientMetadata } from '../../../src/domain/client-metadata.ts';
import type { ClientId, ServerId, UserId } from '../../../src/domain/ids.ts';
import { judge, type Policy, type PolicyClient, peopleDecide, rulesFor } from '../../../src/domain/policy.ts';
import { policyForm, spellPolicy, toPolicy } from '../../../src/domain/policy-form.ts';
import { parseResourceUri } from '../../../src/domain/resource-uri.ts';
import type { RiskProfile } from '../../../src/domain/risk.ts';
import { spellTenant } from '../../../src/domain/spell-tenant.ts';
import { type TenantFile, tenantFileForm, tenantFileNames } from '../../../src/domain/tenant-file.ts';
import { type PresentClient, type PresentServer, planTenant, type TenantState } from '../../../src/domain/tenant-plan.ts';
import { listProblems } from '../../../src/domain/written-problems.ts';
import { isToolName } from '../../../src/resource-server/scope.ts';
import { policyArbitrary } from './arbitraries.ts';

const risk = fc.record({ risk: fc.constantFrom('read' as const, 'write' as const, 'destructive' as const), openWorld: fc.boolean() });

const awkward = [
  '__proto__',
  'constructor',
  'toString',
  'no',
  'null',
  '1',
  '~',
  '<<',
  '*',
  '&a',
  'a: b',
  '- a',
  '#',
  '"',
  "'",
  'a\u202eb',
  '\u200f',
];
const toolName = fc.oneof(fc.constantFrom(...awkward), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 })).filter(isToolName);

const places = [
  'https://mcp.example.com/issues',
  'https://MCP.example.com:443/Wiki',
  'https://bücher.example/mcp',
  'http://localhost:4001/mcp',
  'https://h.example',
];
const lineText = fc
  .oneof(
    fc.constantFrom('no', '- x', 'a: b', '"', '#1', '{}', 'Vertrieb Süd', '💡 Ideen'),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
  )
  .map((text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').trim())
  .filter((text) => text !== '' && text.length <= 100 && text.isWellFormed());

const servers = fc.subarray(places).chain((chosen) =>
  fc.tuple(
    ...chosen.map((resource, index) =>
      fc
        .record({ name: lineText, tools: fc.array(fc.tuple(toolName, fc.option(risk, { nil: undefined })), { maxLength: 5 }) })
        .map(({ name, tools }): PresentServer => {
          const uri = parseResourceUri(resource);
          if ('problem' in uri) throw new Error(uri.problem);
          return { id: `srv_${index}` as ServerId, resource, resourceKey: uri.key, name, tools: new Map(tools) };
        }),
    ),
  ),
);

const jwk = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  kid: 'k',
};
const proofs = [
  {},
  { token_endpoint_auth_method: 'none' },
  { token_endpoint_auth_method: 'client_secret_post' },
  { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } },
  { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://ci.example.com/keys', token_endpoint_auth_signing_alg: 'ES256' },
];

const clients = fc
  .uniqueArray(
    fc.record({
      id: fc.constantFrom('cli_Xq0mJ9a4', 'ci-bot', 'release.bot', '2fa'),
      name: fc.option(lineText, { nil: undefined }),
      redirectUris: fc.subarray(['https://ci.example.com/cb', 'http://127.0.0.1/cb', 'http://localhost:53123/cb'], { minLength: 1 }),
      proof: fc.constantFrom(...proofs),
      grants: fc.constantFrom(undefined, ['authorization_code'], ['authorization_code', 'refresh_token']),
      links: fc.constantFrom({}, { client_uri: 'https://ci.example.com', post_logout_redirect_uris: ['https://ci.example.com/bye'] }),
    }),
    { selector: ({ id }) => id, maxLength: 3 },
  )
  .map((all) =>
    all.map(({ id, name, redirectUris, proof, grants, links }): PresentClient => {
      const read = parseClientMetadata(
        { client_name: name, redirect_uris: redirectUris, grant_types: grants, ...proof, ...links },
        { byHand: true },
      );
      if (!read.ok) throw new Error(read.problem.reason);
      return { id: id as ClientId, kind: 'manual', metadata: read.metadata, isMachine: false, isBeingRemoved: false };
    }),
  );

const people = ['ada@example.com', 'grace@example.com', "o'hara+x@example.com"].map((email, index) => ({
  email,
  userId: `usr_${index}` as UserId,
}));
const groups = fc.uniqueArray(
  fc.record({ name: fc.constantFrom('engineering', 'sales', 'Vertrieb Süd', '1', 'no'), members: fc.subarray(people) }),
  {
    selector: ({ name }) => name,
  },
);

/** As it is kept: rules are stored as they were read. */
const policies: fc.Arbitrary<Policy> = policyArbitrary
  .filter(({ rules }) =>
    rules.every(({ clients: some = [], tools = [] }) => [...some, ...tools].every((selector) => Object.keys(selector).length > 0)),
  )
  .map((policy) => toPolicy(policyForm.parse(spellPolicy(policy))));

const states: fc.Arbitrary<TenantState> = fc.record({
  servers,
  clients,
  groups,
  people: fc.constant(new Map(people.map(({ email, userId }) => [email, userId]))),
  policy: policies,
});

/** Each case is a whole tenant, written and read. */
const fewest = { numRuns: 200 };

function read(text: string): TenantFile {
  const yaml = readYaml(Buffer.from(text));
  if (!yaml.ok) throw new Error(`${JSON.stringify(yaml.problems)}\n${text}`);
  const file = tenantFileForm.safeParse(yaml.value);
  if (!file.success) throw new Error(`${JSON.stringify(listProblems(file.error))}\n${text}`);
  return file.data;
}

describe('what is exported', () => {
  it('applied at once, changes nothing, whatever there is', () => {
    fc.assert(
      fc.property(states, (state) => {
        const { changes, problems } = planTenant(read(writeYaml(spellTenant(state), ['What there is.'])), state);
        expect({ changes, problems }).toEqual({ changes: [], problems: [] });
      }),
      fewest,
    );
  });

  it('makes another tenant the same, and that exports the same', () => {
    fc.assert(
      fc.property(states, states, (from, to) => {
        const text = writeYaml(spellTenant(from), []);
        const after = applied(to, read(text));
        const { changes } = planTenant(read(text), after);
        expect(changes).toEqual([]);
      }),
      fewest,
    );
  });
});

/** A tenant after a file, as far as plans look at it; tools of servers that are added are those that the file names. */
function applied(state: TenantState, file: TenantFile): TenantState {
  const before = { ...state, policy: peopleDecide };
  const after = {
    servers: new Map(before.servers.map((server) => [server.resourceKey, server])),
    clients: new Map(before.clients.map((client) => [client.id, client])),
    groups: new Map(before.groups.map(({ name, members }) => [name, [...members]])),
    policy: before.policy,
  };
  for (const change of planTenant(file, before).changes) {
    switch (change.kind) {
      case 'add-server': {
        const { uri, name, tools } = change;
        after.servers.set(uri.key, { id: 'srv_new' as ServerId, resource: uri.resource, resourceKey: uri.key, name, tools });
        break;
      }
      case 'rename-server':
      case 'set-risk': {
        const server = after.servers.get(change.server.resourceKey);
        if (!server) throw new Error('a change of no server');
        const tools = change.kind === 'set-risk' ? new Map([...server.tools, [change.tool, change.now]]) : server.tools;
        after.servers.set(server.resourceKey, { ...server, tools, name: change.kind === 'rename-server' ? change.name : server.name });
        break;
      }
      case 'add-client': {
        const { id, metadata } = change;
        after.clients.set(id, { id, kind: 'manual', metadata, isMachine: false, isBeingRemoved: false });
        break;
      }
      case 'change-client':
        after.clients.set(change.client.id, { ...change.client, metadata: change.metadata });
        break;
      case 'add-group':
        after.groups.set(change.name, []);
        break;
      case 'change-members': {
        const gone = new Set(change.remove.map(({ userId }) => userId));
        const members = (after.groups.get(change.group) ?? []).filter(({ userId }) => !gone.has(userId));
        after.groups.set(change.group, [...members, ...change.add]);
        break;
      }
      case 'change-policy':
        after.policy = change.policy;
    }
  }
  return {
    servers: [...after.servers.values()],
    clients: [...after.clients.values()],
    groups: [...after.groups].map(([name, members]) => ({ name, members })),
    people: state.people,
    policy: after.policy,
  };
}

const nothing: TenantState = { servers: [], clients: [], groups: [], people: new Map(), policy: peopleDecide };
const problemsIn = (file: unknown) => {
  const parsed = tenantFileForm.safeParse(file);
  return parsed.success ? [] : listProblems(parsed.error, tenantFileNames).map(({ path, problem }) => `${path.join('.')} ${problem}`);
};

describe('the example in the docs', () => {
  const text = readFileSync('docs/examples/company.yaml', 'utf8');

  it('is in order by the form, and by its schema for editors', () => {
    const yaml = readYaml(Buffer.from(text));
    if (!yaml.ok) throw new Error(JSON.stringify(yaml.problems));
    expect(problemsIn(yaml.value)).toEqual([]);
    const isValid = new Ajv2020().compile(JSON.parse(readFileSync('docs/tenant-file.schema.json', 'utf8')) as object);
    expect([isValid(yaml.value), isValid.errors]).toEqual([true, null]);
    expect(isValid({ ...(yaml.value as object), policy: [] })).toBe(false);
  });

  it('applied to a tenant with its people, makes what it says, and nothing more the second time', () => {
    const file = read(text);
    const emails = (file.groups ?? []).flatMap(({ members }) => members ?? []);
    const state = { ...nothing, people: new Map(emails.map((email) => [email, `usr_${email}` as UserId])) };
    expect(planTenant(file, state)).toMatchObject({ problems: [], notes: [] });
    expect(planTenant(file, applied(state, file))).toMatchObject({ changes: [], problems: [] });
  });
});

describe('the rules in docs/policy.md', () => {
  const blocks = [...readFileSync('docs/policy.md', 'utf8').matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);

  it('are there', () => {
    expect(blocks.length).toBeGreaterThan(1);
  });

  it.each(blocks)('are in order: %#', (text) => {
    expect(read(`version: 1\n${text}`).policies?.rules.length).toBeGreaterThan(0);
  });

  it('those for a first day: everybody reads at home for a month, known agents change things for a week, nothing destroys', () => {
    const text = blocks.find((block) => block.includes('known-agents-change')) ?? '';
    const policy = read(`version: 1\n${text}`).policies;
    if (!policy) throw new Error('there is no such policy');
    const days = (client: Partial<PolicyClient>, tool: RiskProfile | 'resources') => {
      const stranger: PolicyClient = { id: 'cli_1', kind: 'dynamic', isVerified: false };
      const rules = rulesFor(policy, { groups: [], client: { ...stranger, ...client }, resourceKey: 'https://mcp.example.com/mcp' });
      const permission = judge(rules, tool === 'resources' ? tool : { name: 'a', ...tool });
      if (permission.kind !== 'allowed') return 0;
      return Math.max(...permission.by.map(({ forAtMostSeconds = Number.POSITIVE_INFINITY }) => forAtMostSeconds / 86_400));
    };
    const agents: Partial<PolicyClient>[] = [{}, { host: 'evil.example' }, { host: 'claude.ai' }, { isVerified: true }];
    const reach = (tool: RiskProfile | 'resources') => agents.map((agent) => days(agent, tool));
    expect(reach({ risk: 'read', openWorld: false })).toEqual([30, 30, 30, 30]);
    expect(reach({ risk: 'read', openWorld: true })).toEqual([0, 0, 7, 7]);
    expect(reach({ risk: 'write', openWorld: false })).toEqual([0, 0, 7, 7]);
    expect(reach({ risk: 'destructive', openWorld: false })).toEqual([0, 0, 0, 0]);
    expect(reach('resources')).toEqual([30, 30, 30, 30]);
  });
});

describe('what is wrong with a file', () => {
  const tracker = { resource: 'https://mcp.example.com/mcp', name: 'Tracker' };
  const bot = { id: 'ci-bot', name: 'CI bot', 'redirect-uris': ['https://ci.example.com/cb'] };

  it.each<[string, unknown, string[]]>([
    ['nothing', null, [' is no file of a tenant: it begins with "version: 1"']],
    ['no version', {}, ['version is not 1: begin the file with "version: 1"']],
    ['the version as a text', { version: '1' }, ['version is not 1: begin the file with "version: 1"']],
    [
      'names that break naive objects',
      JSON.parse('{"version": 1, "__proto__": {}, "constructor": 1}'),
      ['__proto__ is unknown here: remove it', 'constructor is unknown here: remove it'],
    ],
    [
      'a server twice',
      { version: 1, servers: [tracker, { ...tracker, resource: 'https://MCP.example.com:443/mcp' }] },
      ['servers.1.resource stands further up already: say it once'],
    ],
    [
      'a risk that is none',
      { version: 1, servers: [{ ...tracker, tools: JSON.parse('{"__proto__": {"risk": "low"}}') }] },
      [
        'servers.0.tools.__proto__.risk is none of read, write, destructive',
        'servers.0.tools.__proto__.open-world is neither true nor false',
      ],
    ],
    [
      'tools as a list',
      { version: 1, servers: [{ ...tracker, tools: ['x'] }] },
      ['servers.0.tools is no list of tools with their risk: {delete_issue: {risk: destructive, open-world: false}}'],
    ],
    [
      'a redirect URI that is none',
      { version: 1, clients: [{ ...bot, 'redirect-uris': ['https://ci.example.com/cb', 'nowhere'] }] },
      ['clients.0.redirect-uris.1 is no absolute URI'],
    ],
    [
      'keys without their method',
      { version: 1, clients: [{ ...bot, 'jwks-uri': 'https://ci.example.com/keys' }] },
      ['clients.0.jwks-uri means nothing without auth: private_key_jwt: leave it out'],
    ],
    [
      'a method without its keys',
      { version: 1, clients: [{ ...bot, auth: 'private_key_jwt' }] },
      ['clients.0.auth private_key_jwt needs public keys: send jwks, or an https jwks-uri'],
    ],
    [
      'a private key',
      { version: 1, clients: [{ ...bot, auth: 'private_key_jwt', jwks: { keys: [{ ...jwk, d: 'x' }] } }] },
      ['clients.0.jwks must have public keys only'],
    ],
    ['an id that others have', { version: 1, clients: [{ ...bot, id: 'srv_1234' }] }, ['clients.0.id is no id for a client']],
    ['a secret', { version: 1, clients: [{ ...bot, secret: 'x' }] }, ['clients.0.secret is unknown here: remove it']],
  ])('%s', (_, file, problems) => {
    expect(problemsIn(file)).toEqual(problems.map((problem) => expect.stringContaining(problem)));
  });

  it('a rule that names what is not there is a problem when it is new, and a note when it is in force', () => {
    const policy = toPolicy(policyForm.parse([{ name: 'r', effect: 'deny', groups: ['gone'], servers: ['https://gone.example/mcp'] }]));
    const file = read(writeYaml(spellTenant({ ...nothing, policy }), []));
    const before = planTenant(file, nothing);
    expect(before.problems.map(({ path }) => path)).toEqual([
      ['policies', 0, 'groups', 0],
      ['policies', 0, 'servers', 0],
    ]);
    const after = planTenant(file, { ...nothing, policy });
    expect(after).toMatchObject({ changes: [], problems: [], notes: before.problems });
  });

  it('ABUSE-61: a client’s id with * is a problem: it would fit no client, and a rule that denies would deny nothing', () => {
    const clients = ['https://evil.example/*', { id: 'cli_*', verified: false }, 'https://evil.example/client.json'];
    const policy = toPolicy(policyForm.parse([{ name: 'r', effect: 'deny', clients }]));
    const file = read(writeYaml(spellTenant({ ...nothing, policy }), []));
    const before = planTenant(file, nothing);
    expect(before.problems.map(({ path }) => path)).toEqual([
      ['policies', 0, 'clients', 0],
      ['policies', 0, 'clients', 1],
    ]);
    const after = planTenant(file, { ...nothing, policy });
    expect(after).toMatchObject({ changes: [], problems: [], notes: before.problems });
  });
});
