import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createVerifier } from '../../src/resource-server/index.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { fetchFrom } from '../support/issuer-fetch.ts';
import { authorize, basic, claimsOf, connect, postForm, refresh, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { Browser, readForms, signInOn } from '../support/person.ts';

const url = 'http://localhost:4998/base/deep';
let issuer: TestIssuer;
/** The same, for what names its paths below the issuer. */
let below: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer({ issuer: url });
  below = { ...issuer, send: (request) => issuer.send({ ...request, path: `/base/deep${request.path}` }) };
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(below);
});
afterAll(() => issuer.stop());

describe('an issuer with a path', () => {
  it.each([
    '/.well-known/oauth-authorization-server/base/deep',
    '/.well-known/openid-configuration/base/deep',
    '/base/deep/.well-known/openid-configuration',
    '/base/deep/.well-known/oauth-authorization-server',
  ])('MCP-2, MCP-3, MCP-4, ENG-21: answers directly at %s, and names itself to the character', async (path) => {
    const response = await issuer.send({ path });
    expect(response.status).toBe(200);
    const metadata = response.json();
    expect(metadata.issuer).toBe(url);
    for (const [name, value] of Object.entries(metadata)) {
      if (/_endpoint$|_uri$/.test(name)) expect([name, String(value).startsWith(`${url}/`)]).toEqual([name, true]);
    }
    const preflight = await issuer.send({ method: 'OPTIONS', path, headers: { Origin: 'https://anywhere.example' } });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe('*');
  });

  it.each([
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/base',
    '/.well-known/oauth-authorization-server/base/deep/',
    '/.well-known/oauth-authorization-server/base/deeper',
    '/.well-known/oauth-authorization-server//base/deep',
    '/.well-known/oauth-authorization-server/BASE/deep',
    '/.well-known/jwks/base/deep',
    '/jwks',
    '/base/jwks',
    '/base/deeper/jwks',
    '/base/deep//jwks',
    '/base/deep/../deep/jwks',
    '/base%2Fdeep/jwks',
    '/token',
    '/account',
    '/',
  ])('ABUSE-58: is not found at %s', async (path) => {
    expect((await issuer.send({ path })).status).toBe(404);
  });

  it('MCP-3: serves every endpoint that its metadata names, and its own URL', async () => {
    const metadata = (await issuer.send({ path: '/.well-known/oauth-authorization-server/base/deep' })).json();
    const named = Object.entries(metadata).flatMap(([name, value]) => (/_endpoint$|_uri$/.test(name) ? [String(value)] : []));
    expect(named.length).toBeGreaterThanOrEqual(7);
    for (const address of [...named, url, `${url}/`, `${url}/account`, `${url}/status/0`, `${url}/healthz`, `${url}/readyz`]) {
      const { status } = await issuer.send({ path: new URL(address).pathname });
      expect([address, status]).not.toEqual([address, 404]);
    }
  });

  it('MCP-4, MCP-6, ABUSE-23, ABUSE-58: takes a person through sign-in and consent, and every URL on the way is its own', async () => {
    const browser = new Browser(issuer.origin);
    const authorized = await authorize(issuer, { client, person, server, browser });
    expect(authorized.location.searchParams.getAll('iss')).toEqual([url]);
    for (const { path } of browser.cookies.values()) expect(path === '/' || path.startsWith('/base/deep/')).toBe(true);
    const tokens = await connect(below, { client, person, server });
    const claims = claimsOf(tokens.access_token);
    expect(claims).toMatchObject({ iss: url, status: { status_list: { uri: `${url}/status/0` } } });
    expect((await refresh(below, client, tokens.refresh_token)).status).toBe(200);
    const denied = await authorize(issuer, { client, person, server, decision: { deny: true } });
    expect(denied.location.searchParams.get('error')).toBe('access_denied');
    expect(denied.location.searchParams.getAll('iss')).toEqual([url]);
  });

  it('MCP-35: its tokens are checked by the library, which finds metadata, keys and status list by the issuer alone', async () => {
    const tokens = await connect(below, { client, person, server, decision: { tools: ['list_issues'] } });
    const credential = { id: server.serverId, secret: server.credential };
    const verifier = createVerifier({ issuer: url, resource: server.resource, credential, fetch: fetchFrom(issuer) });
    expect((await verifier.verify(`Bearer ${tokens.access_token}`)).allows('list_issues')).toBe(true);
    const asking = createVerifier({
      issuer: url,
      resource: server.resource,
      credential,
      introspection: 'always',
      fetch: fetchFrom(issuer),
    });
    expect((await asking.verify(`Bearer ${tokens.access_token}`)).allows('create_issue')).toBe(false);
    await postForm(below, '/revoke', { client_id: client.clientId, token: tokens.refresh_token });
    await expect(asking.verify(`Bearer ${tokens.access_token}`)).rejects.toMatchObject({ code: 'invalid_token' });
  });

  it('MCP-25, ENG-32: names itself as the realm', async () => {
    const response = await postForm(below, '/introspect', { token: 'x' }, basic(server.serverId, 'wrong'));
    expect(response.status).toBe(401);
    expect(response.headers['www-authenticate']).toContain(url);
  });

  it('shows a person her pages: sign-in, account, change, revoke, password, sign-out, with no link that leads out', async () => {
    await connect(below, { client, person, server });
    const browser = new Browser(issuer.origin);
    const login = await browser.get(`${url}/account`);
    const account = await signInOn(browser, login, person);
    expect(account.text).toContain('Connected agents');
    const change = /href="([^"]+\/account\/consents\/[^"/]+)"/.exec(account.text)?.[1] ?? '';
    const pages = [change, `${change}/revoke`, `${url}/account/password`, `${url}/account/sign-out`, `${url}/logout`, `${url}/nothing`];
    for (const address of pages) {
      const page = await browser.get(address);
      expect([address, page.status]).toEqual([address, address.endsWith('nothing') ? 404 : 200]);
      const addresses = [...page.text.matchAll(/(?:href|action|formaction|src)="([^"#]+)/g)].map(([, target]) => target ?? '');
      expect(addresses.length).toBeGreaterThan(0);
      for (const target of addresses) expect([address, target.startsWith(url)]).toEqual([address, true]);
    }
    const [form] = readForms((await browser.get(`${change}/revoke`)).text);
    const revoked = await browser.post(form?.action ?? '', form?.fields ?? []);
    expect(revoked.status).toBe(303);
    expect(revoked.headers.location).toMatch(new RegExp(`^${url}/account\\?done=revoked`));
    const out = readForms((await browser.get(`${url}/logout`)).text).find(({ fields }) => fields.some(([name]) => name === 'xsrf'));
    const signedOut = await browser.post(out?.action ?? '', [...(out?.fields ?? []), ['logout', 'yes']]);
    expect(signedOut.status).toBe(303);
    expect(signedOut.headers.location).toBe(`${url}/logout/success`);
    expect((await browser.get(signedOut.headers.location ?? '')).status).toBe(200);
  });
});
