import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { blockClient } from '../../src/services/block-client.ts';
import { reapClients } from '../../src/services/reap-clients.ts';
import { removeClient } from '../../src/services/remove-client.ts';
import { startDocumentHost } from '../support/document-host.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  authorize,
  basic,
  connect,
  newPkce,
  postForm,
  postJson,
  redeem,
  registerTestClient,
  type TestClient,
} from '../support/oauth-client.ts';
import { Browser, signInOn } from '../support/person.ts';

type Parameters = Record<string, string | readonly string[] | undefined>;

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(() => issuer.stop());

/** The line of the log that says why this request was refused. */
function refusalOf({ headers }: RawResponse): Record<string, unknown> | undefined {
  const lines = issuer.log.map((line) => JSON.parse(line) as Record<string, unknown>);
  return lines.findLast(({ requestId, reason }) => requestId === headers['x-request-id'] && reason !== undefined);
}

/** What a reader sees of a page. */
function textOf({ text }: RawResponse): string {
  const named: Record<string, string> = { '&amp;': '&', '&quot;': '"', '&#39;': "'", '&lt;': '<', '&gt;': '>' };
  return text
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/&[a-z#\d]+;/g, (entity) => named[entity] ?? entity)
    .replaceAll(/\s+/g, ' ');
}

describe('a refused registration', () => {
  const uris = { redirect_uris: ['http://127.0.0.1/cb'] };
  const cases: [member: string, body: Record<string, unknown>, error: string, fix: RegExp][] = [
    ['redirect_uris', {}, 'invalid_redirect_uri', /say where answers go/],
    ['redirect_uris', { redirect_uris: 'http://127.0.0.1/cb' }, 'invalid_redirect_uri', /an array of strings/],
    [
      'redirect_uris',
      { redirect_uris: Array.from({ length: 11 }, (_, at) => `https://a.example/${at}`) },
      'invalid_redirect_uri',
      /at most 10/,
    ],
    ['redirect_uris[1]', { redirect_uris: ['https://a.example/cb', 'http://b.example/cb'] }, 'invalid_redirect_uri', /use https/],
    ['redirect_uris[0]', { redirect_uris: ['https://a.example/cb#x'] }, 'invalid_redirect_uri', /leave it out/],
    ['redirect_uris[0]', { redirect_uris: ['https://me@a.example/cb'] }, 'invalid_redirect_uri', /leave them out/],
    ['redirect_uris[0]', { redirect_uris: ['https://*.a.example/cb'] }, 'invalid_redirect_uri', /register each host/],
    ['redirect_uris[0]', { redirect_uris: ['myapp://cb'] }, 'invalid_redirect_uri', /com\.example\.app/],
    ['redirect_uris[0]', { redirect_uris: ['/cb'] }, 'invalid_redirect_uri', /write it whole/],
    ['redirect_uris[0]', { redirect_uris: ['https://a.example/c b'] }, 'invalid_redirect_uri', /percent-encode/],
    ['redirect_uris[0]', { redirect_uris: ['http://127.1/cb'] }, 'invalid_redirect_uri', /plain host name/],
    ['redirect_uris[0]', { redirect_uris: [`https://a.example/${'a'.repeat(2_100)}`] }, 'invalid_redirect_uri', /shorten/],
    ['post_logout_redirect_uris[0]', { ...uris, post_logout_redirect_uris: ['ftp://a.example'] }, 'invalid_redirect_uri', /use https/],
    ['client_name', { ...uris, client_name: 7 }, 'invalid_client_metadata', /a string/],
    ['client_name', { ...uris, client_name: 'a\nb' }, 'invalid_client_metadata', /leave control/],
    ['client_name', { ...uris, client_name: 'a'.repeat(201) }, 'invalid_client_metadata', /at most 200/],
    ['token_endpoint_auth_method', { ...uris, token_endpoint_auth_method: 'tls_client_auth' }, 'invalid_client_metadata', /one of none/],
    ['grant_types', { ...uris, grant_types: ['implicit'] }, 'invalid_client_metadata', /must contain authorization_code/],
    ['grant_types', { ...uris, grant_types: 'authorization_code' }, 'invalid_client_metadata', /an array of strings/],
    ['response_types', { ...uris, response_types: ['token'] }, 'invalid_client_metadata', /leave it out/],
    ['logo_uri', { ...uris, logo_uri: 'http://a.example/logo.png' }, 'invalid_client_metadata', /leave it out/],
    ['application_type', { ...uris, application_type: 1 }, 'invalid_client_metadata', /a string/],
    ['contacts', { ...uris, contacts: 'me' }, 'invalid_client_metadata', /an array of strings/],
    ['scope', { ...uris, scope: ['tools'] }, 'invalid_client_metadata', /a string/],
  ];

  it.each(cases)('MCP-31: for %s (case %#) names it, and the fix', async (member, body, error, fix) => {
    const response = await postJson(issuer, '/register', body);
    expect(response.status).toBe(400);
    const answer = response.json<{ error: string; error_description: string }>();
    expect(answer.error).toBe(error);
    expect(answer.error_description).toContain(member);
    expect(answer.error_description).toMatch(fix);
    expect(refusalOf(response)).toMatchObject({ error, reason: answer.error_description });
  });

  it.each([
    ['no JSON', 'text/plain', '{}', /application\/json/],
    ['half an object', 'application/json', '{', /JSON object in UTF-8/],
    ['an array', 'application/json', '[]', /a JSON object/],
    ['too much', 'application/json', JSON.stringify({ x: 'a'.repeat(50_000) }), /larger than/],
  ])('for a body with %s says what it must be', async (_, type, body, rule) => {
    const response = await issuer.send({ method: 'POST', path: '/register', headers: { 'Content-Type': type }, body });
    expect(response.status).toBe(400);
    expect(response.json().error).toMatch(/^invalid_(?:client_metadata|request)$/);
    expect(response.json().error_description).toMatch(rule);
  });
});

describe('a refused authorization request', () => {
  const known = (change: Parameters): Parameters => ({ resource: server.resource, code_challenge: newPkce().challenge, ...change });
  const cases: [title: RegExp, parameter: string, fix: RegExp, change: Parameters][] = [
    [/id is not accepted here/, 'client_id', /introduce the client again/, { client_id: 'cli_gone' }],
    [/Nobody says who is asking/, 'client_id', /that registration gave you/, { client_id: undefined }],
    [/return address that is not its own/, 'redirect_uri', /Send a registered redirect URI/, { redirect_uri: 'http://127.0.0.1:9/other' }],
    [/where your answer goes/, 'redirect_uri', /Send one of/, { redirect_uri: undefined }],
    [/cannot be understood/, 'response_type', /response_type=code/, { response_type: undefined }],
    [/cannot be understood/, 'response_type', /authorization code flow/, { response_type: 'token' }],
    [/cannot be understood/, 'response_mode', /Leave it out/, { response_mode: 'form_post' }],
    [
      /cannot be understood/,
      'code_challenge, code_challenge_method',
      /Send both/,
      { code_challenge: undefined, code_challenge_method: undefined },
    ],
    [/cannot be understood/, 'code_challenge, code_challenge_method', /Send both/, { code_challenge_method: 'plain' }],
    [/cannot be understood/, 'code_challenge, code_challenge_method', /Send both/, { code_challenge: 'short' }],
    [/cannot be understood/, 'prompt', /Leave it out/, { prompt: 'select_account' }],
    [/did not want to ask you/, 'prompt', /without prompt=none/, { prompt: 'none' }],
    [/cannot be understood/, 'state', /instead of appending/, { state: ['a', 'b'] }],
    [/cannot be understood/, 'scope, state', /instead of appending/, { state: ['a', 'b'], scope: ['a', 'b'] }],
    [/cannot be understood/, 'request, request_uri, registration', /the parameters themselves/, { request: 'x.y.z' }],
    [/cannot be understood/, 'max_age, id_token_hint, claims', /Correct the value/, { scope: 'openid', max_age: 'soon' }],
    [/cannot be understood/, 'the request', /Remove the character/, { state: 'a\0b' }],
    [/not connected here/, 'resource', /from the metadata/, { resource: 'https://unknown.example/mcp' }],
    [/not connected here/, 'resource', /from the metadata/, { resource: undefined }],
  ];

  it.each(cases)(
    'MCP-11: %s: names %s, the rule and the fix; leads nowhere; the log has the detail',
    async (title, parameter, fix, change) => {
      const response = await new Browser(issuer.origin).get(authorizationUrl(issuer, client, known(change)));
      expect(response.status).toBe(400);
      expect(response.headers.location).toBeUndefined();
      expect(/<h1>([^<]*)/.exec(response.text)?.[1]).toMatch(title);
      const text = textOf(response);
      expect(text).toContain(`Parameter ${parameter} Rule `);
      expect(text).toMatch(fix);
      expect(text).toContain(String(response.headers['x-request-id']));
      expect(refusalOf(response)).toMatchObject({ error: expect.any(String), reason: expect.any(String) });
    },
  );

  it('MCP-11, ABUSE-67, ABUSE-84: who probes learns nothing: unknown, removed, reaped, blocked and another tenant’s clients are one', async () => {
    const [removed, blocked, alive] = [
      await registerTestClient(issuer),
      await registerTestClient(issuer),
      await registerTestClient(issuer),
    ];
    const tokens = await connect(issuer, { client: blocked, person, server });
    const lapsed = await registerTestClient(issuer);
    await issuer.runtime.store.client.updateMany({
      where: { id: lapsed.clientId },
      data: { reapAfter: new Date(0), createdAt: new Date(0) },
    });
    await reapClients(issuer.runtime);
    const origin = { actorType: 'operator' } as const;
    await removeClient(issuer.runtime, issuer.tenant, { clientId: removed.clientId as ClientId, origin });
    await blockClient(issuer.runtime, issuer.tenant, { clientId: blocked.clientId as ClientId, origin });
    const foreign = await registerTestClient(await issuer.addTenant('neighbour'));

    const ids = ['cli_unknown', removed.clientId, lapsed.clientId, foreign.clientId, blocked.clientId];
    const seenBy = async (id: string, ask: Promise<RawResponse>) => {
      const { status, text, headers } = await ask;
      const { date: _, 'x-request-id': requestId, 'content-length': __, 'set-cookie': ___, ...more } = headers;
      return JSON.stringify([status, text.replaceAll(id, '').replaceAll(String(requestId), ''), more]);
    };
    const probes: Record<string, (id: string) => Promise<RawResponse>> = {
      authorize: (id) => new Browser(issuer.origin).get(authorizationUrl(issuer, { ...client, clientId: id }, known({}))),
      'authorize without a page': (id) =>
        new Browser(issuer.origin).get(authorizationUrl(issuer, { ...client, clientId: id }, known({ prompt: 'none' }))),
      'authorize elsewhere': (id) =>
        new Browser(issuer.origin).get(
          authorizationUrl(issuer, { ...client, clientId: id }, known({ redirect_uri: 'https://elsewhere.example/cb' })),
        ),
      token: (id) => postForm(issuer, '/token', { grant_type: 'refresh_token', refresh_token: 'x', client_id: id }),
      'token with a code': (id) =>
        postForm(issuer, '/token', {
          grant_type: 'authorization_code',
          code: 'x',
          redirect_uri: client.redirectUri,
          code_verifier: newPkce().verifier,
          client_id: id,
        }),
      'token with a secret': (id) => postForm(issuer, '/token', { grant_type: 'refresh_token', refresh_token: 'x' }, basic(id, 'guessed')),
      revoke: (id) => postForm(issuer, '/revoke', { token: 'x', client_id: id }),
      introspect: (id) => postForm(issuer, '/introspect', { token: 'x', client_id: id }),
      manage: (id) => issuer.send({ path: `/register/${id}`, headers: { Authorization: 'Bearer guessed' } }),
      'sign-out': (id) => issuer.send({ path: `/logout?client_id=${id}` }),
    };
    for (const [name, probe] of Object.entries(probes)) {
      const seen = [];
      for (const id of ids) seen.push(await seenBy(id, probe(id)));
      expect([name, ...seen.slice(1)]).toEqual([name, ...seen.slice(1).fill(seen[0] ?? '')]);
    }
    // The probe tells a living client, or it would tell nothing.
    const livingPage = await seenBy(alive.clientId, probes['authorize']?.(alive.clientId) as Promise<RawResponse>);
    expect(livingPage).not.toBe(await seenBy('cli_unknown', probes['authorize']?.('cli_unknown') as Promise<RawResponse>));

    const request = authorizationUrl(issuer, blocked, known({}));
    expect(textOf(await new Browser(issuer.origin).get(request))).not.toMatch(/blocked/i);
    expect(textOf(await tokens.browser.get(request))).toContain('This agent is blocked here');
    // The client itself, by what was made for it, must begin anew, and does not throw its registration away.
    const own = await postForm(issuer, '/token', {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
      client_id: blocked.clientId,
    });
    expect([own.status, own.json()]).toEqual([400, expect.objectContaining({ error: 'invalid_grant' })]);
  });

  it('ABUSE-84: a blocked client that is a document leads to sign-in as any other does, and whoever signs in is told', async () => {
    const host = await startDocumentHost();
    const at = await startIssuer({ strangers: host.fetch, beside: issuer });
    try {
      const clientId = 'https://agent.example/client.json';
      host.serve(clientId, { client_id: clientId, client_name: 'Agent', redirect_uris: [client.redirectUri] });
      const request = authorizationUrl(at, { ...client, clientId }, known({}));
      await new Browser(at.origin).get(request);
      await blockClient(at.runtime, at.tenant, { clientId: clientId as ClientId, origin: { actorType: 'operator' } });
      const browser = new Browser(at.origin);
      const page = await browser.follow(await browser.get(request));
      expect([page.status, /blocked/i.test(page.text)]).toEqual([200, false]);
      const end = await signInOn(browser, page, person);
      expect([end.status, end.headers.location]).toEqual([403, undefined]);
      expect(end.text).toContain('This agent is blocked here');
    } finally {
      await at.stop();
      await host.close();
    }
  });
});

describe('a refused token request', () => {
  const cases: [error: string, status: number, says: RegExp, detail: RegExp, form: Parameters][] = [
    [
      'invalid_client',
      401,
      /register anew/,
      /client not found/,
      { client_id: 'cli_gone', grant_type: 'refresh_token', refresh_token: 'x' },
    ],
    ['invalid_request', 400, /client_id is missing/, /no client authentication/, { client_id: undefined, grant_type: 'refresh_token' }],
    ['invalid_grant', 400, /start a new authorization/, /refresh token not found/, { grant_type: 'refresh_token', refresh_token: 'x' }],
    [
      'invalid_grant',
      400,
      /start a new authorization/,
      /authorization code not found/,
      { grant_type: 'authorization_code', code: 'x', redirect_uri: 'http://127.0.0.1:9/callback' },
    ],
    ['invalid_request', 400, /'refresh_token'/, /missing required/, { grant_type: 'refresh_token' }],
    [
      'invalid_request',
      400,
      /'code'/,
      /missing required/,
      { grant_type: 'authorization_code', redirect_uri: 'http://127.0.0.1:9/callback' },
    ],
    ['unsupported_grant_type', 400, /authorization_code, refresh_token or client_credentials/, /unsupported/, { grant_type: 'password' }],
    ['invalid_request', 400, /'grant_type'/, /missing required/, {}],
    ['invalid_request', 400, /twice/, /twice/, { grant_type: ['refresh_token', 'refresh_token'] }],
  ];

  it.each(cases)('MCP-25: %s (%i) says %s; the log has %s', async (error, status, says, detail, form) => {
    const response = await postForm(issuer, '/token', { client_id: client.clientId, ...form });
    expect([response.status, response.json().error]).toEqual([status, error]);
    expect(response.json().error_description).toMatch(says);
    expect(String(refusalOf(response)?.['reason'])).toMatch(detail);
  });

  it('MCP-25: each way a grant can be bad is one to whoever asks, and one by one in the log', async () => {
    const other = await registerTestClient(issuer);
    const first = await authorize(issuer, { client, person, server });
    const second = await authorize(issuer, { client, person, server });
    const refused = [
      await redeem(issuer, client, { ...first, verifier: newPkce().verifier }),
      await redeem(issuer, client, first, { redirect_uri: 'http://127.0.0.1:10/callback' }),
      await redeem(issuer, other, second),
    ];
    expect(new Set(refused.map(({ text }) => text)).size).toBe(1);
    expect(refused[0]?.json().error_description).toMatch(/code_verifier or redirect_uri/);
    expect(new Set(refused.map((response) => refusalOf(response)?.['reason'])).size).toBe(3);
  });

  it('MCP-21: a resource that was not authorized, two ways to authenticate, a grant that was not registered: each says its fix', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const asked = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: client.clientId };
    const elsewhere = await postForm(issuer, '/token', { ...asked, resource: 'https://elsewhere.example/mcp' });
    expect(elsewhere.json()).toMatchObject({ error: 'invalid_target', error_description: expect.stringMatching(/leave it out/) });
    const secret = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const both = await postForm(
      issuer,
      '/token',
      { grant_type: 'refresh_token', refresh_token: 'x', client_id: secret.clientId, client_secret: secret.secret },
      basic(secret.clientId, secret.secret ?? ''),
    );
    expect(both.json()).toMatchObject({ error: 'invalid_request', error_description: expect.stringMatching(/in one way/) });
    const codeOnly = await registerTestClient(issuer, { grant_types: ['authorization_code'] });
    const unregistered = await postForm(issuer, '/token', { ...asked, client_id: codeOnly.clientId });
    expect(unregistered.json()).toMatchObject({
      error: 'invalid_request',
      error_description: expect.stringMatching(/register it with this one/),
    });
  });
});
