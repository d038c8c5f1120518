import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RawRequest } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { basic, registerTestClient, type TestClient } from '../support/oauth-client.ts';

/** A hundredth of the requests of ABUSE-86, per endpoint; `npm run soak` makes them all. */
const requestsPerEndpoint = Number(process.env['TOOLGRANT_FUZZ_REQUESTS'] ?? 2_000);

let issuer: TestIssuer;
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(() => issuer.stop());

const names = [
  'client_id',
  'client_secret',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'prompt',
  'max_age',
  'resource',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
  'registration',
  'claims',
  'login_hint',
  'id_token_hint',
  'ui_locales',
  'acr_values',
  'display',
  'grant_type',
  'code',
  'code_verifier',
  'refresh_token',
  'token',
  'token_type_hint',
  'client_assertion',
  'client_assertion_type',
  'post_logout_redirect_uri',
  'xsrf',
  'logout',
  '__proto__',
  'constructor',
  'toString',
  'toolgrant_requested_scope',
];

/** Values that mean something here, values that break things elsewhere, and noise. */
function values(): fc.Arbitrary<string> {
  const known = [
    client.clientId,
    client.redirectUri,
    server.resource,
    server.serverId,
    issuer.url,
    'code',
    'S256',
    'tools',
    'openid',
    'authorization_code',
    'refresh_token',
    'none',
    'login',
    'query',
    'a'.repeat(43),
  ];
  const nasty = [
    '',
    '\0',
    'a\0b',
    '\r\nX: y',
    '%00',
    '%',
    '%zz',
    '\ud800',
    '\u202e',
    '\u{1f600}',
    '__proto__',
    '[object Object]',
    '{}',
    '[]',
    'null',
    '-1',
    '1e999',
    "' OR 1=1 --",
    '../..',
    '<script>',
    'eyJhbGciOiJub25lIn0.e30.',
    'x'.repeat(5_000),
  ];
  return fc.oneof(fc.constantFrom(...known), fc.constantFrom(...nasty), fc.string({ unit: 'binary', maxLength: 40 }));
}

function parameters(): fc.Arbitrary<string> {
  const pair = fc.tuple(fc.constantFrom(...names), values(), fc.boolean());
  const spell = ([name, value, isRaw]: [string, string, boolean]) =>
    `${name}=${isRaw ? value.replaceAll(/[^\x21-\x7e]|[&#]/g, '') : encodeURIComponent(value.toWellFormed())}`;
  return fc.array(pair, { maxLength: 14 }).map((pairs) => pairs.map(spell).join('&'));
}

/** Sends many requests of a kind; none may be answered with a fault. */
async function fuzz(requests: fc.Arbitrary<RawRequest>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(requests, async (request) => {
      const { status, text } = await issuer.send(request);
      if (status >= 500) throw new Error(`${status} ${text}\n${issuer.log.filter((line) => line.includes('"level":"error"')).at(-1)}`);
      return true;
    }),
    { numRuns: requestsPerEndpoint },
  );
  expect((await issuer.send({ path: '/jwks' })).status).toBe(200);
}

const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

it.each(['/authorize', '/logout', '/logout/success', '/interaction/x', '/authorize/x'])('ABUSE-86: GET %s never faults', async (path) => {
  await fuzz(parameters().map((query) => ({ path: `${path}?${query}` })));
});

it.each(['/token', '/introspect', '/revoke', '/logout/confirm'])('ABUSE-86: POST %s never faults', async (path) => {
  const headers = fc.constantFrom(
    {},
    basic(server.serverId, server.credential),
    basic(client.clientId, 'x'),
    { Authorization: 'Basic %%%' },
    { Authorization: 'Bearer x' },
  );
  await fuzz(fc.tuple(parameters(), headers).map(([body, extra]) => ({ method: 'POST', path, headers: { ...form, ...extra }, body })));
});

it('ABUSE-86, ABUSE-10: POST /register never faults', async () => {
  const members = [
    'redirect_uris',
    'client_name',
    'grant_types',
    'response_types',
    'token_endpoint_auth_method',
    'application_type',
    'scope',
    'logo_uri',
    'client_uri#de',
    'jwks',
    'contacts',
    'post_logout_redirect_uris',
    '__proto__',
  ];
  const uris = fc.constantFrom('https://app.example/cb', 'http://127.0.0.1/cb', 'cursor://x', 'javascript:x', 'http://[', '\0');
  const value = fc.oneof(values(), fc.jsonValue({ maxDepth: 4 }), fc.array(fc.oneof(uris, values()), { maxLength: 12 }));
  const object = fc
    .dictionary(fc.constantFrom(...members), value)
    .map((content) => JSON.stringify({ redirect_uris: ['https://app.example/cb'], ...content }));
  const body = fc.oneof({ weight: 8, arbitrary: object }, { weight: 1, arbitrary: fc.json() }, { weight: 1, arbitrary: fc.string() });
  await fuzz(body.map((text) => ({ method: 'POST', path: '/register', headers: { 'Content-Type': 'application/json' }, body: text })));
});
