/** A tenant in a file: applied, exported, applied again, and what it does to people. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { jsonOf, runCommand, type Settings } from '../support/command.ts';
import { query } from '../support/database-holder.ts';
import type { TestIssuer, TestPerson, TestServer } from '../support/issuer.ts';
import { connect, isActive, refresh, registerTestClient, type TestClient, type Tokens } from '../support/oauth-client.ts';
import { letPeopleDecide, putInForce } from '../support/policy.ts';
import type { RawMcpServer } from '../support/raw-mcp-server.ts';
import { openTenantFileScene, type TenantFileScene } from '../support/tenant-file-scene.ts';

let scene: TenantFileScene;
let issuer: TestIssuer;
let env: Settings;
let folder: string;
let mcp: RawMcpServer;
let person: TestPerson;
let server: TestServer;

const run: TenantFileScene['run'] = (...args) => scene.run(...args);
const apply: TenantFileScene['apply'] = (...args) => scene.apply(...args);
const exported = () => scene.exported();
const stateOf = () => scene.stateOf();

beforeAll(async () => {
  scene = await openTenantFileScene();
  ({ issuer, env, folder, mcp, person, server } = scene);
});
afterAll(() => scene?.close());

describe('toolgrant export', () => {
  it('shows the rule that holds where there is no policy, so that the first policy is an edit', async () => {
    const { code, out } = await run('export');
    expect(code).toBe(0);
    expect(out).toMatch(/^# What Toolgrant is told of this tenant/);
    const file = parse(out);
    expect(file).toEqual({
      version: 1,
      servers: [{ resource: server.resource, name: 'Tracker' }],
      clients: [],
      groups: [],
      policies: [{ name: 'people-decide', effect: 'allow' }],
    });
    expect(jsonOf(await run('export', '--json'))).toEqual(file);
  });

  it('applied at once, changes nothing', async () => {
    const file = await exported();
    const before = await stateOf();
    const result = await apply(file);
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toBe('Nothing changed: it is as the file says.\n');
    expect(await stateOf()).toBe(before);
  });
});

/** A file with everything in it. */
const whole = () => `
version: 1
servers:
  - resource: ${server.resource}
    name: Issues
    tools:
      create_issue: {risk: write, open-world: true}
  - resource: ${mcp.resource}
    name: Raw server
    tools:
      anything: {risk: write, open-world: false}
clients:
  - id: ci-bot
    name: CI bot
    redirect-uris: [https://ci.example.com/callback]
groups:
  - name: engineering
    members: [${person.email}]
  - name: Vertrieb Süd
policies:
  - name: everybody-reads
    effect: allow
    tools: [{risk: read}]
    resources: true
    for-at-most: 30d
  - name: engineers-write
    effect: allow
    groups: [engineering]
    tools: [{risk: read}, {risk: write}]
    for-at-most: 7d
  - name: never-delete
    effect: deny
    tools: [{risk: destructive}]
`;

describe('toolgrant apply', () => {
  it('--dry-run says what would change and what is to be done afterwards, and changes nothing', async () => {
    const before = await stateOf();
    const { code, out } = await apply(whole(), '--dry-run');
    expect(code).toBe(0);
    expect(out).toBe(
      `Would change:
  ~ server  ${server.resource}: the name is Issues (was Tracker)
  ~ tool    create_issue of Issues: write, reaches beyond its server (was as the server says)
  + server  Raw server (${mcp.resource})
  + tool    anything of Raw server: write
  + client  ci-bot (CI bot)
  + group   engineering
  + member  ${person.email} in engineering
  + group   Vertrieb Süd
  + rule    everybody-reads
  + rule    engineers-write
  + rule    never-delete
  - rule    people-decide

Afterwards:
  toolgrant server credential ${mcp.resource}  (prints the credential for the server)
  toolgrant client secret ci-bot --now  (prints the secret for the client)

Nothing was changed.
`.replace('of Issues', 'of Tracker'),
    );
    expect(await stateOf()).toBe(before);
  });

  it('does all of it in one transaction, an event for each change; once more, it changes nothing', async () => {
    const earlier = await query(issuer.database.ownerUrl, 'SELECT id FROM audit_events');
    const first = await apply(whole());
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toMatch(/^Changed:\n/);
    const known = new Set(earlier.map(({ id }) => id));
    const events = await query(issuer.database.ownerUrl, 'SELECT id, type, actor_type FROM audit_events');
    const written = events.filter(({ id }) => !known.has(id)).map(({ type, actor_type: actor }) => `${type} by ${actor}`);
    expect(written.sort()).toEqual([
      'client.registered by operator',
      'group.created by operator',
      'group.created by operator',
      'group.member-added by operator',
      'policy.changed by operator',
      'server.added by operator',
      'server.catalogue-changed by operator',
      'server.changed by operator',
      'server.tool-risk-set by operator',
      'server.tool-risk-set by operator',
    ]);
    const before = await stateOf();
    expect((await apply(whole())).out).toBe('Nothing changed: it is as the file says.\n');
    expect(await stateOf()).toBe(before);
  });

  it('what it exports then says the same, and applied to itself changes nothing', async () => {
    const file = await exported();
    const written = parse(whole()) as Record<string, unknown>;
    expect(parse(file)).toEqual({
      ...written,
      groups: [
        { name: 'Vertrieb Süd', members: [] },
        { name: 'engineering', members: [person.email] },
      ],
    });
    expect((await apply(file)).out).toBe('Nothing changed: it is as the file says.\n');
  });

  it('reads it from standard input, as JSON too; what it does not speak of stays', async () => {
    const typed = JSON.stringify({ version: 1, groups: [{ name: 'engineering' }] });
    const result = await runCommand(['apply', '-', '--json'], { env, typed });
    expect(jsonOf(result)).toEqual({
      isDryRun: false,
      changes: [],
      narrowedCount: 0,
      widenedCount: 0,
      narrowed: [],
      widened: [],
      notes: [],
    });
  });

  it('all of it or nothing: where the database fails in the middle, nothing is changed, and nothing is audited', async () => {
    const { ownerUrl } = issuer.database;
    await query(ownerUrl, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$");
    await query(ownerUrl, 'CREATE TRIGGER fail BEFORE INSERT ON policies FOR EACH ROW EXECUTE FUNCTION fail()');
    const file = '{version: 1, groups: [{name: halfway}], policies: [{name: halfway, effect: allow}]}';
    const before = await stateOf();
    try {
      expect((await apply(file)).code).toBe(1);
      expect(await stateOf()).toBe(before);
    } finally {
      await query(ownerUrl, 'DROP TRIGGER fail ON policies');
      await query(ownerUrl, 'DROP FUNCTION fail()');
    }
    expect((await apply(file)).out).toContain('+ group   halfway');
    expect((await apply(file)).out).toBe('Nothing changed: it is as the file says.\n');
  });

  it('forty servers with their groups and rules: once more, nothing changes; while it goes on, clients register', async () => {
    const forty = await issuer.addTenant('forty');
    const count = 40;
    const file = JSON.stringify({
      version: 1,
      servers: Array.from({ length: count }, (_, n) => ({ resource: `https://mcp.example.com/team-${n}`, name: `Team ${n}` })),
      groups: Array.from({ length: count }, (_, n) => ({ name: `team-${n}` })),
      policies: Array.from({ length: count }, (_, n) => ({
        name: `team-${n}`,
        effect: 'allow',
        groups: [`team-${n}`],
        servers: [`https://mcp.example.com/team-${n}`],
        'for-at-most': '30d',
      })),
    });
    const path = join(folder, 'forty.json');
    await writeFile(path, file);
    const [done] = await Promise.all([
      run('apply', path, '--no-sync', '--tenant', 'forty'),
      registerTestClient(forty),
      registerTestClient(forty),
    ]);
    expect(done.code).toBe(0);
    expect(done.out.match(/^ {2}\+ /gm)).toHaveLength(3 * count);
    expect((await run('apply', path, '--no-sync', '--tenant', 'forty')).out).toBe('Nothing changed: it is as the file says.\n');
    const after = jsonOf<{ servers: unknown[]; groups: unknown[]; policies: unknown[] }>(
      await run('export', '--tenant', 'forty', '--json'),
    );
    expect([after.servers, after.groups, after.policies].map((list) => list.length)).toEqual([count, count, count]);
  });

  it('two at once: one of them does it, and the other one finds it done', async () => {
    const file = '{version: 1, groups: [{name: at-once}], policies: [{name: at-once, effect: allow}]}';
    const path = join(folder, 'at-once.yaml');
    await writeFile(path, file);
    const results = await Promise.all([run('apply', path), run('apply', path)]);
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(results.map(({ out }) => out.split('\n')[0]).sort()).toEqual(['Changed:', 'Nothing changed: it is as the file says.']);
    const counted = await query(
      issuer.database.ownerUrl,
      "SELECT count(*)::int AS count FROM audit_events WHERE detail->>'group' = 'at-once'",
    );
    expect(counted).toEqual([{ count: 1 }]);
  });

  it('no secret is printed or written, and the next steps make one that works', async () => {
    const id = `client-${Date.now()}`;
    const { out } = await apply(`{version: 1, clients: [{id: ${id}, name: Another, redirect-uris: ['https://a.example/cb']}]}`);
    expect(out).toContain(`toolgrant client secret ${id} --now`);
    const secret = jsonOf<{ client_secret: string }>(await run('client', 'secret', id, '--now', '--json')).client_secret;
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(out + (await exported())).not.toContain(secret);
    const changed = await apply(`{version: 1, clients: [{id: ${id}, name: Another, redirect-uris: ['https://b.example/cb'], auth: none}]}`);
    expect(changed.out).toContain(`~ client  ${id}: redirect-uris, auth`);
  });
});

describe('what it does to people', () => {
  const all = ['list_issues', 'create_issue', 'delete_issue'];
  let client: TestClient;
  let tokens: Tokens;
  const withPolicy = (policies: string) => `version: 1\npolicies:\n${policies}`;

  beforeAll(async () => {
    await putInForce(issuer, letPeopleDecide);
    client = await registerTestClient(issuer, { client_name: 'Helper' });
    tokens = await connect(issuer, { client, person, server, decision: { tools: all } });
  });

  it('ABUSE-61, ABUSE-84: the dry run names the consents that would narrow, with tool and rule; applied, their tokens end', async () => {
    const file = withPolicy('  - {name: all, effect: allow}\n  - {name: never-delete, effect: deny, tools: [delete_issue]}\n');
    const planned = await apply(file, '--dry-run');
    const line = `Consents that would narrow: 1\n  ${person.email}, Helper on Issues: loses delete_issue (never-delete denies it)\n`;
    expect(planned.out).toContain(line);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    const json = jsonOf<{ narrowed: object[] }>(await apply(file, '--dry-run', '--json'));
    expect(json.narrowed).toEqual([
      {
        consentId: expect.stringMatching(/^cns_/),
        email: person.email,
        client: { id: client.clientId, name: 'Helper' },
        server: { id: server.serverId, name: 'Issues' },
        lost: [{ name: 'delete_issue', reason: 'denied-by-policy', rule: 'never-delete' }],
        sooner: [],
        gained: [],
      },
    ]);
    const done = await apply(file);
    expect(done.out).toContain('Consents that narrowed: 1');
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    tokens = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    expect(tokens.scope).toBe('tool:create_issue tool:list_issues');
  });

  it('a group that somebody leaves, and a risk that is set, count as well', async () => {
    await apply(`
version: 1
groups: [{name: engineering, members: [${person.email}]}]
policies:
  - {name: readers, effect: allow, tools: [{risk: read}]}
  - {name: engineers, effect: allow, groups: [engineering]}
`);
    const left = await apply('{version: 1, groups: [{name: engineering, members: []}]}', '--dry-run');
    expect(left.out).toContain('Consents that would narrow: 1');
    expect(left.out).toContain('loses create_issue (no rule allows it), delete_issue (no rule allows it)');
    const riskier = `{version: 1, servers: [{resource: "${server.resource}", name: Issues, tools: {list_issues: {risk: write, open-world: true}}}]}`;
    const set = await apply(riskier, '--dry-run');
    expect(set.out).toContain('list_issues (it is riskier now than when it was allowed)');
  });

  it('a time that gets shorter narrows as well: what ends earlier is named, with its end', async () => {
    await apply(withPolicy('  - {name: all, effect: allow}\n'));
    const file = withPolicy('  - {name: all, effect: allow, for-at-most: 8h}\n');
    const planned = await apply(file, '--dry-run');
    const end = '\\(\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC\\)';
    expect(planned.out).toMatch(
      new RegExp(
        `Consents that would narrow: 1\n  ${person.email}, Helper on Issues: ends earlier: create_issue ${end}, delete_issue ${end}, list_issues ${end}\n`,
      ),
    );
    const [one] = jsonOf<{ narrowed: { lost: object[]; sooner: object[] }[] }>(await apply(file, '--dry-run', '--json')).narrowed;
    expect([one?.lost, one?.sooner.length, one?.sooner[0]]).toEqual([[], 3, { name: 'create_issue', endsAt: expect.stringMatching(/Z$/) }]);
    await apply(file);
    const longer = await apply(withPolicy('  - {name: all, effect: allow, for-at-most: 9h}\n'), '--dry-run');
    expect(longer.out).not.toContain('would narrow');
  });

  it('what comes back is told apart', async () => {
    const { out } = await apply(withPolicy('  - {name: all, effect: allow, groups: [engineering]}\n'), '--dry-run');
    expect(out).not.toContain('would narrow');
    await apply(withPolicy('  - {name: readers, effect: allow, tools: [{risk: read}]}\n'));
    const back = await apply(withPolicy('  - {name: all, effect: allow}\n'), '--dry-run');
    expect(back.out).toContain('Consents that would widen, within what people have allowed: 1');
    expect(back.out).toContain('gains create_issue, delete_issue');
  });
});

describe('the tenant', () => {
  it('is the one that --tenant names, and no other is touched', async () => {
    const other = await issuer.addTenant('beta');
    await apply('{version: 1, groups: [{name: of-beta}], policies: []}', '--tenant', 'beta');
    expect(parse((await run('export', '--tenant', 'beta')).out)).toEqual({
      version: 1,
      servers: [],
      clients: [],
      groups: [{ name: 'of-beta', members: [] }],
      policies: [],
    });
    expect(await exported()).not.toContain('of-beta');
    expect(other.tenant.slug).toBe('beta');
  });
});
