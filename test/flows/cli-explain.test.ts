/** Who can call what, and why not: each reason, with the step that helps; the same as tokens have. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId, ServerId } from '../../src/domain/ids.ts';
import type { WrittenRule } from '../../src/domain/policy-form.ts';
import { blockClient } from '../../src/services/block-client.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { overrideToolRisk } from '../../src/services/override-tool-risk.ts';
import { type CommandResult, jsonOf, problemOf, runCommand, type Settings } from '../support/command.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
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
  person: { email: string; groups: string[] };
  client: { client_id: string };
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
    expect((await run('--server', server.resource, '--user', newcomer.email)).out).toContain('allows no agent anything on Tracker now.');
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
    expect(out).toContain('delete_issue of Tracker can be called by 0 of 1 that allow an agent something there:');
    const all = await told('--tool', 'delete_issue');
    const line = (email: string, clientId: string) =>
      all.find((one) => one.person.email === email && one.client.client_id === clientId)?.tools[0];
    expect(line(person.email, client.clientId)).toMatchObject({ can: true });
    expect(line(other.email, theirs.clientId)).toMatchObject({ can: false, reason: 'not-ticked' });
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
