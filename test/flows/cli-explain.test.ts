/** Who can call what, and why not: each reason, with the step that helps; the same as tokens have. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { asShown } from '../../src/domain/consent.ts';
import type { ClientId, ConsentId, ServerId } from '../../src/domain/ids.ts';
import type { WrittenRule } from '../../src/domain/policy-form.ts';
import { assignTools } from '../../src/services/assign-tools.ts';
import { blockClient } from '../../src/services/block-client.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { overrideToolRisk } from '../../src/services/override-tool-risk.ts';
import { pauseConsent } from '../../src/services/pause-consent.ts';
import { type CommandResult, jsonOf, problemOf, runCommand, type Settings } from '../support/command.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { makeApiKey, makeMachine } from '../support/machine.ts';
import { moveTime } from '../support/moved-time.ts';
import { claimsOf, connect, refresh, registerTestClient, type TestClient, type Tokens } from '../support/oauth-client.ts';
import { letPeopleDecide, makeGroup, moveMembers, putInForce } from '../support/policy.ts';

let issuer: TestIssuer;
let env: Settings;
let server: TestServer;
let person: TestPerson;
let client: TestClient;
let tokens: Tokens;

const origin = { actorType: 'operator' } as const;
const both = ['list_issues', 'delete_issue'];

beforeAll(async () => {
  issuer = await startIssuer();
  env = {
    DATABASE_URL: issuer.database.runtimeUrl,
    TOOLGRANT_SECRET: issuer.secret,
    TOOLGRANT_DATABASE_POOL_SIZE: '3',
    TOOLGRANT_DATABASE_WAIT: '0s',
    TOOLGRANT_ISSUER: issuer.url,
  };
  server = await issuer.addServer();
  person = await issuer.addPerson();
  client = await registerTestClient(issuer, { client_name: 'Helper' });
  tokens = await connect(issuer, { client, person, server, decision: { tools: both, duration: '1d' } });
  await makeGroup(issuer, 'engineering');
});
afterEach(() => putInForce(issuer, letPeopleDecide));
afterAll(() => issuer?.stop());

const run = (...args: string[]): Promise<CommandResult> => runCommand(['explain', ...args], { env });

interface Told {
  kind: string;
  person: { email: string; groups: string[] } | null;
  client: { client_id: string } | null;
  apiKey: { name: string } | null;
  serviceAccount: { name: string } | null;
  consent: { id: string } | null;
  tools: {
    tool: string;
    can: boolean;
    reason: string | null;
    rule: string | null;
    until: string | null;
    why: string;
    next: string | null;
  }[];
}

async function told(...args: string[]): Promise<Told[]> {
  return jsonOf<Told[]>(await run('--server', server.resource, ...args, '--json'));
}

/** What is said of one tool of the person and her agent. */
async function verdictOn(tool: string, of: { email?: string; clientId?: string } = {}) {
  const [one] = await told('--user', of.email ?? person.email, '--client', of.clientId ?? client.clientId, '--tool', tool);
  const [verdict] = one?.tools ?? [];
  if (!verdict) throw new Error('nothing was said');
  return verdict;
}

const rest: WrittenRule = { name: 'readers', effect: 'allow', tools: [{ risk: 'read' }] };

describe('one person and agent', () => {
  it('every tool, with rule and end, or the reason and what helps', async () => {
    const { code, out } = await run('--server', server.serverId, '--user', person.email, '--client', client.clientId);
    expect(code).toBe(0);
    expect(out).toMatch(
      new RegExp(
        `^${person.email}, Helper on Tracker\n  Groups:   none\n  Agent:    ${client.clientId} \\(registered itself, not verified\\)\n`,
      ),
    );
    expect(out).toMatch(/ {2}Consent: {2}cns_\S+, decided 20\S+ \S+ UTC, until 20\S+ \S+ UTC\n/);
    expect(out).toMatch(/ {2}yes {2}list_issues: allowed until 20\S+ \S+ UTC, by the rule people-decide\n/);
    const widen = `${issuer.url}/widen?consent=${String(claimsOf(tokens.access_token).consent)}&tool=create_issue`;
    expect(out).toContain(`  no   create_issue: this person has not allowed it\n       she can: ${widen}\n`);
  });

  it('says the same as the next token, whatever the policy', async () => {
    const policies: WrittenRule[][] = [
      [letPeopleDecide],
      [],
      [rest],
      [letPeopleDecide, { name: 'never', effect: 'deny', tools: ['list_*'] }],
      [{ name: 'engineers', effect: 'allow', groups: ['engineering'] }],
      [{ ...letPeopleDecide, clients: [{ verified: true }] }],
      [{ ...letPeopleDecide, servers: [`${server.resource}*`] }],
    ];
    for (const policy of policies) {
      await putInForce(issuer, ...policy);
      tokens = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
      const [one] = await told('--user', person.email, '--client', client.clientId);
      const can = (one?.tools ?? []).filter((verdict) => verdict.can).map(({ tool }) => `tool:${tool}`);
      expect(can.sort().join(' ')).toBe(tokens.scope);
    }
  });

  it('ABUSE-61: a rule that denies, one that is missing, and who it would be for', async () => {
    await putInForce(issuer, letPeopleDecide, { name: 'never-delete', effect: 'deny', tools: ['delete_*'] });
    expect(await verdictOn('delete_issue')).toMatchObject({
      can: false,
      reason: 'denied-by-policy',
      rule: 'never-delete',
      why: 'the rule never-delete denies it',
    });
    await putInForce(issuer, rest, { name: 'engineers', effect: 'allow', groups: ['engineering'] });
    const missing = await verdictOn('delete_issue');
    expect(missing).toMatchObject({
      reason: 'not-allowed-by-policy',
      why: 'no rule allows it (engineers would, for the group engineering)',
    });
    expect(missing.next).toContain('toolgrant apply --dry-run');
    expect((await verdictOn('create_issue')).why).toMatch(/^this person has not allowed it, and could not: no rule allows it/);
    await moveMembers(issuer, 'engineering', { add: [person] });
    expect(await verdictOn('delete_issue')).toMatchObject({ can: true, rule: 'engineers' });
    await moveMembers(issuer, 'engineering', { remove: [person] });
  });

  it('limits of a rule: a time that is over, a sign-in that was too long ago', async () => {
    const late = await issuer.addPerson();
    const time = moveTime();
    try {
      const hers = await connect(issuer, { client, person: late, server, decision: { tools: both, duration: '1d' } });
      expect(hers.scope).toContain('list_issues');
      time.forward(2 * 3_600);
      await putInForce(
        issuer,
        { ...rest, 'for-at-most': '1h' },
        { name: 'fresh', effect: 'allow', tools: ['delete_issue'], 'for-at-most': '8h' },
      );
      expect(await verdictOn('list_issues', late)).toMatchObject({ reason: 'policy-time-over', rule: 'readers' });
      expect(await verdictOn('delete_issue', late)).toMatchObject({ can: true, rule: 'fresh', until: expect.stringMatching(/Z$/) });
      time.forward(23 * 3_600);
      expect(await verdictOn('delete_issue', late)).toMatchObject({
        reason: 'consent-expired',
        next: expect.stringContaining('asks anew'),
      });
    } finally {
      time.restore();
    }
  });

  it('drift: a tool that may do more than when it was allowed', async () => {
    const change = { serverId: server.serverId as ServerId, tool: 'list_issues', origin };
    await overrideToolRisk(issuer.runtime, issuer.tenant, { ...change, override: { risk: 'destructive', openWorld: true } });
    const verdict = await verdictOn('list_issues');
    expect(verdict).toMatchObject({ can: false, reason: 'riskier-than-consented', why: 'it may do more than when she allowed it' });
    expect(verdict.next).toContain(`${issuer.url}/account/consents/`);
    await overrideToolRisk(issuer.runtime, issuer.tenant, { ...change, override: { risk: 'read', openWorld: false } });
    expect((await verdictOn('list_issues')).can).toBe(true);
  });

  it('who never allowed anything, and who is not there any more', async () => {
    const newcomer = await issuer.addPerson();
    expect(await verdictOn('list_issues', newcomer)).toMatchObject({
      reason: 'never-allowed',
      next: 'the agent asks when it connects to the server',
    });
    expect(await told('--user', newcomer.email)).toEqual([]);
    expect((await run('--server', server.resource, '--user', newcomer.email)).out).toContain(
      'allows no agent anything on Tracker now, and has no API key for it.',
    );
    await connect(issuer, { client, person: newcomer, server, decision: { tools: both } });
    await disableUser(issuer.runtime, issuer.tenant, { userId: newcomer.userId, origin });
    expect(await verdictOn('list_issues', newcomer)).toMatchObject({
      reason: 'user-disabled',
      next: `toolgrant user enable ${newcomer.email}`,
    });
  });

  it('an agent that is blocked, and a consent that ended', async () => {
    const blocked = await registerTestClient(issuer);
    await connect(issuer, { client: blocked, person, server, decision: { tools: both } });
    await blockClient(issuer.runtime, issuer.tenant, { clientId: blocked.clientId as ClientId, origin });
    expect(await verdictOn('list_issues', { clientId: blocked.clientId })).toMatchObject({
      reason: 'client-blocked',
      next: `toolgrant client unblock ${blocked.clientId}`,
    });

    const ended = await registerTestClient(issuer);
    const hers = await connect(issuer, { client: ended, person, server, decision: { tools: both } });
    await runCommand(['consent', 'end', String(claimsOf(hers.access_token).consent)], { env });
    const verdict = await verdictOn('list_issues', { clientId: ended.clientId });
    expect(verdict).toMatchObject({ reason: 'consent-ended', why: expect.stringMatching(/^an administrator ended it on 20/) });
  });

  it('ABUSE-89: a tool that nobody knows, by whatever name', async () => {
    for (const tool of ['__proto__', 'no_such_tool', 'a\u202eb'])
      expect(await verdictOn(tool)).toMatchObject({ can: false, reason: 'unknown-tool' });
    const { out } = await run('--server', server.resource, '--user', person.email, '--client', client.clientId, '--tool', 'a\u202eb');
    expect(out).toContain('no   a\\u{202e}b: the server has no such tool');
  });
});

describe('one tool over everybody', () => {
  it('says who can call it through which agent, and why the others cannot', async () => {
    const other = await issuer.addPerson();
    const theirs = await registerTestClient(issuer, { client_name: 'Reader' });
    await connect(issuer, { client: theirs, person: other, server, decision: { tools: ['list_issues'] } });
    const { code, out } = await run('--server', server.resource, '--tool', 'delete_issue', '--client', theirs.clientId);
    expect(code).toBe(0);
    expect(out).toMatch(/^CALL +WHO +BY +WHY\nno +\S+@\S+ +Reader +this person has not allowed it\n/);
    expect(out).toContain('\ndelete_issue of Tracker can be called by 0 of these 1.\n');
    const all = await told('--tool', 'delete_issue');
    const line = (email: string, clientId: string) =>
      all.find((one) => one.person?.email === email && one.client?.client_id === clientId)?.tools[0];
    expect(line(person.email, client.clientId)).toMatchObject({ can: true });
    expect(line(other.email, theirs.clientId)).toMatchObject({ can: false, reason: 'not-ticked' });
  });
});

describe('API keys and service accounts', () => {
  /** Everything that is told of one tool, by who it is. */
  const byName = async (tool: string, ...args: string[]) => {
    const all = await told('--tool', tool, ...args);
    return new Map(
      all.map((one) => [one.apiKey?.name ?? one.serviceAccount?.name ?? `${one.person?.email} ${one.client?.client_id}`, one]),
    );
  };

  it('are told beside people: what each may call, and why not', async () => {
    const owner = { userId: person.userId };
    const hers = await makeApiKey(issuer, { server, tools: ['list_issues'], owner, name: 'hers' });
    const machine = await makeMachine(issuer, { assigned: { server, tools: ['list_issues'] } });
    const account = { serviceAccountId: machine.serviceAccountId };
    await makeApiKey(issuer, { server, tools: ['list_issues'], owner: account, name: 'nightly' });
    const listed = await byName('list_issues');
    for (const name of ['hers', 'nightly', 'Nightly job']) expect(listed.get(name)?.tools).toMatchObject([{ can: true, reason: null }]);
    expect(listed.get('hers')).toMatchObject({
      kind: 'api-key',
      person: { email: person.email },
      client: null,
      apiKey: { id: hers.id, revokedAt: null },
      serviceAccount: null,
      consent: null,
    });
    expect(listed.get('Nightly job')).toMatchObject({ kind: 'service-account', person: null, client: { client_id: machine.clientId } });
    expect(listed.get(`${person.email} ${client.clientId}`)).toMatchObject({ kind: 'person', apiKey: null });

    const others = await byName('delete_issue');
    expect(others.get('hers')?.tools).toMatchObject([{ can: false, reason: 'not-ticked', why: 'the key was not made for it' }]);
    expect(others.get('Nightly job')?.tools[0]).toMatchObject({
      reason: 'not-ticked',
      next: expect.stringContaining('toolgrant service-account tool svc_'),
    });

    // What a rule denies people, it denies the keys that act as them, and no service account.
    await putInForce(issuer, letPeopleDecide, { name: 'no-keys', effect: 'deny', clients: [{ kind: 'api-key' }] });
    const ruled = await byName('list_issues');
    expect(ruled.get('hers')?.tools).toMatchObject([{ can: false, reason: 'denied-by-policy', rule: 'no-keys' }]);
    expect(ruled.get('nightly')?.tools).toMatchObject([{ can: true, rule: null }]);
    await putInForce(issuer, letPeopleDecide);

    const table = await run('--server', server.resource, '--tool', 'list_issues');
    expect(table.out).toMatch(new RegExp(`yes +${person.email} +API key hers +allowed until`));
    expect(table.out).toMatch(/yes +service account Nightly job +Nightly job +assigned\n/);
    const block = (await run('--server', server.resource, '--user', person.email, '--tool', 'list_issues')).out;
    expect(block).toContain(`${person.email}, API key hers on Tracker`);
    expect(block).not.toContain('service account');

    const choice = { serverId: server.serverId as ServerId, tools: ['delete_issue'], resources: false, prompts: false };
    await assignTools(issuer.runtime, issuer.tenant, { ...account, choice, origin });
    expect((await byName('list_issues')).get('nightly')?.tools).toMatchObject([{ can: false, reason: 'not-assigned' }]);
  });

  it('ABUSE-61: one that is revoked, expired, blocked or whose owner is disabled', async () => {
    const owner = await issuer.addPerson();
    const revoked = await makeApiKey(issuer, { server, tools: ['list_issues'], owner: { userId: owner.userId }, name: 'revoked' });
    await makeApiKey(issuer, { server, tools: ['list_issues'], owner: { userId: owner.userId }, name: 'expired' });
    await runCommand(['apikey', 'revoke', revoked.id], { env });
    const whyNot = async (name: string) => (await byName('list_issues')).get(name)?.tools[0];
    expect(await whyNot('revoked')).toMatchObject({ reason: 'consent-ended', why: expect.stringMatching(/^the key was revoked on/) });
    const time = moveTime();
    try {
      time.forward(2 * 86_400);
      expect(await whyNot('expired')).toMatchObject({
        reason: 'consent-expired',
        why: expect.stringMatching(/^the time of the key was over on/),
      });
      time.forward(40 * 86_400);
      expect([await whyNot('revoked'), await whyNot('expired')]).toEqual([undefined, undefined]);
    } finally {
      time.restore();
    }
    await disableUser(issuer.runtime, issuer.tenant, { userId: owner.userId, origin });
    expect((await byName('list_issues')).get('expired')?.tools).toMatchObject([{ reason: 'user-disabled' }]);

    const machine = await makeMachine(issuer, { assigned: { server, tools: ['list_issues'] } });
    await blockClient(issuer.runtime, issuer.tenant, { clientId: machine.clientId as ClientId, origin });
    const [one] = await told('--tool', 'list_issues', '--client', machine.clientId);
    expect(one?.tools).toMatchObject([{ reason: 'client-blocked', next: `toolgrant client unblock ${machine.clientId}` }]);
  });

  it('says that a client is blocked when asked over everybody too', async () => {
    const blocked = await registerTestClient(issuer, { client_name: 'Blocked one' });
    await connect(issuer, { client: blocked, person, server, decision: { tools: ['list_issues'] } });
    await blockClient(issuer.runtime, issuer.tenant, { clientId: blocked.clientId as ClientId, origin });
    const line = (await byName('list_issues')).get(`${person.email} ${blocked.clientId}`);
    expect(line?.tools).toMatchObject([{ can: false, reason: 'client-blocked' }]);
    expect((await run('--server', server.resource, '--tool', 'list_issues')).out).toMatch(/no +\S+ +Blocked one +the agent is blocked\n/);
  });

  it('says that it is paused, or its time is over, over everybody too', async () => {
    const other = await issuer.addPerson();
    const mine = await registerTestClient(issuer);
    const { access_token } = await connect(issuer, {
      client: mine,
      person: other,
      server,
      decision: { tools: ['list_issues'], duration: '1h' },
    });
    const consentId = claimsOf(access_token)['consent'] as ConsentId;
    const verdict = async () => (await byName('list_issues')).get(`${other.email} ${mine.clientId}`)?.tools[0]?.reason;
    await pauseConsent(issuer.runtime, issuer.tenant, { userId: other.userId, consentId, origin });
    expect(await verdict()).toBe('consent-paused');
    const time = moveTime();
    try {
      time.forward(3_601);
      expect(await verdict()).toBe('consent-expired');
    } finally {
      time.restore();
    }
  });

  it('is written page by page, each of five hundred, and whole', async () => {
    const crowd = await issuer.addServer([toolNamed('look')], 'https://crowd.example/mcp');
    await issuer.runtime.store.$executeRaw`
      INSERT INTO users (tenant_id, id, email, created_at)
      SELECT ${issuer.tenant.id}, 'usr_crowd' || n, 'crowd' || n || '@example.com', now() FROM generate_series(1, 1234) AS n`;
    await issuer.runtime.store.$executeRaw`
      INSERT INTO consents (tenant_id, id, user_id, client_id, server_id, created_at)
      SELECT ${issuer.tenant.id}, 'cns_crowd' || n, 'usr_crowd' || n, ${client.clientId}, ${crowd.serverId}, now() FROM generate_series(1, 1234) AS n`;
    await issuer.runtime.store.$executeRaw`
      INSERT INTO consent_versions (tenant_id, consent_id, version, tools, resources, prompts, salt, origin, decided_at)
      SELECT ${issuer.tenant.id}, 'cns_crowd' || n, 1, ${JSON.stringify([asShown(toolNamed('look'))])}::jsonb, false, false, 'salt', 'consent', now()
      FROM generate_series(1, 1234) AS n`;
    const told = await runCommand(['explain', '--server', crowd.resource, '--tool', 'look', '--json'], { env });
    expect(new Set(jsonOf<Told[]>(told).map((one) => one.person?.email)).size).toBe(1_234);
    const { out } = await runCommand(['explain', '--server', crowd.resource, '--tool', 'look'], { env });
    expect(out.match(/^CALL +WHO/gm)).toHaveLength(3);
    expect(out).toContain('\nlook of Tracker can be called by 1234 of these 1234.\n');
  });
});

describe('what cannot be asked', () => {
  it.each([
    ['an unknown person', ['--user', 'nobody@example.com'], 'unknown-user'],
    ['an unknown client', ['--user', 'PERSON', '--client', 'cli_nobody'], 'unknown-client'],
  ])('%s', async (_, args, code) => {
    const result = await run('--server', server.resource, ...args.map((arg) => arg.replace('PERSON', person.email)), '--json');
    expect(result.code).toBe(1);
    expect(problemOf(result).code).toBe(code);
  });

  it('neither a person nor a tool, and a server that is not there', async () => {
    expect(await run('--server', server.resource)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--user <email>, or --tool <tool>'),
    });
    expect((await run('--server', 'https://nowhere.example/mcp', '--tool', 'x')).code).toBe(1);
  });

  it('ABUSE-61: people, agents and servers of another tenant are not there', async () => {
    const other = await issuer.addTenant('explained');
    const stranger = await other.addPerson();
    expect(problemOf(await run('--server', server.resource, '--user', stranger.email, '--json')).code).toBe('unknown-user');
    const theirs = await other.addServer();
    expect((await run('--server', theirs.resource, '--tool', 'list_issues')).code).toBe(1);
    expect((await run('--server', theirs.resource, '--tool', 'list_issues', '--tenant', 'explained')).code).toBe(0);
  });
});
