import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  authorize,
  connect,
  makeTestClient,
  newPkce,
  registerTestClient,
  type TestClient,
} from '../support/oauth-client.ts';
import { Browser, decide, readForms, signedIn } from '../support/person.ts';

type Client = Pick<TestClient, 'clientId' | 'redirectUri'>;
type Parameters = Record<string, string | readonly string[] | undefined>;

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let evil: Client;
let local: Client;
let app: Client;
let manual: Client;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  evil = await registerTestClient(issuer, { redirect_uris: ['https://evil.example/cb'] });
  local = await registerTestClient(issuer, { redirect_uris: ['http://127.0.0.1/callback'] });
  app = await registerTestClient(issuer, { redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'] });
  manual = await makeTestClient(issuer);
});
afterAll(() => issuer.stop());

function ask(client: Client, parameters: Parameters, browser = new Browser(issuer.origin)): Promise<RawResponse> {
  const all = { resource: server.resource, code_challenge: newPkce().challenge, state: 'st', ...parameters };
  return browser.get(authorizationUrl(issuer, client, all));
}

/** Where the page offers to go. */
function offered({ text }: RawResponse): string | undefined {
  return /<a class="button" href="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&');
}

function expectPage(response: RawResponse): void {
  expect(response.status).toBe(400);
  expect(response.headers.location).toBeUndefined();
  expect(response.headers.refresh).toBeUndefined();
  expect(response.headers['content-type']).toMatch(/^text\/html/);
  expect(response.headers['cache-control']).toBe('no-store');
  expect(response.text).not.toMatch(/<script|http-equiv/i);
}

/** Every error that the engine has for a request whose client and redirect URI are good, with what makes it. */
const errors: [error: string, parameters: Parameters][] = [
  ['login_required', { prompt: 'none' }],
  ['invalid_request', { prompt: 'none login' }],
  ['invalid_request', { prompt: 'select_account' }],
  ['unsupported_response_type', { response_type: 'token' }],
  ['unsupported_response_type', { response_type: 'code id_token' }],
  ['unsupported_response_type', { response_type: 'code2' }],
  ['invalid_request', { response_type: undefined }],
  ['unsupported_response_mode', { response_mode: 'form_post' }],
  ['unsupported_response_mode', { response_mode: 'fragment' }],
  ['invalid_request', { code_challenge: undefined, code_challenge_method: undefined }],
  ['invalid_request', { code_challenge_method: 'plain' }],
  ['invalid_request', { code_challenge: 'short' }],
  ['invalid_request', { state: ['a', 'b'] }],
  ['invalid_request', { scope: ['tools', 'tools'] }],
  ['invalid_request', { state: 'a\0b' }],
  ['invalid_request', { scope: 'openid', max_age: 'soon' }],
  ['invalid_request', { scope: 'openid', id_token_hint: 'x.y.z' }],
  ['invalid_target', { resource: 'https://unknown.example/mcp' }],
  ['invalid_target', { resource: undefined }],
  ['invalid_target', { resource: ['https://a.example/mcp', 'https://b.example/mcp'] }],
  ['request_not_supported', { request: 'eyJhbGciOiJub25lIn0.e30.' }],
  ['request_uri_not_supported', { request_uri: 'https://evil.example/request' }],
  ['registration_not_supported', { registration: '{}' }],
];

describe('an error before anybody has signed in', () => {
  it.each(errors)('ABUSE-19: %s leads to no web site that a stranger registered (%j)', async (error, parameters) => {
    const response = await ask(evil, parameters);
    expectPage(response);
    expect(response.text).toContain(error);
    expect(response.text).toContain('Tell <bdi>evil.example</bdi>');
  });

  it.each(errors)('ABUSE-19: %s wakes no program and no app of a stranger (%j)', async (_, parameters) => {
    for (const client of [local, app]) expectPage(await ask(client, parameters));
  });

  it.each(errors)(
    'ABUSE-23, MCP-6: %s goes back at once, with `iss`, to a client that an administrator made (%j)',
    async (error, parameters) => {
      const response = await ask(manual, parameters);
      expect(response.status).toBe(303);
      const location = new URL(response.headers.location ?? '');
      expect(location.origin + location.pathname).toBe(manual.redirectUri);
      const said = location.searchParams.has('error') ? location.searchParams : new URLSearchParams(location.hash.slice(1));
      expect(said.get('error')).toBe(error);
      expect(said.getAll('iss')).toEqual([issuer.url]);
      expect(said.has('code')).toBe(false);
    },
  );

  it('the page carries what the client would be told, for a person who chooses so', async () => {
    const link = new URL(offered(await ask(evil, { code_challenge_method: 'plain' })) ?? '');
    expect(link.origin + link.pathname).toBe('https://evil.example/cb');
    expect(Object.fromEntries(link.searchParams)).toEqual({
      error: 'invalid_request',
      error_description: expect.any(String),
      state: 'st',
      iss: issuer.url,
    });
    const fragment = new URL(offered(await ask(local, { response_type: 'token' })) ?? '');
    expect(new URLSearchParams(fragment.hash.slice(1)).get('error')).toBe('unsupported_response_type');
  });

  it('programs get the same in JSON, and no way to be led on', async () => {
    const url = authorizationUrl(issuer, evil, { prompt: 'none', resource: server.resource, code_challenge: newPkce().challenge });
    const response = await new Browser(issuer.origin).get(url, { Accept: 'application/json' });
    expect(response.status).toBe(400);
    expect(response.headers.location).toBeUndefined();
    expect(response.json()).toMatchObject({ error: 'login_required' });
  });

  it.each(['nobody', 'somebody'])(
    'ABUSE-19: a request that is resumed has no parameters of its own, for %s who is signed in',
    async (who) => {
      const browser = who === 'somebody' ? await signedIn(issuer, person) : new Browser(issuer.origin);
      const asked = authorizationUrl(issuer, evil, { code_challenge: newPkce().challenge, resource: server.resource, state: 'st' });
      const response = await browser.get(asked.replace('/authorize?', '/authorize/made-up?'));
      expectPage(response);
      expect(response.text).not.toContain('evil.example');
    },
  );

  it('a session that was signed out, or is another tenant’s, is no sign-in', async () => {
    const browser = await signedIn(issuer, person);
    const [name, cookie] = [...browser.cookies].find(([key]) => key.startsWith('toolgrant-session')) ?? [];
    const tenant = await issuer.addTenant('other');
    const foreign = await registerTestClient(tenant, { redirect_uris: ['http://127.0.0.1/callback'] });
    const elsewhere = new Browser(issuer.origin);
    elsewhere.cookies.set(`${name}`.replace('root', 'other'), cookie ?? { value: '', path: '/' });
    const url = authorizationUrl(tenant, foreign, { prompt: 'none', code_challenge: newPkce().challenge });
    expectPage(await elsewhere.get(url));

    expect((await ask(local, { prompt: 'none' }, browser)).status).toBe(303);
    const [form] = readForms((await browser.get('/account/sign-out')).text);
    await browser.post(form?.action ?? '', [...(form?.fields ?? []), ['logout', 'yes']]);
    browser.cookies.set(name ?? '', cookie ?? { value: '', path: '/' });
    expectPage(await ask(local, { prompt: 'none' }, browser));
  });
});

describe('an error for somebody who has signed in', () => {
  it.each([
    ['consent_required', { prompt: 'none' }],
    ['invalid_target', { resource: 'https://unknown.example/mcp' }],
    ['unsupported_response_mode', { response_mode: 'form_post' }],
  ] as const)('ABUSE-19: %s still leads to no web site that she never allowed anything', async (error, parameters) => {
    const response = await ask(evil, parameters, await signedIn(issuer, person));
    expectPage(response);
    expect(response.text).toContain(error);
  });

  it('MCP-6: goes back, with `iss`, to a program of hers and to an app', async () => {
    const browser = await signedIn(issuer, person);
    for (const client of [local, app]) {
      const { location = '' } = (await ask(client, { prompt: 'none' }, browser)).headers;
      expect(location.startsWith(client.redirectUri)).toBe(true);
      expect(new URL(location).searchParams.get('error')).toBe('consent_required');
      expect(new URL(location).searchParams.getAll('iss')).toEqual([issuer.url]);
    }
  });

  it('MCP-16: goes back to a web site that she allows something; and waits again once that has ended', async () => {
    const site = await registerTestClient(issuer, { redirect_uris: ['https://agent.example/cb'] });
    const { browser } = await connect(issuer, { client: site, person, server });
    const { location = '' } = (await ask(site, { prompt: 'none' }, browser)).headers;
    expect(new URL(location).searchParams.get('error')).toBe('consent_required');
    await issuer.runtime.store.consent.updateMany({
      where: { clientId: site.clientId },
      data: { endedAt: new Date(), endReason: 'revoked' },
    });
    expectPage(await ask(site, { prompt: 'none' }, browser));
  });

  it('ABUSE-23, MCP-6: Deny goes back, with `iss`, wherever the client is', async () => {
    for (const client of [evil, local, app, manual]) {
      const { location } = await authorize(issuer, { client, person, server, decision: { deny: true } });
      expect(location.href.startsWith(client.redirectUri)).toBe(true);
      expect(location.searchParams.get('error')).toBe('access_denied');
      expect(location.searchParams.getAll('iss')).toEqual([issuer.url]);
    }
  });

  it('a client that was removed between question and answer is not gone to', async () => {
    const gone = await registerTestClient(issuer, { redirect_uris: ['https://gone.example/cb'] });
    const browser = await signedIn(issuer, person);
    const page = await browser.follow(await ask(gone, {}, browser));
    await issuer.runtime.store.client.deleteMany({ where: { id: gone.clientId } });
    const [, action = ''] = /<form[^>]*action="([^"]*)"/.exec(page.text) ?? [];
    const answer = await browser.follow(await browser.post(action, [['do', 'deny']]));
    expect(answer.headers.location).toBeUndefined();
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  it('nothing else of a good request is different: she signs in, decides, and goes back', async () => {
    const location = await decide(new Browser(issuer.origin), authorizationUrl(issuer, evil, good()), { person });
    expect(location.searchParams.get('code')).not.toBeNull();
  });
});

function good(): Parameters {
  return { resource: server.resource, code_challenge: newPkce().challenge };
}
