/**
 * Lists and statements on a database that has grown, at several sizes. Every statement that the product sends on the way through its
 * flows is explained on it with a plan that holds for any value: none may read a growing table from end to end.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Client } from 'pg';
import { consentsPerPage } from '../../../src/services/list-consents.ts';
import { type DocumentHost, startDocumentHost } from '../document-host.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../issuer.ts';
import { Browser, linkNamed, signInOn } from '../person.ts';
import { passThroughFlows } from './flows.ts';
import { fillDatabase, findLargeTables, ownConsents } from './large-database.ts';
import { distinctStatements, explainStatement, watchStatements } from './statements.ts';

/** Statements that may read a table whole at this size, and why. */
const exempt: readonly [statement: RegExp, why: string][] = [
  [/json_to_recordset\(\$3::json\) AS r/, 'a batch of reports: each looks for its own consent once there are more of them than here'],
  [/FROM group_members AS m\s+JOIN users AS u/, 'the members of one group, which here are all people'],
  [/FROM "public"."users" WHERE "public"."users"."tenant_id" = \$1 ORDER BY/, 'all people, for an administrator who lists them'],
  [
    /"kind" = \$2 AND "public"."clients"."removed_at" IS NULL\)/,
    'clients of one kind: those that administrators made, which are few among all',
  ],
  [
    /^DELETE FROM "public"."(?:artifacts|one_time_links)" WHERE \(?"public"."\w+"."tenant_id" = \$1(?: AND "public"."artifacts"."model" IN|$)/,
    'all of a tenant, when everything in it is ended',
  ],
];

/** What the consent page, `/account` and `/account/activity` read by few statements each. */
const expected = ['to_json(s) AS server', 'looked.user_id', 'to_json(newest)', 'json_object_agg(tool, last_at)', 'tool_count'];

/** Tests it with so many consents; `TEST_CONSENTS` says another number. */
export function testLargeLists(usualConsents: number): void {
  const consents = Number(process.env['TEST_CONSENTS'] ?? usualConsents);
  /** To make them takes a while. */
  const patienceMs = 300_000 + 2 * consents;
  let issuer: TestIssuer;
  let hosts: DocumentHost;
  let owner: Client;
  let person: TestPerson;
  let server: TestServer;

  beforeAll(async () => {
    hosts = await startDocumentHost();
    issuer = await startIssuer({ strangers: hosts.fetch });
    [person, server] = [await issuer.addPerson(), await issuer.addServer()];
    owner = new Client({ connectionString: issuer.database.ownerUrl });
    await owner.connect();
    await fillDatabase(owner, { tenantId: issuer.tenant.id, person, server, consents });
  }, patienceMs);
  afterAll(async () => {
    jest.restoreAllMocks();
    await owner?.end();
    await issuer?.stop();
    await hosts?.close();
  });

  const idsOn = (html: string) => [...html.matchAll(/\/account\/consents\/([\w-]+)"/g)].map(([, id]) => id as string);

  async function openAccount(): Promise<{ browser: Browser; text: string }> {
    const browser = new Browser(issuer.origin);
    const { text } = await signInOn(browser, await browser.get(`${issuer.url}/account`), person);
    return { browser, text };
  }

  describe('connected agents', () => {
    it('come by the page, newest first, each once, there and back, by links with names of their own', async () => {
      const { browser, text } = await openAccount();
      const pages = [text];
      for (let next = linkNamed(text, 'Older connected agents'); next; next = linkNamed(pages.at(-1) ?? '', 'Older connected agents')) {
        pages.push((await browser.get(next)).text);
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
        const sent = watchStatements(owner, (sql) => /\b(?:clients|servers|tools|consents|consent_versions|group_members)\b/.test(sql));
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
      const sent = watchStatements(owner);
      await passThroughFlows({ issuer, hosts, owner, person, server });
      jest.restoreAllMocks();
      const statements = distinctStatements(sent);
      for (const part of expected) expect({ part, isThere: statements.some((sql) => sql.includes(part)) }).toEqual({ part, isThere: true });
      for (const [statement, why] of exempt)
        expect({ why, isThere: statements.some((sql) => statement.test(sql)) }).toEqual({ why, isThere: true });
      const large = await findLargeTables(owner);
      const plans = [];
      for (const sql of statements) if (!exempt.some(([statement]) => statement.test(sql))) plans.push(await explainStatement(owner, sql));
      expect(plans.length).toBeGreaterThan(100);
      expect(plans.flatMap(({ sql, scanned }) => scanned.filter((table) => large.has(table)).map((table) => `${table}: ${sql}`))).toEqual(
        [],
      );
      // Else each batch of a client with many people sorts all that are left of them.
      const batches = plans.filter(({ sql }) => /^\s*SELECT id FROM consents\b.*\bORDER BY id LIMIT\b/s.test(sql));
      expect(batches.length).toBeGreaterThanOrEqual(3);
      expect(batches.filter(({ sorts }) => sorts)).toEqual([]);
    },
    patienceMs,
  );
}
