/** Everything that is wrong with a tenant's file, at once, with its place and what to do. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { carryOut } from '../../src/services/carry-out-plan.ts';
import { PlanOvertaken } from '../../src/services/retry-overtaken.ts';
import { transact } from '../../src/store/client.ts';
import { setConsentScene, toolNamed } from '../support/consent-scene.ts';
import { query } from '../support/database-holder.ts';
import { giveConsent } from '../support/given-consent.ts';
import type { TestServer } from '../support/issuer.ts';
import { registerTestClient } from '../support/oauth-client.ts';
import { startRawMcpServer } from '../support/raw-mcp-server.ts';
import { openTenantFileScene, rawTools, type TenantFileScene } from '../support/tenant-file-scene.ts';

let scene: TenantFileScene;
let server: TestServer;

const run: TenantFileScene['run'] = (...args) => scene.run(...args);
const apply: TenantFileScene['apply'] = (...args) => scene.apply(...args);
const stateOf = () => scene.stateOf();

beforeAll(async () => {
  scene = await openTenantFileScene();
  ({ server } = scene);
});
afterAll(() => scene?.close());

describe('what is wrong with a file', () => {
  it('is told all at once, each with line, column, place and fix; nothing is changed', async () => {
    const before = await stateOf();
    const result = await apply(`version: 1
server: []
servers:
  - resource: mcp.example.com
    name: A
groups:
  - name: everyone
    members: [nobody@example.com, "not an address"]
policies:
  - name: twice
    effect: allow
    tool: [x]
  - name: twice
    effect: perhaps
`);
    expect(result.code).toBe(1);
    expect(result.out).toBe(
      `7 problems; nothing was changed:
  toolgrant.yaml:2:1  server is unknown here: did you mean servers?
  toolgrant.yaml:4:15  servers[1].resource is no whole URL: write it as clients type it, https://mcp.example.com/mcp.
  toolgrant.yaml:7:11  groups[1].name is everybody already: rules can name everyone without it.
  toolgrant.yaml:8:35  groups[1].members[2] is no email address: name@example.com.
  toolgrant.yaml:12:5  policies[1].tool is unknown here: did you mean tools?
  toolgrant.yaml:13:11  policies[2].name is the name of another rule before: give it one of its own.
  toolgrant.yaml:14:13  policies[2].effect is neither allow nor deny.
`.replaceAll('?.', '?'),
    );
    expect(await stateOf()).toBe(before);
  });

  it('what is well formed is held against what there is, all at once too', async () => {
    const { clientId } = await registerTestClient(scene.issuer);
    const before = await stateOf();
    const result = await apply(`version: 1
clients:
  - {id: ${clientId}, name: X, redirect-uris: ["https://x.example/cb"]}
groups:
  - name: engineering
    members: [nobody@example.com]
policies:
  - name: a
    effect: allow
    groups: [engineerin]
    servers: ["https://nowhere.example/mcp", "https://*.nowhere.example/*"]
    tools: [no_such_tool]
`);
    expect(result.code).toBe(1);
    expect(result.out).toContain('toolgrant.yaml:3:10  clients[1].id is a client that registered itself');
    expect(result.out).toContain("toolgrant.yaml:6:15  groups[1].members[1] is nobody's address here: invite the person first");
    expect(result.out).toContain('toolgrant.yaml:10:14  policies[1].groups[1] names no group that there is');
    expect(result.out).toContain('toolgrant.yaml:11:15  policies[1].servers[1] names no server that there is');
    expect(await stateOf()).toBe(before);
  });

  it('what only may be a slip is noted, and does not keep it from being applied', async () => {
    const { code, out } = await apply(
      `version: 1
servers:
  - resource: ${server.resource}
    name: Issues
    tools: {no_such_tool: {risk: read, open-world: false}}
policies:
  - {name: all, effect: allow}
  - {name: some, effect: allow, tools: [no_such_tool], servers: ["https://*.nowhere.example/*"], clients: [cli_nobody]}
`,
      '--dry-run',
    );
    expect(code).toBe(0);
    expect(out).toContain('Worth a look:');
    expect(out).toContain('toolgrant.yaml:5:13  servers[1].tools.no_such_tool is no tool that the server has now');
    expect(out).toContain('policies[2].tools[1] names no tool that any server has now');
    expect(out).toContain('policies[2].servers[1] fits no server that there is now');
    expect(out).toContain('policies[2].clients[1] names no client that there is now');
  });

  it('a server that does not answer is a problem at its line; --no-sync adds it without its tools', async () => {
    const gone = await startRawMcpServer({ listTools: () => ({ tools: rawTools }) });
    await gone.stop();
    const file = `version: 1\nservers:\n  - resource: ${gone.resource}\n    name: Gone\n`;
    const result = await apply(file);
    expect(result.code).toBe(1);
    expect(result.out).toMatch(/toolgrant\.yaml:3:15 {2}servers\[1\]\.resource cannot be added: The server's tools cannot be read/);
    const added = await apply(file, '--no-sync');
    expect(added.code).toBe(0);
    expect(added.out).toContain(`toolgrant server sync ${gone.resource}`);
  });

  it.each([
    ['no YAML', 'a: [1', /toolgrant\.yaml:\d+:\d+ {2}/],
    ['a name twice', 'version: 1\nversion: 1', /2:1 {2}version stands further up already/],
    ['a tag', 'version: !!js/function 1', /1:10 {2}Unresolved tag/],
    ['two documents', 'version: 1\n---\nversion: 1', /A second document begins here/],
    [
      'a bomb',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`).join(',')}]`)
        .join('\n')}`,
      /\d+:\d+ {2}What is repeated by reference \(&, \*\) is too much/,
    ],
    ['nothing', '', /begins with "version: 1"/],
    ['another version', 'version: 2', /is not 1: begin the file/],
  ])('%s is a problem with a place', async (_, text, words) => {
    const result = await apply(text);
    expect(result.code).toBe(1);
    expect(result.out).toMatch(words);
  });

  it('a file without end, or not in UTF-8, is a problem', async () => {
    expect((await run('apply', '/dev/zero')).out).toContain('/dev/zero:1:1  The file is longer than 2 MiB: split it.');
    const typed = Buffer.from('version: 1\ngroups: [{name: Süd}]\n', 'latin1');
    const path = join(scene.folder, 'latin1.yaml');
    await writeFile(path, typed);
    expect((await run('apply', path)).out).toContain(':2:18  The file is not in UTF-8 from here on: save it as UTF-8.');
  });

  it('very many problems are counted, and the first are told', async () => {
    const { out } = await apply(`version: 1\n${Array.from({ length: 300 }, (_, index) => `x${index}: 1`).join('\n')}`);
    expect(out).toMatch(/^300 problems; nothing was changed:\n/);
    expect(out.split('\n')).toHaveLength(103);
    expect(out).toContain('  and 200 more (--json lists all)');
  });

  it('a file that is not there says what to do; with --json, problems are for programs', async () => {
    const missing = await run('apply', join(scene.folder, 'nothing.yaml'));
    expect(missing).toMatchObject({ code: 1, out: '', err: expect.stringContaining('ENOENT') });
    const result = await apply('version: 3', '--json');
    expect(result.code).toBe(1);
    expect(JSON.parse(result.out)).toEqual({
      error: { code: 'tenant-file', message: expect.stringMatching(/^One problem in /) },
      problems: [{ line: 1, column: 10, path: 'version', problem: 'is not 1: begin the file with "version: 1".' }],
    });
  });
});

describe('another change that comes first', () => {
  it('the file is planned anew when that is done, and holds', async () => {
    const other = new Client({ connectionString: scene.issuer.database.ownerUrl });
    await other.connect();
    try {
      await other.query('BEGIN');
      await other.query(`INSERT INTO groups (tenant_id, id, name, created_at) VALUES ($1, 'grp_other', 'overtaken', now())`, [
        scene.issuer.tenant.id,
      ]);
      const applied = apply(`version: 1\ngroups: [{ name: overtaken, members: [${scene.person.email}] }]\n`);
      await isWaitingForLock();
      await other.query('COMMIT');
      expect(await applied).toMatchObject({ code: 0, out: expect.stringContaining(scene.person.email) });
    } finally {
      await other.end();
    }
    expect((await run('group', 'list', '--json')).out).toContain('grp_other');
  });

  it('what was allowed for a server that is being removed is not counted among what would narrow', async () => {
    const { issuer } = scene;
    const doomed = await setConsentScene(issuer, [toolNamed('of_the_doomed')]);
    await giveConsent(issuer, doomed, 'of_the_doomed');
    const policy = 'version: 1\npolicies: [{ name: all, effect: allow }, { name: not-that, effect: deny, tools: [of_the_doomed] }]\n';
    const narrowed = async () => (JSON.parse((await apply(policy, '--dry-run', '--json')).out) as { narrowedCount: number }).narrowedCount;
    expect(await narrowed()).toBe(1);
    await query(issuer.database.ownerUrl, `UPDATE servers SET removed_at = now() WHERE id = '${doomed.serverId}'`);
    expect(await narrowed()).toBe(0);
  });

  it('ABUSE-61: a tool that is gone when its risk is set is no success', async () => {
    const { runtime, tenant } = scene.issuer;
    const change = { kind: 'set-risk', server: { id: server.serverId }, tool: 'gone', now: { risk: 'read', openWorld: false } } as never;
    const about = { change, tenant, origin: { actorType: 'operator' as const }, newServers: new Map() };
    const done = transact(runtime.store, (db) => carryOut(runtime, db, about));
    await expect(done).rejects.toThrow(PlanOvertaken);
  });
});

/** Waits until a session of the same role (of others nobody is told) waits for a lock: the fact, and not a time. */
async function isWaitingForLock(): Promise<void> {
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while ((await query(scene.issuer.database.runtimeUrl, waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
}
