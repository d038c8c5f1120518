/** Every type of event is written by something that people, clients, servers or operators do, and says what it promises. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AuditEventType, auditEventTypes } from '../../src/domain/audit-event.ts';
import { keepAuditMonths } from '../../src/services/keep-audit-months.ts';
import { removeGroup } from '../../src/services/manage-groups.ts';
import { type CommandResult, runCommand, settingsFor } from '../support/command.ts';
import { query } from '../support/database-holder.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { makeApiKey } from '../support/machine.ts';
import {
  authorize,
  basic,
  changeRegistration,
  connect,
  postForm,
  postJson,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
} from '../support/oauth-client.ts';
import { Browser, readForms, signedIn, signInOn } from '../support/person.ts';
import { letPeopleDecide, makeGroup, moveMembers, putInForce } from '../support/policy.ts';
import { type RawMcpServer, startRawMcpServer } from '../support/raw-mcp-server.ts';
import { postReports, reportOf } from '../support/tool-reports.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;
let raw: RawMcpServer;

const listIssues = { name: 'list_issues', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true, openWorldHint: false } };
let listed: object[] = [listIssues];

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
  raw = await startRawMcpServer({ listTools: () => ({ tools: listed }) });
});
afterAll(async () => {
  await raw.stop();
  await issuer.stop();
});

/** Runs a command beside the issuer, as its operator does. */
const run = (...args: string[]): Promise<CommandResult> => runTyped('', args);

async function runTyped(typed: string, args: string[]): Promise<CommandResult> {
  const env = { ...settingsFor(issuer.database), TOOLGRANT_ISSUER: issuer.url, TOOLGRANT_SECRET: issuer.secret };
  const result = await runCommand(args, { env, typed });
  expect([args.join(' '), result.code, result.err]).toEqual([args.join(' '), 0, expect.not.stringContaining('should not have')]);
  return result;
}
const idIn = ({ out }: CommandResult, prefix: string) => new RegExp(`${prefix}[\\w-]+`).exec(out)?.[0] ?? `no ${prefix}`;
const other = () => issuer.addPerson();

/** What is done, by the types that it writes. */
const flows: readonly [types: readonly AuditEventType[], work: () => Promise<unknown>][] = [
  [
    ['user.created', 'link.issued', 'link.redeemed', 'user.password-changed', 'user.disabled', 'user.enabled'],
    async () => {
      await run('user', 'create', '--email', 'new@example.com');
      const { out } = await run('user', 'invite', 'new@example.com');
      const [link = ''] = /https?:\S+\/link\/\S+/.exec(out) ?? [];
      const browser = new Browser(issuer.origin);
      const [form] = readForms((await browser.get(link)).text);
      const fields = form?.fields.map(([name, value]) => [name, name === 'password' ? 'seven grey geese fly by' : value] as const) ?? [];
      expect((await browser.post(form?.action ?? '', fields)).status).toBeLessThan(400);
      await run('user', 'disable', 'new@example.com');
      await run('user', 'enable', 'new@example.com');
    },
  ],
  [
    ['user.signed-in', 'user.sign-in-failed', 'user.signed-out'],
    async () => {
      const browser = new Browser(issuer.origin);
      const page = await browser.follow(await browser.get('/account'));
      await signInOn(browser, page, { ...person, password: 'something else entirely' });
      const signed = await signedIn(issuer, person);
      const [form] = readForms((await signed.get('/account/sign-out')).text);
      await signed.post(form?.action ?? '', form?.fields ?? []);
      expect((await signed.follow(await signed.get('/account'))).text).toContain('name="password"');
    },
  ],
  [
    ['user.signed-out'],
    async () => {
      const { browser } = await connect(issuer, { client, person, server });
      const page = await browser.get(`/logout?client_id=${client.clientId}`);
      const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'xsrf'));
      const before = await eventsOf('user.signed-out');
      await browser.post(form?.action ?? '', form?.fields ?? []);
      expect(await eventsOf('user.signed-out')).toHaveLength(before.length);
      const again = readForms((await browser.get(`/logout?client_id=${client.clientId}`)).text).find(({ fields }) => fields.length > 0);
      await browser.post(again?.action ?? '', [...(again?.fields ?? []), ['logout', 'yes']]);
      const after = await eventsOf('user.signed-out');
      expect([after.length, after.at(-1)?.clientId]).toEqual([before.length + 1, client.clientId]);
    },
  ],
  [
    [
      'server.added',
      'server.catalogue-changed',
      'server.tool-risk-set',
      'server.tool-accepted',
      'server.credential-rotated',
      'server.removed',
    ],
    async () => {
      await run('server', 'add', raw.resource, '--name', 'Tracker');
      await run('server', 'tool', raw.resource, 'list_issues', '--risk', 'write');
      await run('server', 'tool', raw.resource, 'list_issues', '--as-claimed');
      listed = [{ ...listIssues, annotations: { readOnlyHint: false, openWorldHint: true } }];
      await run('server', 'sync', raw.resource);
      await run('tenant', 'set', 'riskier-tools=administrators');
      await run('server', 'tool', raw.resource, 'list_issues', '--accept');
      await run('server', 'credential', raw.resource);
      await run('server', 'remove', raw.resource);
    },
  ],
  [
    ['server.changed'],
    async () => {
      const { resource } = await issuer.addServer();
      await runTyped(JSON.stringify({ version: 1, servers: [{ resource, name: 'Another name' }] }), ['apply', '-']);
    },
  ],
  [
    ['server.library-announced', 'server.tools-reported', 'server.reports-dropped', 'tool.called', 'tool.begun', 'tool.refused'],
    async () => {
      const hello = { library: '@toolgrant/resource-server', version: '1.2.3' };
      await postJson(issuer, '/servers/hello', hello, basic(server.serverId, server.credential));
      const deleteAll = { name: 'delete_all', inputSchema: { type: 'object' } };
      await postJson(issuer, '/servers/tools', { tools: [deleteAll] }, basic(server.serverId, server.credential));
      const token = await connect(issuer, { client, person, server });
      const reports = ['success', 'denied', 'begun'].map((outcome) => reportOf(token, { outcome }));
      const dropped = { id: `rpt_${'d'.repeat(20)}`, count: 3, since: new Date().toISOString() };
      const answer = await postReports(issuer, server, reports, { dropped });
      expect(answer.json()).toMatchObject({ accepted: 3, refused: [] });
    },
  ],
  [
    ['client.registered', 'client.updated', 'client.removed'],
    async () => {
      const own = await registerTestClient(issuer);
      expect((await changeRegistration(issuer, own, { client_name: 'Another name' })).status).toBe(200);
      await run('client', 'remove', own.clientId);
    },
  ],
  [
    ['client.secret-rotated', 'initial-token.created', 'initial-token.revoked'],
    async () => {
      const made = await run('client', 'create', '--name', 'Backend', '--redirect-uri', 'https://a.example/cb');
      await run('client', 'secret', idIn(made, 'cli_'));
      const token = await run('registration-token', 'create', '--name', 'For a test');
      await run('registration-token', 'revoke', idIn(token, 'iat_'));
    },
  ],
  [
    ['client.verified', 'client.unverified', 'client.quarantined', 'client.blocked', 'client.unblocked'],
    async () => {
      const { clientId } = await registerTestClient(issuer);
      for (const word of ['verify', 'unverify', 'quarantine', 'block', 'unblock']) await run('client', word, clientId);
    },
  ],
  [
    ['policy.changed', 'group.created', 'group.member-added', 'group.member-removed', 'group.removed'],
    async () => {
      const member = await other();
      await makeGroup(issuer, 'Staff', member);
      await moveMembers(issuer, 'Staff', { remove: [member] });
      await removeGroup(issuer.runtime, issuer.tenant, { name: 'Staff', origin: { actorType: 'operator' } });
      await putInForce(issuer, letPeopleDecide, { name: 'no-deleting', effect: 'deny', tools: [{ name: 'delete_*' }] });
    },
  ],
  [
    ['consent.given', 'consent.changed', 'consent.denied', 'consent.ended', 'token.issued'],
    async () => {
      const owner = await other();
      await authorize(issuer, { client, person: owner, server, decision: { deny: true } });
      const { browser } = await connect(issuer, { client, person: owner, server });
      const [, id = ''] = /\/account\/consents\/(cns_[\w-]+)/.exec((await browser.get('/account')).text) ?? [];
      await authorize(issuer, {
        client,
        person: owner,
        server,
        browser,
        decision: { tools: [], resources: true },
        parameters: { prompt: 'consent', scope: 'tools resources' },
      });
      await run('consent', 'end', id);
    },
  ],
  [
    ['consent.paused', 'consent.resumed', 'installation.ended'],
    async () => {
      const { browser } = await connect(issuer, { client, person: await other(), server });
      const formOf = async (end: string) => readForms((await browser.get('/account')).text).find(({ action }) => action.endsWith(end));
      for (const end of ['/pause', '/resume', '/end']) {
        const form = await formOf(end);
        expect((await browser.post(form?.action ?? '', form?.fields ?? [])).status).toBe(303);
      }
    },
  ],
  [
    ['token.refresh-reused', 'token.code-replayed', 'token.revoked'],
    async () => {
      const family = await connect(issuer, { client, person, server });
      const next = (await refresh(issuer, client, family.refresh_token)).json();
      await refresh(issuer, client, String(next['refresh_token']));
      expect((await refresh(issuer, client, family.refresh_token)).status).toBe(400);
      const authorized = await authorize(issuer, { client, person, server });
      await redeem(issuer, client, authorized);
      expect((await redeem(issuer, client, authorized)).status).toBe(400);
      const last = await connect(issuer, { client, person, server });
      await postForm(issuer, '/revoke', { token: last.refresh_token, client_id: client.clientId });
    },
  ],
  [
    [
      'service-account.created',
      'service-account.tools-assigned',
      'service-account.disabled',
      'service-account.enabled',
      'service-account.removed',
    ],
    async () => {
      const id = idIn(await run('service-account', 'create', '--name', 'Nightly'), 'svc_');
      await run('service-account', 'tool', id, '--server', server.serverId, '--tool', 'list_issues');
      for (const word of ['disable', 'enable', 'remove']) await run('service-account', word, id);
    },
  ],
  [
    ['api-key.created', 'api-key.rotated', 'api-key.revoked', 'api-key.used'],
    async () => {
      const key = await makeApiKey(issuer, { server, tools: ['list_issues'] });
      await postForm(issuer, '/introspect', { token: key.secret }, basic(server.serverId, server.credential));
      await run('apikey', 'rotate', key.id);
      await run('apikey', 'revoke', key.id);
    },
  ],
  [
    ['key.created', 'key.rotated', 'key.retired', 'tenant.created', 'tenant.settings-changed'],
    async () => {
      await run('keys', 'rotate', '--leaked');
      await run('tenant', 'create', 'acme', '--name', 'Acme');
      await run('tenant', 'set', 'registration=token');
      await run('tenant', 'set', 'registration=open');
    },
  ],
  [
    ['audit.month-dropped'],
    async () => {
      const old = '2015-03-15T00:00:00Z';
      const owner = (sql: string) => query(issuer.database.ownerUrl, sql);
      await owner(`SELECT make_audit_partition('${old}')`);
      await owner(`INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, outcome, detail)
        VALUES ('root', 'evt_old', '${old}', 'user.created', 'enforced', 'operator', 'success', '{}')`);
      expect(await keepAuditMonths(issuer.runtime)).toBe(1);
    },
  ],
];

const eventsOf = (type: AuditEventType) => issuer.runtime.store.auditEvent.findMany({ where: { type }, orderBy: { at: 'asc' } });

const done = new Map<number, Promise<unknown>>();
/** Does what writes a type; each flow once. */
async function writeAll(type: AuditEventType): Promise<void> {
  if (!flows.some(([types]) => types.includes(type))) throw new Error(`nothing here writes ${type}: add to the flows what does`);
  for (const [index, [types, work]] of flows.entries()) {
    if (!types.includes(type)) continue;
    const running = done.get(index) ?? work();
    done.set(index, running);
    await running;
  }
}

describe('an event', () => {
  it.each(Object.keys(auditEventTypes) as AuditEventType[])(
    '%s is written, with what it is about and who did it from where',
    async (type) => {
      await writeAll(type);
      const events = await eventsOf(type);
      expect(events.length).toBeGreaterThan(0);
      for (const event of events) {
        const missing = auditEventTypes[type].about.filter((column) => event[column] === null);
        expect([type, missing]).toEqual([type, []]);
        expect(['success', 'failure', 'denied']).toContain(event.outcome);
        if (event.assurance === 'reported') continue;
        // Whoever works at the machine is known by the account there; everybody else came by a request.
        const lacks = event.actorType === 'operator' ? [] : (['address', 'requestId'] as const).filter((column) => event[column] === null);
        if (event.actorType !== 'issuer') expect([type, event.actorType, lacks]).toEqual([type, event.actorType, []]);
      }
    },
  );

  it('no type but these is written by any of that', async () => {
    const types = await query(issuer.database.ownerUrl, 'SELECT DISTINCT type FROM audit_events');
    expect(types.map(({ type }) => String(type)).filter((type) => !(type in auditEventTypes))).toEqual([]);
  });
});
