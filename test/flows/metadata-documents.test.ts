/** Clients whose id is the URL of a document about them (CIMD), from the first request to the refresh. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomToken } from '../../src/platform/random.ts';
import { createAttemptLimits } from '../../src/services/limit-attempts.ts';
import { removeClient } from '../../src/services/remove-client.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { poolOf } from '../../src/store/client.ts';
import { createRateCounters } from '../../src/store/rate-limits.ts';
import { query } from '../support/database-holder.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { authorizationUrl, authorize, claimsOf, connect, isActive, newPkce, refresh } from '../support/oauth-client.ts';
import { Browser, decide } from '../support/person.ts';
import { type AskingClient, nextNumber, publishClient, requestOf, visit } from '../support/published-client.ts';

let host: DocumentHost;
let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let time: MovedTime;

beforeAll(async () => {
  host = await startDocumentHost();
  issuer = await startIssuer({ strangers: host.fetch });
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(async () => {
  await issuer.stop();
  await host.close();
});
beforeEach(() => {
  time = moveTime();
});
afterEach(() => time.restore());

const publish = (members?: Record<string, unknown>, options?: { id?: string }) => publishClient(host, members, options);
const urlFor = (client: AskingClient) => requestOf(issuer, client, server);
const pageAt = (browser: Browser, client: AskingClient) => visit(browser, urlFor(client));

describe('MCP-28, MCP-29: a client that is a document', () => {
  it('comes without registration, is decided about, gets tokens and refreshes them; its document is fetched once', async () => {
    const { client, fetches } = publish();
    const tokens = await connect(issuer, { client, person, server, scope: 'tools' });
    expect(claimsOf(tokens.access_token)).toMatchObject({ client_id: client.clientId, aud: server.resource });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    const refreshed = await refresh(issuer, client, tokens.refresh_token);
    expect(refreshed.status).toBe(200);
    expect(fetches()).toBe(1);
    const events = await listAuditEvents(issuer.runtime.store, issuer.tenant.id, 500);
    expect(events.filter(({ type, clientId }) => type === 'client.registered' && clientId === client.clientId)).toHaveLength(1);
  });

  it('may have an id of 2 KiB, which all that is kept about it can hold', async () => {
    const noise = randomToken(1_600).slice(0, 2_048 - `https://agent-${nextNumber()}.example/`.length);
    const { client } = publish({ client_name: 'Long' }, { id: `/${noise}` });
    expect(client.clientId).toHaveLength(2_048);
    const tokens = await connect(issuer, { client, person, server });
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
    const account = await tokens.browser.get(`${issuer.url}/account`);
    expect(account.text).toContain('Long');
  });

  it('MCP-30: may use any port of a loopback redirect URI without one, whatever its application type', async () => {
    const { client } = publish({ redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'] });
    for (const redirectUri of ['http://localhost:53211/callback', 'http://127.0.0.1:8/callback']) {
      const { location } = await authorize(issuer, { client: { ...client, redirectUri }, person, server });
      expect(location.href).toContain(`${redirectUri}?code=`);
    }
    const elsewhere = await pageAt(new Browser(issuer.origin), { ...client, redirectUri: 'http://localhost:53211/other' });
    expect(elsewhere.status).toBe(400);
  });

  it('is asked for again at no token request, and its host may be down for as long as it likes', async () => {
    const { client, fetches, fail } = publish();
    let { refresh_token: token } = await connect(issuer, { client, person, server });
    fail();
    for (let days = 0; days < 20; days += 10) {
      time.forward(10 * 86_400);
      const refreshed = await refresh(issuer, client, token);
      expect(refreshed.status).toBe(200);
      token = refreshed.json<{ refresh_token: string }>().refresh_token;
    }
    expect(fetches()).toBe(1);
  });

  it('goes on by the last good copy when its document is refused to us', async () => {
    const { client, fail } = publish();
    await connect(issuer, { client, person, server });
    fail(403);
    time.forward(7 * 86_400);
    const tokens = await connect(issuer, { client, person, server });
    expect(tokens.access_token).toBeDefined();
  });

  it('is not asked about again by people who decided about it, when its redirect is its own', async () => {
    const { client } = publish();
    const { browser } = await connect(issuer, { client, person, server });
    const again = await pageAt(browser, client);
    expect(again.headers.location).toContain(`${client.redirectUri}?code=`);
  });
});

describe('MCP-11: a document that cannot be had', () => {
  it('is a page that says what was asked, what was wrong, and what to do; nothing is redirected, and the log has the detail', async () => {
    const client = { clientId: 'https://absent.example/client.json', redirectUri: 'https://evil.example/cb' };
    const page = await pageAt(new Browser(issuer.origin), client);
    expect(page.status).toBe(400);
    expect(page.headers.location).toBeUndefined();
    expect(page.text).toContain('invalid_client');
    expect(page.text).toContain('absent.example');
    expect(page.text).toContain('it answered with the status 404');
    const requestId = page.headers['x-request-id'];
    const line = issuer.log
      .map((text) => JSON.parse(text))
      .find((entry) => entry.requestId === requestId && entry.error === 'invalid_client');
    expect(line).toMatchObject({ clientId: client.clientId, reason: expect.stringContaining('status 404') });
    const json = await issuer.send({
      path: new URL(urlFor(client)).pathname + new URL(urlFor(client)).search,
      headers: { Accept: 'application/json' },
    });
    expect([json.status, json.json().error]).toEqual([400, 'invalid_client']);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another client_id', { client_id: 'https://other.example/client.json' }, 'client_id must be the very URL'],
    ['a secret', { client_secret: 'x' }, 'must not have a client_secret'],
    ['no name', { client_name: '' }, 'client_name must be there'],
    ['a bad redirect', { redirect_uris: ['http://evil.example/cb'] }, 'redirect_uris[0] is plain http'],
  ])('ABUSE-15: because it has %s is named', async (_what, members, reason) => {
    const { client } = publish(members);
    const page = await pageAt(new Browser(issuer.origin), client);
    expect(page.status).toBe(400);
    expect(page.text).toContain(reason);
    expect(await query(issuer.database.ownerUrl, `SELECT 1 FROM clients WHERE id = '${client.clientId}'`)).toEqual([]);
  });

  it('ABUSE-14: a bad URL is refused without a fetch, and the rule is named', async () => {
    const before = host.requests.length;
    for (const [clientId, rule] of [
      ['http://agent.example/client.json', 'must begin with https'],
      ['https://agent.example', 'must have a path'],
      ['https://agent.example/%2e%2e/client.json', 'segments'],
      ['https://127.0.0.1/client.json', 'no address'],
      [`https://agent.example/${'a'.repeat(2_100)}`, 'at most 2048'],
    ] as const) {
      const page = await pageAt(new Browser(issuer.origin), { clientId, redirectUri: 'https://agent.example/cb' });
      expect([page.status, page.headers.location]).toEqual([400, undefined]);
      expect(page.text).toContain(rule);
    }
    expect(host.requests.length).toBe(before);
  });

  it('at the other endpoints is an unknown client, and causes no fetch', async () => {
    const { client, fetches } = publish();
    const answer = await refresh(issuer, client, 'token');
    expect([answer.status, answer.json().error]).toEqual([401, 'invalid_client']);
    expect(fetches()).toBe(0);
  });
});

describe('MCP-7: what a tenant accepts', () => {
  const metadataOf = async (at: TestIssuer) =>
    (await at.send({ path: '/.well-known/oauth-authorization-server' })).json<Record<string, unknown>>();

  it('is in its metadata exactly when it is so', async () => {
    const tenant = await issuer.addTenant('lists');
    const itsServer = await tenant.addServer();
    const { client } = publish();
    const ask = () =>
      new Browser(issuer.origin).get(
        authorizationUrl(tenant, client, { code_challenge: newPkce().challenge, resource: itsServer.resource }),
      );
    const isAccepted = async () => (await ask()).status === 303;
    const host = new URL(client.clientId).hostname;
    expect((await metadataOf(tenant)).client_id_metadata_document_supported).toBe(true);
    expect((await metadataOf(tenant)).token_endpoint_auth_methods_supported).toEqual(expect.arrayContaining(['none', 'private_key_jwt']));
    expect(await isAccepted()).toBe(true);
    const settings: [Record<string, string>, boolean, boolean][] = [
      [{ 'metadata-documents': 'off' }, false, false],
      [{ 'metadata-documents': 'on', 'document-hosts': 'claude.ai' }, true, false],
      [{ 'document-hosts': `claude.ai,${host}` }, true, true],
      [{ 'document-hosts': '*.example' }, true, true],
      [{ 'denied-document-hosts': host }, true, false],
      [{ 'denied-document-hosts': '*.example' }, true, false],
      [{ 'denied-document-hosts': 'none', 'document-hosts': 'none' }, false, false],
      [{ 'document-hosts': '*' }, true, true],
    ];
    for (const [changed, isAdvertised, accepted] of settings) {
      await tenant.set(changed);
      expect([changed, 'client_id_metadata_document_supported' in (await metadataOf(tenant))]).toEqual([changed, isAdvertised]);
      expect([changed, await isAccepted()]).toEqual([changed, accepted]);
    }
    await tenant.set({ 'denied-document-hosts': host });
    expect((await ask()).text).toContain(`Agents from ${host} are not accepted here`);
  });
});

describe('those who introduce themselves', () => {
  it('ABUSE-10: are counted as registrations are, per address; known ones are not', async () => {
    const limited = await startIssuer({
      strangers: host.fetch,
      beside: issuer,
      app: { limits: createAttemptLimits(createRateCounters(poolOf(issuer.runtime.store))) },
    });
    try {
      const ask = (client: { clientId: string; redirectUri: string }) =>
        limited.send({ path: new URL(urlFor(client)).pathname + new URL(urlFor(client)).search });
      const known = publish().client;
      expect((await ask(known)).status).toBe(303);
      const statuses: number[] = [];
      for (let n = 0; n < 65; n += 1) statuses.push((await ask(publish().client)).status);
      expect(statuses.filter((status) => status === 303)).toHaveLength(59);
      expect(statuses.at(-1)).toBe(429);
      expect((await ask(known)).status).toBe(303);
    } finally {
      await limited.stop();
    }
  });

  it('and are removed begin anew, and blocked ones stay blocked without a fetch', async () => {
    const { client, fetches } = publish();
    const tokens = await connect(issuer, { client, person, server });
    await removeClient(issuer.runtime, issuer.tenant, { clientId: client.clientId as never, origin: { actorType: 'operator' } });
    expect((await refresh(issuer, client, tokens.refresh_token)).status).not.toBe(200);
    await connect(issuer, { client, person, server });
    await query(issuer.database.ownerUrl, `UPDATE clients SET blocked_at = now() WHERE id = '${client.clientId}'`);
    time.forward(86_401);
    const before = fetches();
    const location = await decide(new Browser(issuer.origin), urlFor(client), { person }).catch((error: unknown) => String(error));
    expect(String(location)).not.toContain('code=');
    expect(fetches()).toBe(before);
  });
});
