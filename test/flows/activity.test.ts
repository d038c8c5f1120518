/** “What your agents did”, on the pages of the person. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { blockClient } from '../../src/services/block-client.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { makeApiKey } from '../support/machine.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { connect, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { type Browser, signedIn } from '../support/person.ts';
import { postReports, type ReportsAnswer, reportOf } from '../support/tool-reports.ts';

let issuer: TestIssuer;
let server: TestServer;
/** It is noon, whenever this runs: no day ends on the way. */
let noon: MovedTime;

beforeAll(async () => {
  noon = moveTime();
  noon.forward((129_600 - ((Date.now() / 1_000) % 86_400)) % 86_400);
  issuer = await startIssuer();
  server = await issuer.addServer();
});
afterAll(async () => {
  await issuer.stop();
  noon.restore();
});

type Connected = Awaited<ReturnType<typeof connect>>;

/** A person with an agent of this name that she let in, signed in. */
async function setUp(name = 'Claude'): Promise<{ person: TestPerson; client: TestClient; token: Connected; browser: Browser }> {
  const person = await issuer.addPerson();
  const client = await registerTestClient(issuer, { client_name: name });
  const token = await connect(issuer, { client, person, server });
  return { person, client, token, browser: await signedIn(issuer, person) };
}

async function report(reports: readonly Record<string, unknown>[], from: TestServer = server): Promise<void> {
  expect((await postReports(issuer, from, reports)).json<ReportsAnswer>()).toMatchObject({ accepted: reports.length, refused: [] });
}

const times = (count: number, make: () => Record<string, unknown>) => Array.from({ length: count }, make);

/** The section, as it is read: without markup, and with single spaces. */
function readable(page: RawResponse): string {
  expect(page.status).toBe(200);
  const main = /<main[\s\S]*<\/main>/.exec(page.text)?.[0] ?? '';
  const from = main.indexOf('What your agents did');
  const text = main.slice(from).split('<h2>Your account')[0] ?? '';
  return text
    .replaceAll(/<svg[\s\S]*?<\/svg>/g, '')
    .replaceAll(/<[^>]+>/g, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('&#39;', "'");
}

const today = () =>
  new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' }).format(new Date());

describe('what agents did', () => {
  it('nothing yet: says what will stand here', async () => {
    const { browser } = await setUp();
    expect(readable(await browser.get('/account'))).toContain('Nothing yet. When an agent uses a tool, it stands here');
    expect(readable(await browser.get('/account/activity'))).toContain('Nothing yet.');
  });

  it('is said in sentences: by agent, server, tool and day; with what failed, what was refused, and who says so', async () => {
    const { token, browser } = await setUp();
    await issuer.runtime.store.tool.updateMany({
      where: { serverId: server.serverId, name: 'list_issues' },
      data: { title: 'List issues' },
    });
    await report([
      ...times(14, () => reportOf(token)),
      reportOf(token, { tool: 'create_issue' }),
      reportOf(token, { tool: 'create_issue', outcome: 'failure', error: 'tool' }),
      ...times(3, () => reportOf(token, { tool: 'delete_issue', outcome: 'denied' })),
      reportOf(token, { tool: 'drop_tables', outcome: 'denied' }),
      reportOf(token, { tool: 'delete_issue', outcome: 'begun' }),
    ]);
    for (const path of ['/account', '/account/activity']) {
      const text = readable(await browser.get(path));
      expect(text).toContain(`Today, ${today()}`);
      expect(text).toContain(
        'Claude not verified read (List issues 14 times) and changed something (create_issue twice) on Tracker. One of these calls failed.',
      );
      expect(text).toContain('Refused: delete_issue 3 times (why? “delete_issue”) and something that it does not have once.');
      expect(text).toMatch(/Reported by Tracker, last at \d\d:\d\d UTC/);
    }
    await report([reportOf(token, { at: new Date(Date.now() - 23 * 3_600_000).toISOString() })]);
    expect(readable(await browser.get('/account'))).toContain('Yesterday, ');
  });

  it('leads from what was refused to why, and to where it can be allowed, as long as the agent may do anything', async () => {
    const { client, token, browser } = await setUp();
    await report([reportOf(token, { tool: 'delete_issue', outcome: 'denied' }), reportOf(token, { tool: 'gone', outcome: 'denied' })]);
    const linksOn = ({ text }: RawResponse) => [...text.matchAll(/href="([^"]*\/widen[^"]*)"/g)].map(([, href = '']) => href);
    const [link = '', ...more] = linksOn(await browser.get('/account/activity'));
    expect(more).toEqual([]);
    const page = await browser.get(link.replaceAll('&amp;', '&').slice(issuer.url.length));
    expect(page.text).toContain('“delete_issue” is refused, because you have not allowed it.');
    expect(page.text).toContain('Opening this page has changed nothing.');
    await blockClient(issuer.runtime, issuer.tenant, { clientId: client.clientId as ClientId, origin: { actorType: 'operator' } });
    expect(linksOn(await browser.get('/account/activity'))).toEqual([]);
  });

  it('names six tools and counts the others', async () => {
    const many = await issuer.addServer(
      Array.from({ length: 9 }, (_, index) => ({
        name: `tool_${index}`,
        position: index,
        annotations: { readOnlyHint: true },
        inputSchema: { type: 'object' },
        digest: `digest-${index}`,
        risk: 'read' as const,
        openWorld: false,
        firstSeenAt: new Date(),
      })),
    );
    const { person, client, browser } = await setUp();
    const token = await connect(issuer, { client, person, server: many });
    await report(
      Array.from({ length: 9 }, (_, index) => reportOf(token, { tool: `tool_${index}` })),
      many,
    );
    expect(readable(await browser.get('/account'))).toMatch(
      /read \(tool_0 once, tool_1 once, .*tool_5 once\) and used 3 more tools on Tracker\./,
    );
  });

  it('is the person’s own alone', async () => {
    const { token } = await setUp('Private agent');
    await report([reportOf(token)]);
    const other = await setUp();
    for (const path of ['/account', '/account/activity', `/account/activity?agent=${token.access_token}`]) {
      expect((await other.browser.get(path)).text).not.toContain('Private agent');
    }
  });

  it('ABUSE-67: another tenant’s person sees nothing of it', async () => {
    const { token } = await setUp('Agent at home');
    await report([reportOf(token)]);
    const away = await issuer.addTenant('elsewhere');
    const browser = await signedIn(away, await away.addPerson());
    expect((await browser.get(`${away.url}/account/activity`)).text).not.toContain('Agent at home');
  });

  it('what a person’s own API key did stands there by the key’s name', async () => {
    const { person, browser } = await setUp();
    const key = await makeApiKey(issuer, { server, tools: ['list_issues'], owner: { userId: person.userId }, name: 'Nightly report' });
    const about = { subject: person.userId, client: key.id, consent: undefined, status: undefined };
    await report([{ ...reportOf((await setUp()).token), ...about }]);
    expect(readable(await browser.get('/account'))).toMatch(/Your API key Nightly report read \(List issues once\) on Tracker\./);
    const alone = await browser.get(`/account/activity?agent=${key.id}`);
    expect(readable(alone)).toContain('Your API key');
    expect(alone.text).toContain('aria-current="page"><bdi>API key Nightly report</bdi>');
    expect((await browser.get('/account')).text).toContain(`/account/activity?agent=${key.id}"`);
    await issuer.runtime.store.apiKey.deleteMany({ where: { userId: person.userId } });
    expect(readable(await browser.get('/account/activity'))).toContain('An API key that was removed used list_issues once on a server.');
  });

  it('stays when the agent is blocked, or gone', async () => {
    const { token, client, browser } = await setUp('Short-lived agent');
    await report([reportOf(token)]);
    await blockClient(issuer.runtime, issuer.tenant, { clientId: client.clientId as ClientId, origin: { actorType: 'operator' } });
    expect(readable(await browser.get('/account'))).toContain('Short-lived agent');
    await issuer.runtime.store.client.delete({ where: { tenantId_id: { tenantId: issuer.tenant.id, id: client.clientId } } });
    const text = readable(await browser.get('/account/activity'));
    expect(text).toContain('An agent that was removed used list_issues once on a server.');
    expect(text).toContain('Reported by the server');
  });

  it('ABUSE-73: hostile names are text, with nothing hidden in them', async () => {
    const { token, browser } = await setUp('<script>alert(1)</script>');
    const hostile = '\u001b[31m<img src=x onerror=alert(1)>\r\n\u202egnp.exe';
    await issuer.runtime.store.tool.updateMany({ where: { serverId: server.serverId, name: 'create_issue' }, data: { title: hostile } });
    await report([reportOf(token, { tool: 'create_issue' }), reportOf(token, { tool: hostile, outcome: 'denied' })]);
    for (const path of ['/account', '/account/activity']) {
      const { text } = await browser.get(path);
      for (const hidden of ['<script', '<img', '\u001b', '\u202e']) expect(text).not.toContain(hidden);
      expect(text).toContain('[U+001B][31m&lt;img src=x onerror=alert(1)&gt; [U+202E]gnp.exe');
    }
    await issuer.runtime.store.tool.updateMany({ where: { serverId: server.serverId, name: 'create_issue' }, data: { title: null } });
  });
});

describe('new since the last visit', () => {
  it('is marked: not at the first visit, and for as long as a visit lasts', async () => {
    const { token, browser } = await setUp();
    const time = moveTime();
    try {
      await report([reportOf(token)]);
      expect((await browser.get('/account')).text).not.toContain('tag--new');
      time.forward(3_600);
      // Nothing happened meanwhile.
      expect((await browser.get('/account')).text).not.toContain('tag--new');
      time.forward(3_600);
      await report([reportOf(token, { at: new Date().toISOString() })]);
      time.forward(60);
      for (const path of ['/account', '/account/activity', '/account']) {
        const page = await browser.get(path);
        expect(page.text).toContain('<span class="tag tag--new">new</span>');
        expect(readable(page)).toContain('Marked as new: what they did since your last visit');
        time.forward(600);
      }
      time.forward(3_600);
      expect((await browser.get('/account')).text).not.toContain('tag--new');
    } finally {
      time.restore();
    }
  });
});

describe('looking through it', () => {
  /** Twenty-five days, of two agents in turn. */
  async function fill() {
    const { person, client, token, browser } = await setUp('First agent');
    const second = await registerTestClient(issuer, { client_name: 'Second agent' });
    const other = await connect(issuer, { client: second, person, server });
    const consents = await issuer.runtime.store.consent.findMany({ where: { userId: person.userId } });
    const [one, two] = [client.clientId, second.clientId].map((id) => consents.find(({ clientId }) => clientId === id)?.id ?? '');
    await issuer.runtime.store.toolUse.createMany({
      data: Array.from({ length: 50 }, (_, index) => ({
        tenantId: issuer.tenant.id,
        userId: person.userId,
        day: new Date(Date.UTC(2026, 0, 1 + Math.floor(index / 2))),
        consentId: (index % 2 ? two : one) ?? '',
        tool: 'list_issues',
        assurance: 'reported',
        calls: index + 3,
        lastAt: new Date(Date.UTC(2026, 0, 1 + Math.floor(index / 2), 12)),
      })),
    });
    return { browser, client, second, token, other };
  }

  const counts = (page: RawResponse) => [...readable(page).matchAll(/read \(List issues (\d+) times/g)].map(([, count]) => Number(count));
  const linkOf = (page: RawResponse, label: string) =>
    new RegExp(`<a href="([^"]+)"[^>]*>(?:<bdi>)?${label}`).exec(page.text)?.[1]?.replaceAll('&amp;', '&');

  it('page by page, each once, and one agent’s alone', async () => {
    const { browser, second } = await fill();
    const seen: number[] = [];
    let page = await browser.get('/account/activity');
    for (;;) {
      seen.push(...counts(page));
      const older = linkOf(page, 'Older');
      if (older === undefined) break;
      page = await browser.get(older);
    }
    // Of one day, what happened last comes first; here all happened at noon, so the order among the two is open.
    expect(seen.toSorted((a, b) => b - a)).toEqual(Array.from({ length: 50 }, (_, index) => 52 - index));
    expect(linkOf(page, 'Latest')).toBe(`${issuer.url}/account/activity`);

    const first = await browser.get('/account/activity');
    const chosen = await browser.get(linkOf(first, 'Second agent') ?? '');
    expect(chosen.text).toContain(
      `<a href="${issuer.url}/account/activity?agent=${second.clientId}" aria-current="page"><bdi>Second agent</bdi></a>`,
    );
    expect(counts(chosen)).toEqual(Array.from({ length: 20 }, (_, index) => 52 - 2 * index));
    expect(counts(await browser.get(linkOf(chosen, 'Older') ?? ''))).toEqual([12, 10, 8, 6, 4]);
    expect(readable(await browser.get(`${linkOf(first, 'All agents')}?after=2020-01-01.cns_x`))).toContain('There is nothing older.');
  });

  it.each([
    'after=x',
    'after=2026-13-45.cns_x',
    'after=9999-99-99.cns_x',
    'agent=nobody',
    'agent=a&agent=b',
    "after=2026-01-01.cns_'--",
    'after=%00',
  ])('ABUSE-65: an address with %s shows the first page', async (query) => {
    const { browser } = await setUp();
    expect(readable(await browser.get(`/account/activity?${query}`))).toContain('Nothing yet.');
  });
});
