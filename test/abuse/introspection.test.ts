import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importJWK, type JWTPayload, SignJWT } from 'jose';
import { Client } from 'pg';
import { createManualClient } from '../../src/services/create-client.ts';
import { ensureSigningKeys } from '../../src/services/signing-keys.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorize,
  basic,
  claimsOf,
  connect,
  postForm,
  redeem,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;
let tokens: Tokens;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
  tokens = await connect(issuer, { client, person, server, scope: 'openid email tools' });
});
afterAll(() => issuer.stop());

const inactive = '{"active":false}';

function introspect(token: string, headers: Record<string, string> = basic(server.serverId, server.credential)) {
  return postForm(issuer, '/introspect', { token }, headers);
}

/** Signs claims with the issuer's own key, as only the issuer could. */
async function signAsIssuer(claims: JWTPayload, header: { typ?: string; alg?: string } = {}): Promise<string> {
  const { current } = await ensureSigningKeys(issuer.runtime, issuer.tenant);
  const key = await importJWK(current.privateJwk, 'ES256');
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: current.kid, typ: 'at+jwt', ...header }).sign(key);
}

describe('whoever is not the token’s server', () => {
  it.each([
    ['nobody', {}, {}],
    ['a public client', { client_id: '{client}' }, {}],
    ['an unknown client', { client_id: 'cli_nobody' }, {}],
    ['an unknown server', {}, basic('srv_nobody', 'secret')],
    ['the server without its credential', { client_id: '{server}' }, {}],
    ['the server with a wrong credential', {}, { Authorization: 'Basic {server}:wrong' }],
    ['the server with the digest of its credential', {}, { Authorization: 'Basic {server}:{digest}' }],
    ['the token itself', {}, { Authorization: 'Bearer {token}' }],
    ['a credential in the query', {}, {}],
  ])('ABUSE-52, ENG-32, MCP-25: %s → 401 with a challenge, whatever the token', async (who, parameters, headers) => {
    const row = await issuer.runtime.store.server.findFirstOrThrow({ where: { id: server.serverId } });
    const fill = (text: string) =>
      text
        .replace('{client}', client.clientId)
        .replace('{server}', server.serverId)
        .replace('{digest}', row.credentialDigest)
        .replace('{token}', tokens.access_token)
        .replace(/^Basic (srv_.*)$/, (_, pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`);
    const filled = (pairs: Record<string, string>) => Object.fromEntries(Object.entries(pairs).map(([name, text]) => [name, fill(text)]));
    const query = who.endsWith('query') ? `?client_id=${server.serverId}&client_secret=${server.credential}` : '';
    const answers = [];
    for (const token of [tokens.access_token, 'unknown', 'eyJhbGciOiJub25lIn0.e30.']) {
      answers.push(await postForm(issuer, `/introspect${query}`, { token, ...filled(parameters) }, filled(headers)));
    }
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.json().error).toBe('invalid_client');
      expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="/);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.text).toBe(answers[0]?.text);
      expect(answer.text).not.toContain('active');
    }
  });

  it('ABUSE-52, ENG-15: another server, a stranger’s confidential client, and one that an administrator made learn nothing', async () => {
    const other = await issuer.addServer();
    const stranger = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const request = { name: 'Console', redirectUris: ['https://console.example/cb'], authMethod: 'client_secret_basic' };
    const made = await createManualClient(issuer.runtime, issuer.tenant, { request, origin: { actorType: 'operator' } });
    if (!made.ok) throw new Error(made.problem.reason);
    const callers = [
      basic(other.serverId, other.credential),
      basic(stranger.clientId, stranger.secret ?? ''),
      basic(made.client.id, made.secret ?? ''),
    ];
    for (const caller of callers) {
      for (const token of [tokens.access_token, tokens.refresh_token, tokens.id_token ?? '', 'unknown']) {
        const answer = await introspect(token, caller);
        expect([answer.status, answer.text]).toEqual([200, inactive]);
      }
    }
  });

  it('ENG-15: the client that holds a token may not ask about it either', async () => {
    const own = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const authorized = await authorize(issuer, { client: own, person, server });
    const held = (await redeem(issuer, own, authorized, { client_secret: own.secret })).json<Tokens>();
    const answer = await postForm(issuer, '/introspect', { token: held.access_token, client_id: own.clientId, client_secret: own.secret });
    expect((await introspect(held.access_token)).json().active).toBe(true);
    expect(answer.text).toBe(inactive);
  });
});

describe('what is no access token', () => {
  it('ABUSE-51, ABUSE-52: refresh tokens, ID tokens, status lists, management tokens, codes are as unknown as noise', async () => {
    const list = (await issuer.send({ path: '/status/0' })).text;
    const others = [
      tokens.refresh_token,
      tokens.id_token ?? '',
      list,
      client.managementToken,
      server.credential,
      tokens.access_token.slice(0, -1),
      `${tokens.access_token}x`,
      tokens.access_token.toUpperCase(),
      tokens.access_token.split('.').slice(0, 2).join('.'),
      `${tokens.access_token}.${tokens.access_token}`,
      `Bearer ${tokens.access_token}`,
      'a\0b',
      '"', // A text that would end a JSON string.
      '[object Object]',
      '../../../../etc/passwd',
      'x'.repeat(20_000),
    ];
    for (const token of others) {
      const answer = await introspect(token);
      expect([token.slice(0, 20), answer.status, answer.text]).toEqual([token.slice(0, 20), 200, inactive]);
    }
  });

  it('ABUSE-52, ABUSE-56: nothing that another key signed, or none, or ours for another use', async () => {
    const claims = claimsOf(tokens.access_token) as JWTPayload;
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const { current } = await ensureSigningKeys(issuer.runtime, issuer.tenant);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const foreign = (header: object) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: current.kid, typ: 'at+jwt', ...header })
        .sign(createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })));
    const publicBytes = new TextEncoder().encode(JSON.stringify(current.publicJwk));
    const forged = [
      `${part({ alg: 'none', typ: 'at+jwt' })}.${part(claims)}.`,
      await foreign({}),
      await foreign({ jku: `${issuer.url}/jwks` }),
      await foreign({ kid: undefined }),
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: current.kid, typ: 'at+jwt' }).sign(publicBytes),
      await signAsIssuer(claims, { typ: 'JWT' }),
      await signAsIssuer(claims, { typ: 'statuslist+jwt' }),
      await signAsIssuer({ ...claims, iss: `${issuer.url}/` }),
      await signAsIssuer({ ...claims, iss: 'https://other.example' }),
      await signAsIssuer({ ...claims, exp: 1 }),
      await signAsIssuer({ ...claims, aud: undefined as never }),
      await signAsIssuer({ ...claims, aud: `${server.resource}/` }),
      await signAsIssuer({ ...claims, aud: [server.resource, 'https://other.example/mcp'] }),
      await signAsIssuer({ ...claims, nbf: Math.floor(Date.now() / 1_000) + 600 }),
      await signAsIssuer({ ...claims, status: undefined }),
      await signAsIssuer({ ...claims, status: { status_list: { idx: 1, uri: 'https://other.example/status/0' } } }),
      await signAsIssuer({ ...claims, client_id: undefined }),
    ];
    for (const [index, token] of forged.entries()) expect([index, (await introspect(token)).text]).toEqual([index, inactive]);
    expect((await introspect(await signAsIssuer(claims))).json().active).toBe(true);
  });

  it('ABUSE-52: a request that cannot be understood is 400, never an answer', async () => {
    const credentials = basic(server.serverId, server.credential);
    const answers = [
      await postForm(issuer, '/introspect', {}, credentials),
      await postForm(issuer, '/introspect', { token: '' }, credentials),
      await postForm(issuer, '/introspect', { token: [tokens.access_token, tokens.access_token] }, credentials),
      await issuer.send({
        method: 'POST',
        path: '/introspect',
        headers: { 'Content-Type': 'application/json', ...credentials },
        body: JSON.stringify({ token: tokens.access_token }),
      }),
      await postForm(issuer, '/introspect', { token: 'x', client_id: server.serverId, client_secret: server.credential }, credentials),
      await postForm(issuer, '/introspect', { token: 'x' }, { Authorization: 'Basic !' }),
    ];
    for (const answer of answers) {
      expect([answer.status, answer.json().error]).toEqual([400, 'invalid_request']);
      expect(answer.headers['cache-control']).toBe('no-store');
    }
    expect((await introspect('x'.repeat(60_000))).status).toBe(400);
    for (const method of ['GET', 'PUT', 'DELETE']) {
      expect((await issuer.send({ method, path: `/introspect?token=${tokens.access_token}`, headers: credentials })).status).toBe(405);
    }
  });
});

describe('the infrastructure rule', () => {
  it('a database that does not know is an error of ours, never an inactive token', async () => {
    const owner = new Client({ connectionString: issuer.database.ownerUrl });
    await owner.connect();
    try {
      for (const table of ['status_entries', 'servers']) {
        await owner.query(`ALTER TABLE ${table} RENAME TO ${table}_away`);
        const answer = await introspect(tokens.access_token);
        await owner.query(`ALTER TABLE ${table}_away RENAME TO ${table}`);
        expect(answer.status).toBeGreaterThanOrEqual(500);
        expect(answer.json().error).toMatch(/^(server_error|temporarily_unavailable)$/);
        expect(answer.text).not.toMatch(/active|status_entries|servers|prisma/i);
      }
    } finally {
      await owner.end();
    }
    expect((await introspect(tokens.access_token)).json().active).toBe(true);
  });

  it('a lock that is not given in time is 503 with Retry-After', async () => {
    const owner = new Client({ connectionString: issuer.database.ownerUrl });
    await owner.connect();
    try {
      await owner.query('BEGIN');
      await owner.query('LOCK TABLE status_entries IN ACCESS EXCLUSIVE MODE');
      const answer = await introspect(tokens.access_token);
      expect(answer.status).toBe(503);
      expect(answer.headers['retry-after']).toMatch(/^\d+$/);
      expect(answer.json().error).toBe('temporarily_unavailable');
    } finally {
      await owner.query('ROLLBACK');
      await owner.end();
    }
  });
});
