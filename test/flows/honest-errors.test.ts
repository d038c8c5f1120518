import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
import { Browser } from '../support/person.ts';

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
    [/not known here/, 'client_id', /introduce the client again/, { client_id: 'cli_gone' }],
    [/Nobody says who is asking/, 'client_id', /that registration gave you/, { client_id: undefined }],
    [/way back to your agent/, 'redirect_uri', /Send a registered redirect URI/, { redirect_uri: 'http://127.0.0.1:9/other' }],
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

  it('MCP-11, ABUSE-67: who probes learns nothing: an unknown client, a removed one and another tenant’s are one', async () => {
    const removed = await registerTestClient(issuer);
    await issuer.runtime.store.client.deleteMany({ where: { id: removed.clientId } });
    const foreign = await registerTestClient(await issuer.addTenant('neighbour'));
    const pages = await Promise.all(
      ['cli_unknown', removed.clientId, foreign.clientId].map(async (clientId) => {
        const url = authorizationUrl(issuer, { ...client, clientId }, known({}));
        const page = await new Browser(issuer.origin).get(url);
        return [page.status, textOf(page).replaceAll(clientId, '').replaceAll(String(page.headers['x-request-id']), '')];
      }),
    );
    expect(pages).toEqual([pages[0], pages[0], pages[0]]);
    const answers = await Promise.all(
      ['cli_unknown', removed.clientId, foreign.clientId].map(async (id) => {
        const answer = await postForm(issuer, '/token', { grant_type: 'refresh_token', refresh_token: 'x', client_id: id });
        return [answer.status, answer.text, answer.headers['www-authenticate']];
      }),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
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
    ['unsupported_grant_type', 400, /authorization_code or refresh_token/, /unsupported/, { grant_type: 'password' }],
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
