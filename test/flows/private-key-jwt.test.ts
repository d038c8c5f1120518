/** Clients that prove who they are by a key of their own (RFC 7523, MCP-41). */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createManualClient } from '../../src/services/create-client.ts';
import { type AssertionOptions, byAssertion, type ClientKey, makeClientKey, signAssertion } from '../support/client-assertion.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import {
  authorize,
  basic,
  connect,
  isActive,
  postForm,
  postJson,
  redeem,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';

let issuer: TestIssuer;
let second: TestIssuer;
let host: DocumentHost;
let person: TestPerson;
let server: TestServer;
let key: ClientKey;
let client: TestClient;

beforeAll(async () => {
  host = await startDocumentHost();
  issuer = await startIssuer({ strangers: host.fetch });
  second = await startIssuer({ beside: issuer, strangers: host.fetch });
  person = await issuer.addPerson();
  server = await issuer.addServer();
  key = await makeClientKey();
  client = await registerKeyed({ jwks: { keys: [key.publicJwk] } });
});
afterAll(async () => {
  await second.stop();
  await issuer.stop();
  await host.close();
});

const registerKeyed = (metadata: Record<string, unknown>) =>
  registerTestClient(issuer, { token_endpoint_auth_method: 'private_key_jwt', ...metadata });

/** A refresh token of a client, got without it having to prove anything here. */
async function refreshTokenOf(of: TestClient, by: ClientKey): Promise<string> {
  const authorized = await authorize(issuer, { client: of, person, server });
  const answer = await redeem(
    issuer,
    of,
    authorized,
    byAssertion(await signAssertion({ clientId: of.clientId, issuer: issuer.url, key: by })),
  );
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.json<Tokens>().refresh_token;
}

/** Asks the token endpoint something that only an authenticated client is refused with `invalid_grant`. */
async function present(assertion: string, at: TestIssuer = issuer, more: Record<string, string> = {}): Promise<RawResponse> {
  return postForm(at, '/token', { grant_type: 'refresh_token', refresh_token: 'none', ...byAssertion(assertion), ...more });
}

const sign = (options: AssertionOptions = {}, by: ClientKey = key, of: TestClient = client) =>
  signAssertion({ clientId: of.clientId, issuer: issuer.url, key: by }, options);

const isLetIn = (answer: RawResponse) => {
  expect([400, 401]).toContain(answer.status);
  const { error } = answer.json();
  expect(error).toBe(answer.status === 400 ? 'invalid_grant' : 'invalid_client');
  return answer.status === 400;
};

describe('a client with a key of its own', () => {
  it('MCP-41, ENG-2: redeems and refreshes by assertions, each used once, whichever way the request takes', async () => {
    let token = await refreshTokenOf(client, key);
    for (const aud of [issuer.url, `${issuer.url}/token`, [issuer.url], [issuer.url, `${issuer.url}/token`]]) {
      const assertion = await sign({ claims: { aud } });
      const form = { grant_type: 'refresh_token', refresh_token: token, ...byAssertion(assertion) };
      const answer = await postForm(issuer, '/token', form);
      expect(answer.status).toBe(200);
      token = answer.json<Tokens>().refresh_token;
      const again = await postForm(issuer, '/token', { ...form, refresh_token: token });
      expect(again.status).toBe(401);
      expect(again.json()).toMatchObject({ error: 'invalid_client' });
    }
    expect(
      (await postForm(issuer, '/token', { grant_type: 'refresh_token', refresh_token: token, client_id: client.clientId })).status,
    ).toBe(401);
  });

  it.each(['ES256', 'EdDSA', 'PS256', 'RS256'])('may sign with %s, and be held to it', async (algorithm) => {
    const own = await makeClientKey(algorithm);
    const held = await registerKeyed({ jwks: { keys: [own.publicJwk] }, token_endpoint_auth_signing_alg: algorithm });
    expect(held.registration).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: algorithm,
      jwks: { keys: [own.publicJwk] },
    });
    expect(held.registration).not.toHaveProperty('client_secret');
    expect(held.registration).not.toHaveProperty('client_secret_expires_at');
    expect(isLetIn(await present(await sign({}, own, held)))).toBe(true);
    const other = algorithm === 'PS256' ? 'RS256' : algorithm === 'RS256' ? 'PS256' : 'ES256';
    if (algorithm === 'EdDSA' || algorithm === 'ES256') return;
    const otherwise = await makeClientKey(other);
    const both = await registerKeyed({ jwks: { keys: [otherwise.publicJwk] }, token_endpoint_auth_signing_alg: algorithm });
    expect(isLetIn(await present(await sign({}, otherwise, both)))).toBe(false);
  });

  it('is found by its assertion alone, and revokes and asks with one', async () => {
    const token = await refreshTokenOf(client, key);
    const refreshed = await postForm(issuer, '/token', {
      grant_type: 'refresh_token',
      refresh_token: token,
      ...byAssertion(await sign()),
    });
    const tokens = refreshed.json<Tokens>();
    // No server: it learns nothing.
    const asked = await postForm(issuer, '/introspect', { token: tokens.access_token, ...byAssertion(await sign()) });
    expect([asked.status, asked.json()]).toEqual([200, { active: false }]);
    expect((await postForm(issuer, '/introspect', { token: tokens.access_token, ...byAssertion('x') })).status).toBe(400);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    expect((await postForm(issuer, '/revoke', { token: tokens.refresh_token, ...byAssertion(await sign()) })).status).toBe(200);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
  });

  it('made by hand works the same', async () => {
    const made = await createManualClient(issuer.runtime, issuer.tenant, {
      request: {
        name: 'Batch',
        redirectUris: ['https://batch.example/cb'],
        authMethod: 'private_key_jwt',
        jwks: { keys: [key.publicJwk] },
      },
      origin: { actorType: 'operator' },
    });
    if (!made.ok) throw new Error(made.problem.reason);
    expect(made).not.toHaveProperty('secret');
    const manual = { ...client, clientId: made.client.id };
    expect(isLetIn(await present(await sign({}, key, manual)))).toBe(true);
  });

  it('metadata names the method and the algorithms, at all three endpoints', async () => {
    const metadata = (await issuer.send({ path: '/.well-known/oauth-authorization-server' })).json();
    for (const endpoint of ['token', 'introspection', 'revocation']) {
      expect(metadata[`${endpoint}_endpoint_auth_methods_supported`]).toContain('private_key_jwt');
      expect(metadata[`${endpoint}_endpoint_auth_signing_alg_values_supported`]).toEqual(['ES256', 'EdDSA', 'PS256', 'RS256']);
    }
  });

  it('changes its keys by management, and may begin to have a secret instead', async () => {
    const changing = await registerKeyed({ jwks: { keys: [key.publicJwk] } });
    const next = await makeClientKey();
    const put = (body: Record<string, unknown>) =>
      issuer.send({
        method: 'PUT',
        path: `/register/${changing.clientId}`,
        headers: { Authorization: `Bearer ${changing.managementToken}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ client_id: changing.clientId, redirect_uris: [changing.redirectUri], ...body }),
      });
    expect((await put({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [next.publicJwk] } })).status).toBe(200);
    expect(isLetIn(await present(await sign({}, key, changing)))).toBe(false);
    expect(isLetIn(await present(await sign({}, next, changing)))).toBe(true);
    const secret = String((await put({ token_endpoint_auth_method: 'client_secret_basic' })).json().client_secret);
    expect(isLetIn(await present(await sign({}, next, changing)))).toBe(false);
    const bySecret = await postForm(
      issuer,
      '/token',
      { grant_type: 'refresh_token', refresh_token: 'x' },
      basic(changing.clientId, secret),
    );
    expect(isLetIn(bySecret)).toBe(true);
  });
});

describe('ABUSE-45: an assertion is refused with 401', () => {
  const now = () => Math.floor(Date.now() / 1_000);
  it.each<[string, () => AssertionOptions]>([
    ['for another issuer', () => ({ claims: { aud: 'https://other.example' } })],
    ['for the authorization endpoint', () => ({ claims: { aud: `${issuer.url}/authorize` } })],
    ['for the endpoint of revocation', () => ({ claims: { aud: `${issuer.url}/revoke` } })],
    ['for us and somebody else', () => ({ claims: { aud: [issuer.url, 'https://other.example'] } })],
    ['for nobody', () => ({ claims: { aud: [] } })],
    ['without an audience', () => ({ claims: { aud: undefined } })],
    ['without an end', () => ({ claims: { exp: undefined } })],
    ['that has ended', () => ({ claims: { exp: now() - 60 } })],
    ['that ends in a day', () => ({ claims: { exp: now() + 86_400 } })],
    ['that ends in a text', () => ({ claims: { exp: '9999999999' } })],
    ['that does not begin yet', () => ({ claims: { nbf: now() + 60 } })],
    ['without a jti', () => ({ claims: { jti: undefined } })],
    ['whose jti is none', () => ({ claims: { jti: { a: 1 } } })],
    ['of another issuer', () => ({ claims: { iss: 'cli_other' } })],
    ['about another subject', () => ({ claims: { sub: 'cli_other' } })],
    ['about no subject', () => ({ claims: { sub: undefined } })],
    ['about a list', () => ({ claims: { sub: [client.clientId] } })],
    ['of another type', () => ({ header: { typ: 'at+jwt' } })],
    ['that brings its key', () => ({ header: { jwk: key.publicJwk } })],
    ['that says where its key is', () => ({ header: { jku: 'https://evil.example/jwks' } })],
    ['that brings a certificate', () => ({ header: { x5c: ['MIIB'] } })],
    ['that says where its certificate is', () => ({ header: { x5u: 'https://evil.example/cert' } })],
    ['with a critical extension', () => ({ header: { crit: ['x'], x: 1 } })],
    ['with an unknown kid', () => ({ header: { kid: 'other' } })],
  ])('%s', async (_what, options) => {
    const requests = host.requests.length;
    expect(isLetIn(await present(await sign(options())))).toBe(false);
    expect(host.requests.length).toBe(requests);
  });

  it('without a signature, with a secret that is our public key, or by another client’s key', async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { iss: client.clientId, sub: client.clientId, aud: issuer.url, exp: now() + 60, jti: 'x1' };
    for (const alg of ['none', 'None', 'NONE', '']) {
      expect(isLetIn(await present(`${part({ alg })}.${part(claims)}.`))).toBe(false);
    }
    const rsa = await makeClientKey('RS256');
    const confused = await registerKeyed({ jwks: { keys: [rsa.publicJwk] } });
    const secrets = [JSON.stringify(rsa.publicJwk), String(rsa.publicJwk.n)].map((text) => new TextEncoder().encode(text));
    for (const alg of ['HS256', 'HS512']) {
      for (const signWith of secrets) expect(isLetIn(await present(await sign({ header: { alg }, signWith }, rsa, confused)))).toBe(false);
    }
    const other = await makeClientKey('ES256', key.publicJwk.kid);
    expect(isLetIn(await present(await sign({}, other)))).toBe(false);
    expect(isLetIn(await present(await sign({ header: { alg: 'ES384' }, signWith: (await makeClientKey('ES384')).privateKey })))).toBe(
      false,
    );
    const signed = await sign();
    expect(isLetIn(await present(`${signed.slice(0, -4)}AAAA`))).toBe(false);
  });

  it('for a client with a secret or without anything, whatever it is signed with', async () => {
    const [secret, open] = [
      await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' }),
      await registerTestClient(issuer),
    ];
    for (const other of [secret, open]) expect(isLetIn(await present(await sign({}, key, other)))).toBe(false);
    const signWith = new TextEncoder().encode(secret.secret);
    expect(isLetIn(await present(await sign({ header: { alg: 'HS256' }, signWith }, key, secret)))).toBe(false);
  });

  it.each(['x', 'a.b.c', '..', `${'a'.repeat(20_000)}.b.c`, 'eyJhbGciOiJFUzI1NiJ9.bnVsbA.AAAA', 'eyJhbGciOiJFUzI1NiJ9.W10.AAAA'])(
    'malformed (%#) it is 400 or 401, and nothing breaks',
    async (assertion) => {
      expect([400, 401]).toContain((await present(assertion)).status);
    },
  );

  it('the log says why, with the request id; the answer does not', async () => {
    const answer = await present(await sign({ claims: { aud: 'https://other.example' } }));
    expect(answer.json().error_description).toContain('the client is unknown here, or did not prove who it is');
    expect(answer.text).not.toContain('audience');
    const line = issuer.log.find((one) => one.includes(String(answer.headers['x-request-id'])) && one.includes('refused'));
    expect(line).toContain('audience');
  });
});

describe('ENG-2: one assertion', () => {
  it('of twenty requests over two instances lets one in; the others get 401', async () => {
    const assertion = await sign();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => present(assertion, index % 2 === 0 ? issuer : second)));
    expect(answers.filter(isLetIn)).toHaveLength(1);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([400, ...Array(19).fill(401)]);
  });

  it('is used up by a request that fails for another reason, and is good for one endpoint only', async () => {
    const assertion = await sign();
    expect(isLetIn(await present(assertion))).toBe(true);
    expect(isLetIn(await present(assertion, second))).toBe(false);
    expect((await postForm(issuer, '/revoke', { token: 'x', ...byAssertion(assertion) })).status).toBe(401);
  });

  it('with the jti of another client is that client’s own', async () => {
    const other = await registerKeyed({ jwks: { keys: [key.publicJwk] } });
    const claims = { jti: 'the same' };
    expect(isLetIn(await present(await sign({ claims })))).toBe(true);
    expect(isLetIn(await present(await sign({ claims }, key, other)))).toBe(true);
    expect(isLetIn(await present(await sign({ claims }, key, other)))).toBe(false);
  });
});

describe('ABUSE-44: two ways to authenticate at once', () => {
  it('are 400, and an assertion in the query is not read', async () => {
    const both = [
      await present(await sign(), issuer, { client_secret: 'x' }),
      await postForm(
        issuer,
        '/token',
        { grant_type: 'refresh_token', refresh_token: 'x', ...byAssertion(await sign()) },
        basic(client.clientId, 'x'),
      ),
    ];
    for (const answer of both) expect([answer.status, answer.json().error]).toEqual([400, 'invalid_request']);
    const query = new URLSearchParams(byAssertion(await sign())).toString();
    const inQuery = await issuer.send({
      method: 'POST',
      path: `/token?${query}`,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=refresh_token&refresh_token=x',
    });
    expect([inQuery.status, inQuery.json().error]).toEqual([400, 'invalid_request']);
    expect((await present(await sign(), issuer, { client_id: 'cli_other' })).status).toBe(400);
    expect((await present(await sign(), issuer, { client_assertion_type: 'urn:other' })).status).toBe(400);
  });
});

describe('keys at a jwks_uri', () => {
  const uri = (name: string) => `https://${name}.keys.example/jwks`;
  const published = (...keys: ClientKey[]) => ({ keys: keys.map(({ publicJwk }) => publicJwk) });

  it('ENG-18: are fetched once for many requests on two instances, and not with authorization requests', async () => {
    host.serve(uri('many'), published(key));
    const many = await registerKeyed({ jwks_uri: uri('many') });
    expect(many.registration).toMatchObject({ jwks_uri: uri('many') });
    await authorize(issuer, { client: many, person, server });
    const asked = () => host.requests.filter((place) => place.startsWith('many.'));
    expect(asked()).toEqual([]);
    const assertions = await Promise.all(Array.from({ length: 20 }, () => sign({}, key, many)));
    const answers = await Promise.all(assertions.map((assertion, index) => present(assertion, index % 2 === 0 ? issuer : second)));
    expect(answers.filter(isLetIn)).toHaveLength(20);
    expect(asked()).toHaveLength(1);
  });

  it('a key that is not there is looked for again when the copy is a minute old, once', async () => {
    host.serve(uri('rotating'), published(key), { 'cache-control': 'max-age=3600' });
    const rotating = await registerKeyed({ jwks_uri: uri('rotating') });
    const next = await makeClientKey();
    expect(isLetIn(await present(await sign({}, key, rotating)))).toBe(true);
    host.serve(uri('rotating'), published(key, next), { 'cache-control': 'max-age=3600' });
    const asked = () => host.requests.filter((place) => place.startsWith('rotating.')).length;
    expect(isLetIn(await present(await sign({}, next, rotating)))).toBe(false);
    expect(asked()).toBe(1);
    const time = moveTime();
    try {
      time.forward(61);
      expect(isLetIn(await present(await sign({}, next, rotating)))).toBe(true);
      for (let times = 0; times < 5; times += 1) {
        expect(isLetIn(await present(await sign({ header: { kid: `random-${times}` } }, next, rotating)))).toBe(false);
      }
      expect(asked()).toBe(2);
    } finally {
      time.restore();
    }
  });

  it('that cannot be fetched are 503 and not invalid_client; that are no good are 401', async () => {
    const missing = await registerKeyed({ jwks_uri: uri('missing') });
    const answer = await present(await sign({}, key, missing));
    expect([answer.status, answer.json().error]).toEqual([503, 'temporarily_unavailable']);
    expect(answer.headers['retry-after']).toBeDefined();
    host.serve(uri('leaked'), { keys: [key.privateJwk] });
    const leaked = await registerKeyed({ jwks_uri: uri('leaked') });
    expect(isLetIn(await present(await sign({}, key, leaked)))).toBe(false);
    expect(issuer.log.some((line) => line.includes('public keys only'))).toBe(true);
  });
});

describe('what may be registered for it', () => {
  const register = (metadata: Record<string, unknown>) =>
    postJson(issuer, '/register', { redirect_uris: ['https://a.example/cb'], token_endpoint_auth_method: 'private_key_jwt', ...metadata });

  it.each<[string, () => Promise<Record<string, unknown>>, string]>([
    ['no keys', async () => ({}), 'send jwks, or an https jwks_uri'],
    ['keys twice', async () => ({ jwks: { keys: [key.publicJwk] }, jwks_uri: 'https://a.example/jwks' }), 'leave one of them out'],
    ['a private key', async () => ({ jwks: { keys: [key.privateJwk] } }), 'public half'],
    ['a secret', async () => ({ jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }), 'public half'],
    ['a short RSA key', async () => ({ jwks: { keys: [{ kty: 'RSA', e: 'AQAB', n: 'a'.repeat(171) }] } }), '2048 bits'],
    ['an empty set', async () => ({ jwks: { keys: [] } }), 'at least one'],
    ['no set', async () => ({ jwks: 'x' }), 'jwks must be an object'],
    ['plain http', async () => ({ jwks_uri: 'http://a.example/jwks' }), 'jwks_uri must be an https URL'],
    [
      'a symmetric algorithm',
      async () => ({ jwks: { keys: [key.publicJwk] }, token_endpoint_auth_signing_alg: 'HS256' }),
      'must be one of ES256',
    ],
    ['no algorithm', async () => ({ jwks: { keys: [key.publicJwk] }, token_endpoint_auth_signing_alg: 'none' }), 'must be one of ES256'],
  ])('ABUSE-15, ABUSE-5: %s is 400, with the member, the rule and the fix', async (_what, metadata, words) => {
    const response = await register(await metadata());
    expect(response.status).toBe(400);
    expect(response.json()).toMatchObject({ error: 'invalid_client_metadata', error_description: expect.stringContaining(words) });
  });

  it('a private key is refused beside every method, and keys without a use are left out', async () => {
    expect((await register({ token_endpoint_auth_method: 'none', jwks: { keys: [key.privateJwk] } })).status).toBe(400);
    const response = await register({ token_endpoint_auth_method: 'none', jwks: { keys: [key.publicJwk] } });
    expect(response.status).toBe(201);
    expect(response.json()).not.toHaveProperty('jwks');
  });
});

it('goes on through sign-in, consent and refresh as any other client', async () => {
  const assertion = await sign();
  const authorized = await authorize(issuer, { client, person, server });
  const answer = await redeem(issuer, client, authorized, { client_id: undefined, ...byAssertion(assertion) });
  expect(answer.status).toBe(200);
  await expect(connect(issuer, { client, person, server })).rejects.toThrow('401');
});
