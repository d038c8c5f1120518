/**
 * Lists and statements on a database that has grown. Every statement that the product sends on the way through its flows is
 * explained on it with a plan that holds for any value: none may read a growing table from end to end.
 * `TEST_CONSENTS` says how many consents are made; default 20,000, a million in the soak.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Client } from 'pg';
import { neverAllowedSeconds } from '../../src/domain/client-use.ts';
import type { ApiKeyId, ClientId, ServerId } from '../../src/domain/ids.ts';
import { blockClient } from '../../src/services/block-client.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { issueLink } from '../../src/services/issue-link.ts';
import { keepAuditMonths } from '../../src/services/keep-audit-months.ts';
import { listClients } from '../../src/services/list-clients.ts';
import { consentsPerPage, listConsentsInForce } from '../../src/services/list-consents.ts';
import { revokeApiKey } from '../../src/services/manage-api-keys.ts';
import { reapClients } from '../../src/services/reap-clients.ts';
import { removeClient, resumeClientRemovals } from '../../src/services/remove-client.ts';
import { resumeServerRemovals } from '../../src/services/remove-server.ts';
import { type AuditFilter, searchAudit } from '../../src/services/search-audit.ts';
import { beginSweep, readSweepLagSeconds, sweepExpired } from '../../src/services/sweep-expired.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { askToken, makeApiKey, makeMachine } from '../support/machine.ts';
import { basic, connect, isActive, postForm, refresh, registerTestClient } from '../support/oauth-client.ts';
import { Browser, signInOn } from '../support/person.ts';
import { letPeopleDecide, makeGroup, moveMembers, putInForce } from '../support/policy.ts';
import { postReports, reportOf } from '../support/tool-reports.ts';

const consents = Number(process.env['TEST_CONSENTS'] ?? 20_000);
/** To make them takes a while. */
const patienceMs = 300_000 + 2 * consents;

/** Tables with as many rows as administrators made, which may be read whole where that is cheaper. Every other one grows, and is large here. */
const few = new Set(
  `tenants groups policies policy_sweeps consent_sweeps servers tools tool_versions service_accounts tool_assignments signing_keys
   initial_access_tokens audit_keys audit_retentions trail_cursors`.split(/\s+/),
);

/** Statements that may read a table whole at this size, and why. */
const exempt: readonly [statement: RegExp, why: string][] = [
  [/json_to_recordset\(\$3::json\) AS r/, 'a batch of reports: each looks for its own consent once there are more of them than here'],
  [/FROM "public"."group_members" LEFT JOIN "public"."users"/, 'the members of one group, which here are all people'],
];

let issuer: TestIssuer;
let owner: Client;
let person: TestPerson;
let server: TestServer;
const ownConsents = 2 * consentsPerPage + 5;

beforeAll(async () => {
  issuer = await startIssuer();
  [person, server] = [await issuer.addPerson(), await issuer.addServer()];
  owner = new Client({ connectionString: issuer.database.ownerUrl });
  await owner.connect();
  await fillIn();
}, patienceMs);
afterAll(async () => {
  jest.restoreAllMocks();
  await owner?.end();
  await issuer?.stop();
});

async function fillIn(): Promise<void> {
  const root = `'${issuer.tenant.id}'`;
  const rows = `generate_series(1, ${consents}) AS n`;
  const terms = `'[{"name":"list_issues","digest":"none","risk":"read","openWorld":false}]', false, false, 'salt', 'consent', now() + interval '1 year', now()`;
  for (const sql of [
    `INSERT INTO users (tenant_id, id, email, created_at) SELECT ${root}, 'usr_' || n, 'person-' || n || '@example.com', now() FROM generate_series(1, ${consents / 4}) AS n`,
    `INSERT INTO clients (tenant_id, id, kind, metadata, created_at, first_authorized_at)
     SELECT ${root}, 'cli_' || n, 'dynamic', '{"name":"Agent","redirectUris":[],"authMethod":"none","grants":[],"applicationType":"native"}', now(), now() FROM generate_series(1, ${consents / 10}) AS n`,
    `INSERT INTO consents (tenant_id, id, user_id, client_id, server_id, created_at)
     SELECT ${root}, 'cns_' || n, 'usr_' || 1 + n % ${consents / 4}, 'cli_' || 1 + n % ${consents / 10} , '${server.serverId}', now() - n * interval '1 second' FROM ${rows} ON CONFLICT DO NOTHING`,
    `INSERT INTO consents (tenant_id, id, user_id, client_id, server_id, created_at)
     SELECT ${root}, 'cns_own_' || n, '${person.userId}', 'cli_' || n, '${server.serverId}', now() - (n / 2) * interval '1 second' FROM generate_series(1, ${ownConsents}) AS n`,
    `INSERT INTO consent_versions (tenant_id, consent_id, version, tools, resources, prompts, salt, origin, expires_at, decided_at)
     SELECT tenant_id, id, 1, ${terms} FROM consents`,
    `INSERT INTO installations (tenant_id, id, consent_id, grant_id, created_at, last_token_at, status_list, status_index)
     SELECT tenant_id, 'ins_' || id, id, 'grant_' || id, now(), now(), 0, row_number() OVER () FROM consents`,
    `INSERT INTO groups (tenant_id, id, name, created_at) VALUES (${root}, 'grp_1', 'everybody', now())`,
    `INSERT INTO group_members (tenant_id, group_id, user_id, added_at) SELECT ${root}, 'grp_1', id, now() FROM users`,
    `INSERT INTO tool_uses (tenant_id, user_id, day, consent_id, tool, assurance, calls, last_at)
     SELECT tenant_id, user_id, current_date, id, 'list_issues', 'reported', 1, now() FROM consents`,
    `INSERT INTO status_entries (tenant_id, list, index, installation_id, assigned_at)
     SELECT tenant_id, status_index / 131072 + 1, status_index % 131072, id, now() FROM installations`,
    `INSERT INTO artifacts (tenant_id, model, digest, payload, grant_id, account_id, uid, expires_at, created_at)
     SELECT ${root}, (ARRAY['RefreshToken', 'Session', 'Grant', 'Interaction'])[1 + n % 4], 'digest_' || n, '{}', 'grant_cns_' || n, 'usr_' || n, 'uid_' || n,
       now() + interval '30 days', now() FROM ${rows}`,
    `INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, outcome, detail)
     SELECT ${root}, 'evt_' || n, now() - n * interval '1 minute', 'token.issued', 'enforced', 'client', 'success', '{}' FROM ${rows}`,
    `INSERT INTO selections (tenant_id, sha256, document, expires_at) SELECT ${root}, 'sha_' || n, '{}', now() + interval '1 day' FROM ${rows}`,
    `INSERT INTO one_time_links (tenant_id, digest, purpose, expires_at, created_at)
     SELECT ${root}, 'link_' || n, 'invitation', now() + interval '1 day', now() FROM ${rows}`,
    `INSERT INTO rate_limits (key, points, expire) SELECT 'key_' || n, 1, extract(epoch FROM now() + interval '1 day') * 1000 FROM ${rows}`,
    `INSERT INTO api_keys (tenant_id, id, name, user_id, server_id, tools, resources, prompts, salt, digest, lifetime_seconds, created_at, expires_at)
     SELECT ${root}, 'key_' || n, 'Key', 'usr_' || 1 + n % ${consents / 4}, '${server.serverId}', '[]', false, false, 'salt', 'key_' || n, 86400, now(),
       now() + interval '30 days' FROM ${rows}`,
    `INSERT INTO user_identities (tenant_id, issuer, subject, user_id, created_at)
     SELECT ${root}, 'https://idp.example', 'sub_' || n, 'usr_' || n, now() FROM generate_series(1, ${consents / 4}) AS n`,
    `INSERT INTO client_versions (tenant_id, client_id, version, redirect_uris, since) SELECT ${root}, 'cli_' || n, 1, '{}', now() FROM generate_series(1, ${consents / 10}) AS n`,
    `INSERT INTO remote_documents (tenant_id, kind, url, expires_at) SELECT ${root}, 'client-metadata', 'https://agent.example/' || n, now() + interval '1 day' FROM ${rows}`,
    `INSERT INTO audit_seals (tenant_id, number, until_tx, until_at, until_id, jws, digests)
     SELECT ${root}, n, 0, now(), 'evt_' || n, 'jws', '' FROM ${rows}`,
    'ANALYZE',
  ]) {
    await owner.query(sql);
  }
}

const linkNamed = (html: string, name: string) => new RegExp(`<a href="([^"]+)"[^>]*>${name}</a>`).exec(html)?.[1];
const idsOn = (html: string) => [...html.matchAll(/\/account\/consents\/([\w-]+)"/g)].map(([, id]) => id as string);

async function openAccount(): Promise<{ browser: Browser; text: string }> {
  const browser = new Browser(issuer.origin);
  const { text } = await signInOn(browser, await browser.get(`${issuer.url}/account`), person);
  return { browser, text };
}

/** Notes the statements that the issuer sends from now on, until mocks are restored. */
function watchStatements(isWanted: (sql: string) => boolean): string[] {
  const sent: string[] = [];
  const send = Client.prototype.query as (...args: unknown[]) => unknown;
  jest.spyOn(Client.prototype, 'query').mockImplementation(function (this: Client, ...args: unknown[]) {
    const [query] = args as [string | { text?: string }];
    const text = typeof query === 'string' ? query : query.text;
    if (text !== undefined && this !== owner && isWanted(text)) sent.push(text);
    return send.apply(this, args);
  } as never);
  return sent;
}

describe('connected agents', () => {
  it('come by the page, newest first, each once, there and back, by links with names of their own', async () => {
    const { browser, text } = await openAccount();
    const pages = [text];
    for (let next = linkNamed(text, 'Older connected agents'); next; next = linkNamed(pages.at(-1) ?? '', 'Older connected agents')) {
      pages.push((await browser.get(next.replaceAll('&amp;', '&'))).text);
    }
    const ids = pages.map(idsOn);
    expect(ids.map(({ length }) => length)).toEqual([consentsPerPage, consentsPerPage, 5]);
    expect(new Set(ids.flat()).size).toBe(ownConsents);
    expect(linkNamed(text, 'Newer connected agents')).toBeUndefined();
    const back = await browser.get(linkNamed(pages[2] as string, 'Newer connected agents') ?? '');
    expect(idsOn(back.text)).toEqual(ids[1]);
    const first = await browser.get(linkNamed(back.text, 'Newer connected agents') ?? '');
    expect(idsOn(first.text)).toEqual(ids[0]);
    expect(linkNamed(first.text, 'Newer connected agents')).toBeUndefined();
    expect(back.text).toContain('<nav aria-label="Pages of connected agents">');
  });

  it('take as many statements as one does, however many a page has', async () => {
    const { browser, text } = await openAccount();
    const second = linkNamed(text, 'Older connected agents') ?? '';
    const third = linkNamed((await browser.get(second)).text, 'Older connected agents') ?? '';
    const read = async (page: string) => {
      const sent = watchStatements((sql) => /\b(?:clients|servers|tools|consents|consent_versions|group_members)\b/.test(sql));
      const { text } = await browser.get(page);
      jest.restoreAllMocks();
      return { agents: idsOn(text).length, statements: sent.length };
    };
    const [many, few] = [await read(second), await read(third)];
    expect([many.agents, few.agents]).toEqual([consentsPerPage, 5]);
    expect(many.statements).toBe(few.statements);
    expect(few.statements).toBeGreaterThan(3);
  });

  it('begin at the first page for an address that names no place, and never show another person what is not hers', async () => {
    const { browser, text } = await openAccount();
    for (const query of [
      'after=',
      'after=1',
      'before=x.cns_1',
      'after=1.cns_%27',
      'after=1.usr_1',
      `after=${'9'.repeat(20)}.cns_1`,
      'after=1.cns_1&after=2.cns_2',
    ]) {
      const page = await browser.get(`${issuer.url}/account?${query}`);
      expect({ query, status: page.status, ids: idsOn(page.text) }).toEqual({ query, status: 200, ids: idsOn(text) });
    }
    const beside = await browser.get(`${issuer.url}/account?after=${Date.now()}.cns_5`);
    expect(idsOn(beside.text)).toEqual(idsOn(text));
  });
});

it(
  'no statement of the flows reads a table that grows from end to end',
  async () => {
    const sent = watchStatements(() => true);
    const client = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client, person, server });
    const next = (await refresh(issuer, client, tokens.refresh_token)).json<{ refresh_token: string; access_token: string }>();
    const { browser, text } = await openAccount();
    await browser.get(linkNamed(text, 'Older connected agents') ?? '');
    await browser.get(`${issuer.url}/account/activity`);
    await browser.get(`${issuer.url}/status/0`);
    await postForm(issuer, '/introspect', { token: next.access_token }, basic(server.serverId, server.credential));
    await postForm(issuer, '/revoke', { token: next.refresh_token, client_id: client.clientId });
    const { runtime, tenant } = issuer;
    const page = await listConsentsInForce(runtime, tenant, { filter: {}, page: { limit: 100 } });
    await listConsentsInForce(runtime, tenant, { filter: {}, page: { limit: 100, ...(page.next && { after: page.next }) } });
    for (const filter of [{ clientId: page.overviews[0]?.consent.clientId }, { serverId: page.overviews[0]?.consent.serverId }]) {
      await listConsentsInForce(runtime, tenant, { filter: filter as object });
    }
    await listAuditEvents(runtime.store, tenant.id, 100);
    await useMachines();
    await lookAround(browser);
    await changeWhoMay();
    await sweepExpired(runtime, { ...beginSweep() });
    await readSweepLagSeconds(runtime);
    // One is due to go, so that what removes it is among them.
    const old = new Date(Date.now() - 2 * neverAllowedSeconds * 1_000);
    const due = { id: (await registerTestClient(issuer)).clientId };
    await runtime.store.client.updateMany({ where: due, data: { createdAt: old, reapAfter: old } });
    await reapClients(runtime);
    await removeClient(runtime, tenant, { clientId: client.clientId as ClientId, origin: { actorType: 'operator' } });
    await resumeClientRemovals(runtime);
    const origin = { actorType: 'operator' } as const;
    // Begun by hand: that counts what people allowed for a server, which is everything where it is the only one.
    const { serverId: id } = await issuer.addServer();
    await owner.query('UPDATE servers SET removed_at = now() WHERE id = $1', [id]);
    await resumeServerRemovals(runtime);
    await blockClient(runtime, tenant, { clientId: (await registerTestClient(issuer)).clientId as ClientId, origin });
    expect(await runtime.store.client.count({ where: due })).toBe(0);
    await keepAuditMonths(runtime);
    jest.restoreAllMocks();
    const explained = [...new Set(sent)].filter((sql) => /^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(sql));
    expect(explained.length).toBeGreaterThan(40);
    // What the consent page, /account and /account/activity read by few statements is among it.
    for (const part of ['to_json(s) AS server', 'looked.user_id', 'to_json(newest)', 'json_object_agg(tool, last_at)', 'tool_count'])
      expect({ part, isThere: explained.some((sql) => sql.includes(part)) }).toEqual({ part, isThere: true });
    const large = await findLargeTables();
    const scans: string[] = [];
    const batches = explained.filter((sql) => /^\s*SELECT id FROM consents\b.*\bORDER BY id LIMIT\b/s.test(sql));
    expect(batches.length).toBeGreaterThanOrEqual(3);
    const sorted: string[] = [];
    for (const sql of explained) {
      if (exempt.some(([statement]) => statement.test(sql))) continue;
      const { rows } = await owner.query(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${sql}`);
      for (const table of scannedTables(rows[0]['QUERY PLAN'][0].Plan)) if (large.has(table)) scans.push(`${table}: ${sql}`);
      if (batches.includes(sql) && nodesOf(rows[0]['QUERY PLAN'][0].Plan).some((node) => node['Node Type'].includes('Sort')))
        sorted.push(sql);
    }
    expect(scans).toEqual([]);
    for (const [statement] of exempt) expect(explained.some((sql) => statement.test(sql))).toBe(true);
    // Else each batch of a client with many people sorts all that are left of them.
    expect(sorted).toEqual([]);
  },
  patienceMs,
);

/** The tables with many rows, partitions among them; none of those that grow may be missing. */
async function findLargeTables(): Promise<ReadonlySet<string>> {
  const { rows } = await owner.query<{ name: string; rows: number; is_part: boolean }>(
    `SELECT relname AS name, reltuples AS rows, relispartition AS is_part FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> '_prisma_migrations'`,
  );
  const large = new Set(rows.filter((table) => table.rows >= 1_000).map(({ name }) => name));
  expect(
    rows
      .filter(({ name, is_part }) => !is_part && !large.has(name))
      .map(({ name }) => name)
      .sort(),
  ).toEqual([...few].sort());
  return large;
}

const all = { tools: ['list_issues', 'create_issue'] };
const operatorOrigin = { actorType: 'operator' } as const;

/** API keys and machine clients, and what servers report of them. */
async function useMachines(): Promise<void> {
  const key = await makeApiKey(issuer, { server, ...all, owner: { userId: person.userId } });
  const machine = await makeMachine(issuer, { assigned: { server, ...all } });
  expect((await askToken(issuer, { clientId: machine.clientId, secret: machine.secret }, { resource: server.resource })).status).toBe(200);
  expect((await askToken(issuer, { clientId: key.id, secret: key.secret })).status).toBe(200);
  expect(await isActive(issuer, server, key.secret)).toBe(true);
  const tokens = await connect(issuer, { client: await registerTestClient(issuer), person, server });
  const reports = [reportOf(tokens), reportOf(tokens, { subject: person.userId, client: key.id, consent: undefined, status: undefined })];
  expect((await postReports(issuer, server, reports)).json()).toMatchObject({ accepted: 2 });
  await revokeApiKey(issuer.runtime, issuer.tenant, { id: key.id as ApiKeyId, reason: 'revoked-by-admin', origin: operatorOrigin });
}

/** What people and administrators look at and look for. */
async function lookAround(browser: Browser): Promise<void> {
  const { runtime, tenant } = issuer;
  const [agent] = await runtime.store.consent.findMany({ where: { userId: person.userId }, take: 1 });
  for (const path of ['/account/activity', `/account/activity?agent=${agent?.clientId}`, `/account/consents/${agent?.id}`]) {
    expect((await browser.get(`${issuer.url}${path}`)).status).toBe(200);
  }
  const filters: AuditFilter[] = [
    { userId: person.userId },
    { clientIds: [agent?.clientId as ClientId] },
    { serverId: server.serverId as ServerId },
    { tool: 'list_issues' },
    { apiKeyId: 'key_1' },
    { types: ['token.issued'] },
    { outcome: 'failure' },
    { since: new Date(Date.now() - 60_000), until: new Date() },
  ];
  for (const filter of filters) await searchAudit(runtime, tenant, { filter, limit: 50 });
  await listClients(runtime, tenant, { limit: 50 });
  const link = await issueLink(runtime, tenant, { purpose: 'password-reset', userId: person.userId, origin: operatorOrigin });
  if (!link.ok) throw new Error(link.problem);
  expect((await browser.get(link.link.url)).status).toBe(200);
}

/** What an administrator changes, with all that it ends. */
async function changeWhoMay(): Promise<void> {
  const other = await issuer.addPerson();
  await connect(issuer, { client: await registerTestClient(issuer), person: other, server });
  await makeGroup(issuer, 'makers', other);
  await putInForce(issuer, { ...letPeopleDecide, groups: ['makers'] });
  await moveMembers(issuer, 'makers', { remove: [other] });
  await putInForce(issuer, letPeopleDecide);
  await disableUser(issuer.runtime, issuer.tenant, { userId: other.userId, origin: operatorOrigin });
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

function scannedTables(node: PlanNode): string[] {
  const own = node['Node Type'] === 'Seq Scan' && node['Relation Name'] !== undefined ? [node['Relation Name']] : [];
  return [...own, ...(node.Plans ?? []).flatMap(scannedTables)];
}
