/** Clients that nobody has looked at yet may only read: at consent, in tokens on both ways, on the pages that change a consent. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { quarantineClient, unverifyClient, verifyClient } from '../../src/services/judge-client.ts';
import { prepareTokenRequest, settlePreparedRequest } from '../../src/services/prepare-token-request.ts';
import { query } from '../support/database-holder.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import {
  type AuthorizeOptions,
  authorizationUrl,
  claimsOf,
  connect,
  isActive,
  newPkce,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { answerConsent, Browser, readForms, signInOn } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterEach(() => issuer.set({ quarantine: 'off' }));
afterAll(() => issuer.stop());

const operator = { actorType: 'operator' } as const;
const all = ['list_issues', 'create_issue', 'delete_issue'];
const wide = 'tool:create_issue tool:delete_issue tool:list_issues';

const connectWidely = (client: TestClient, options: Partial<AuthorizeOptions> = {}) =>
  connect(issuer, { client, person, server, decision: { tools: all }, ...options });
const about = (client: TestClient) => ({ clientId: client.clientId as ClientId, origin: operator });
const verify = (client: TestClient) => verifyClient(issuer.runtime, issuer.tenant, about(client));
const quarantine = (client: TestClient, seconds?: number) =>
  quarantineClient(issuer.runtime, issuer.tenant, { ...about(client), ...(seconds !== undefined && { seconds }) });

async function scopeAfterRefresh(client: TestClient, tokens: Tokens): Promise<{ scope: string; tokens: Tokens }> {
  const response = await refresh(issuer, client, tokens.refresh_token);
  if (response.status !== 200) throw new Error(response.text);
  const next = response.json<Tokens>();
  return { scope: next.scope, tokens: next };
}

/** The consent page that a client's person sees. */
async function consentPage(client: TestClient): Promise<{ browser: Browser; page: Awaited<ReturnType<Browser['get']>> }> {
  const browser = new Browser(issuer.origin);
  const url = authorizationUrl(issuer, client, { code_challenge: newPkce().challenge, resource: server.resource });
  const page = await signInOn(browser, await browser.follow(await browser.get(url)), person);
  return { browser, page };
}

describe('a new client in quarantine', () => {
  it('MCP-17: shows all tools, and lets only those be ticked that read; the page says why', async () => {
    await issuer.set({ quarantine: 'until-verified' });
    const { page } = await consentPage(await registerTestClient(issuer));
    const boxes = [...page.text.matchAll(/<input class="tool [^>]*>/g)].map(([box]) => box);
    expect(boxes.map((box) => [/value="([^"]+)"/.exec(box)?.[1], / disabled\b/.test(box), / checked\b/.test(box)])).toEqual([
      ['list_issues', false, true],
      ['create_issue', true, false],
      ['delete_issue', true, false],
    ]);
    expect(page.text).toContain('may only read for now');
  });

  it('ABUSE-38: gets nothing more by a form that ticks what could not be ticked', async () => {
    await issuer.set({ quarantine: 'until-verified' });
    const tokens = await connectWidely(await registerTestClient(issuer));
    expect(tokens.scope).toBe('tool:list_issues');
  });

  it('is told when it begins while the page is open', async () => {
    const client = await registerTestClient(issuer);
    const { browser, page } = await consentPage(client);
    await quarantine(client);
    const answered = await answerConsent(browser, page, { tools: all });
    expect(answered.status).toBe(200);
    expect(answered.text).toContain('Something changed while this page was open');
  });

  it('clients made or verified by an administrator are not concerned', async () => {
    await issuer.set({ quarantine: 'until-verified' });
    const client = await registerTestClient(issuer);
    await verify(client);
    expect((await connectWidely(client)).scope).toBe(wide);
  });

  it('ends so long after the client was first seen as the setting says', async () => {
    await issuer.set({ quarantine: '7d' });
    const client = await registerTestClient(issuer);
    expect((await connectWidely(client)).scope).toBe('tool:list_issues');
    const time = moveTime();
    time.forward(7 * 86_400 + 1);
    try {
      expect((await connectWidely(client)).scope).toBe(wide);
    } finally {
      time.restore();
    }
  });
});

describe('a client that people have allowed more already', () => {
  it('ABUSE-61: its tokens end when the setting begins, come back narrower with the reason, and wider when it is verified', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client);
    expect(tokens.scope).toBe(wide);
    await issuer.set({ quarantine: 'until-verified' });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);

    const narrow = await scopeAfterRefresh(client, tokens);
    expect(narrow.scope).toBe('tool:list_issues');
    expect(await isActive(issuer, server, narrow.tokens.access_token)).toBe(true);
    const [event] = await query(
      issuer.database.ownerUrl,
      `SELECT detail FROM audit_events WHERE type = 'token.issued' AND client_id = '${client.clientId}' ORDER BY at DESC LIMIT 1`,
    );
    expect(event?.['detail']).toMatchObject({
      tools: 1,
      leftOut: {
        count: 2,
        tools: [
          { name: 'create_issue', reason: 'client-in-quarantine' },
          { name: 'delete_issue', reason: 'client-in-quarantine' },
        ],
      },
    });

    await verify(client);
    expect(await isActive(issuer, server, narrow.tokens.access_token)).toBe(false);
    const again = await scopeAfterRefresh(client, narrow.tokens);
    expect(again.scope).toBe(wide);
    await unverifyClient(issuer.runtime, issuer.tenant, about(client));
    expect((await scopeAfterRefresh(client, again.tokens)).scope).toBe('tool:list_issues');
  });

  it('is put there by hand, for a while: wider tokens arrive at a refresh when it is over', async () => {
    const client = await registerTestClient(issuer);
    await verify(client);
    const tokens = await connectWidely(client);
    await quarantine(client, 3_600);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    const narrow = await scopeAfterRefresh(client, tokens);
    expect(narrow.scope).toBe('tool:list_issues');
    const time = moveTime();
    time.forward(3_601);
    try {
      expect((await scopeAfterRefresh(client, narrow.tokens)).scope).toBe(wide);
    } finally {
      time.restore();
    }
  });

  it('ABUSE-84: the short way writes nothing when the quarantine began after it had read, whether an index stood or not', async () => {
    for (const takesIndex of [false, true]) {
      const client = await registerTestClient(issuer);
      const tokens = await connectWidely(client);
      // An index that is gone is taken anew by the next token.
      if (takesIndex) await verify(client);
      const presented = { model: 'RefreshToken' as const, digest: sha256(tokens.refresh_token) };
      const prepared = await prepareTokenRequest(issuer.runtime, issuer.tenant, presented);
      if (!prepared) throw new Error('the request was not plain');
      expect(prepared.newStatus !== undefined).toBe(takesIndex);
      await quarantine(client);
      expect(await settlePreparedRequest(issuer.runtime, issuer.tenant, { prepared, origin: { actorType: 'client' } })).toBe(false);
      const next = await prepareTokenRequest(issuer.runtime, issuer.tenant, presented);
      expect(next?.access.scope).toBe('tool:list_issues');
    }
  });

  it('the long way sees it too', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client);
    await quarantine(client);
    const first = await refresh(issuer, client, tokens.refresh_token);
    // A repeat inside the grace window never goes the short way.
    const repeat = await refresh(issuer, client, tokens.refresh_token);
    expect([first.json<Tokens>().scope, repeat.json<Tokens>().scope]).toEqual(['tool:list_issues', 'tool:list_issues']);
  });

  it('keeps what stands when its person changes or widens her consent meanwhile, and gets nothing new', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client, { decision: { tools: ['list_issues', 'create_issue'] } });
    await quarantine(client);
    const consentId = String(claimsOf(tokens.access_token).consent);
    const { browser } = tokens;
    const account = await browser.get(`${issuer.url}/account`);
    expect(account.text).toContain('the agent may only read for now');
    for (const path of [`/account/consents/${consentId}`, `/widen?consent=${consentId}&tool=delete_issue`]) {
      const page = await browser.get(`${issuer.url}${path}`);
      const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
      const box = (name: string) => new RegExp(`<input class="tool [^>]*value="${name}"[^>]*>`).exec(page.text)?.[0] ?? '';
      expect(box('create_issue')).toMatch(/ checked/);
      expect(box('create_issue')).not.toMatch(/ disabled/);
      expect(box('delete_issue')).toMatch(/ disabled/);
      const ticks = all.map((tool): [string, string] => ['tool', tool]);
      const pressed = path.startsWith('/widen') ? 'allow' : 'save';
      await browser.post(form?.action ?? '', [...(form?.fields ?? []), ...ticks, ['do', pressed]]);
    }
    await verify(client);
    expect((await scopeAfterRefresh(client, tokens)).scope).toBe('tool:create_issue tool:list_issues');
  });
});

describe('a verification', () => {
  it.each([
    ['its name', { client_name: 'Claude' }, true],
    ['where its answers go', { redirect_uris: ['http://127.0.0.1:9/callback', 'https://elsewhere.example/cb'] }, true],
    ['nothing that was checked', { client_uri: 'https://agent.example' }, false],
  ])('is over when the client changes %s', async (_, change, isOver) => {
    const client = await registerTestClient(issuer);
    await verify(client);
    const {
      registration_access_token: _token,
      registration_client_uri: _uri,
      client_id_issued_at: _at,
      ...registered
    } = client.registration;
    const response = await issuer.send({
      method: 'PUT',
      path: `/register/${client.clientId}`,
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${client.managementToken}` },
      body: JSON.stringify({ ...registered, ...change }),
    });
    expect(response.status).toBe(200);
    const [row] = await query(issuer.database.ownerUrl, `SELECT verified_at FROM clients WHERE id = '${client.clientId}'`);
    expect(row?.['verified_at'] === null).toBe(isOver);
  });
});
