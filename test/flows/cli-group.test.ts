/** Groups of people from the command line: what rules say of them counts at once, and each change leaves its event. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type CommandResult, jsonOf, problemOf, runCommand, type Settings } from '../support/command.ts';
import { query } from '../support/database-holder.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { connect, isActive, refresh, registerTestClient, type Tokens } from '../support/oauth-client.ts';
import { letPeopleDecide, putInForce } from '../support/policy.ts';

let issuer: TestIssuer;
let env: Settings;
let person: TestPerson;
let other: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  other = await issuer.addPerson();
  server = await issuer.addServer();
  env = {
    DATABASE_URL: issuer.database.runtimeUrl,
    TOOLGRANT_SECRET: issuer.secret,
    TOOLGRANT_DATABASE_POOL_SIZE: '3',
    TOOLGRANT_DATABASE_WAIT: '0s',
    TOOLGRANT_ISSUER: issuer.url,
  };
});
afterEach(() => putInForce(issuer, letPeopleDecide));
afterAll(() => issuer?.stop());

const run = (...args: string[]): Promise<CommandResult> => runCommand(args, { env });

async function eventsOf(group: string): Promise<string[]> {
  const sql = `SELECT type FROM audit_events WHERE detail->>'group' = '${group}' ORDER BY at, id`;
  return (await query(issuer.database.ownerUrl, sql)).map(({ type }) => String(type));
}

describe('toolgrant group', () => {
  it('makes a group, puts people in and takes them out, lists, and removes; each with its event', async () => {
    expect((await run('group', 'list')).out).toBe('There is no group yet. Make one: toolgrant group create <group>\n');
    const made = await run('group', 'create', 'on call');
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(made.out).toBe('The group on call is made. Next: toolgrant group add "on call" <email>\n');

    expect((await run('group', 'add', 'on call', person.email, other.email)).out).toBe('2 people added to on call; 2 people are in it.\n');
    expect((await run('group', 'add', 'on call', '--email', person.email)).out).toBe('Nobody added to on call; 2 people are in it.\n');
    expect((await run('group', 'remove', 'on call', other.email)).out).toBe('One person taken out of on call; 1 person is in it.\n');

    expect((await run('group', 'list', 'on call')).out).toBe(`${person.email}\n`);
    expect((await run('group', 'list')).out).toMatch(/^GROUP +PEOPLE +ID\non call +1 +grp_[\w-]+\n$/);
    expect(jsonOf(await run('group', 'list', '--json'))).toEqual([
      { id: expect.stringMatching(/^grp_/), name: 'on call', members: [person.email] },
    ]);

    const gone = await run('group', 'remove', 'on call');
    expect(gone.out).toBe('The group on call is removed; 1 person was in it. Rules that name it are for nobody by it now.\n');
    expect((await eventsOf('on call')).sort()).toEqual([
      'group.created',
      'group.member-added',
      'group.member-added',
      'group.member-removed',
      'group.member-removed',
      'group.removed',
    ]);
  });

  it.each([
    ['a name with markup', ['create', '<b>'], 'group-bad-name', /<b> cannot be the name of a group: 1 to 100 letters/],
    ['a name that steers', ['create', 'a\u202eb'], 'group-bad-name', /^a\\u\{202e\}b cannot be/],
    ['everybody', ['create', 'Everyone'], 'group-reserved', /is everybody already/],
    [
      'a group that is not there',
      ['add', 'nobody', 'x@example.com'],
      'unknown-user',
      /x@example.com is nobody’s address here\. Invite first/,
    ],
    ['nobody', ['add', 'nobody'], 'nobody-named', /^Whom\?/],
    ['the removal of what is not there', ['remove', 'nobody'], 'unknown-group', /There is no group nobody\. "toolgrant group list"/],
    ['a list of what is not there', ['list', 'nobody'], 'unknown-group', /There is no group nobody/],
  ])('says what to do: %s', async (_, args, code, message) => {
    const result = await run('group', ...args, '--json');
    expect(result.code).toBe(1);
    expect(problemOf(result)).toEqual({ code, message: expect.stringMatching(message) });
  });

  it('a group twice', async () => {
    await run('group', 'create', 'twice');
    expect(problemOf(await run('group', 'create', 'twice', '--json')).code).toBe('group-name-taken');
  });

  it('ABUSE-61: who leaves a group loses what its rules allowed at once, and nobody else does', async () => {
    await run('group', 'create', 'engineering');
    await run('group', 'add', 'engineering', person.email, other.email);
    await putInForce(
      issuer,
      { name: 'readers', effect: 'allow', tools: [{ risk: 'read' }] },
      { name: 'engineers', effect: 'allow', groups: ['engineering'] },
    );
    const client = await registerTestClient(issuer);
    const decision = { tools: ['list_issues', 'delete_issue'] };
    const [hers, theirs] = [
      await connect(issuer, { client, person, server, decision }),
      await connect(issuer, { client, person: other, server, decision }),
    ];
    expect(await run('group', 'remove', 'engineering', person.email)).toMatchObject({ code: 0, err: '' });
    expect(await isActive(issuer, server, hers.access_token)).toBe(false);
    expect(await isActive(issuer, server, theirs.access_token)).toBe(true);
    expect((await refresh(issuer, client, hers.refresh_token)).json<Tokens>().scope).toBe('tool:list_issues');

    expect((await run('group', 'remove', 'engineering')).out).toContain('1 person was in it');
    expect(await isActive(issuer, server, theirs.access_token)).toBe(false);
  });

  it('is of one tenant', async () => {
    await issuer.addTenant('beta');
    await run('group', 'create', 'of-beta', '--tenant', 'beta');
    expect((await run('group', 'list')).out).not.toContain('of-beta');
    expect(problemOf(await run('group', 'add', 'of-beta', person.email, '--tenant', 'beta', '--json')).code).toBe('unknown-user');
    expect(problemOf(await run('group', 'remove', 'of-beta', '--json')).code).toBe('unknown-group');
  });
});
