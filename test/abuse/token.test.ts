import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import {
  authorize,
  basic,
  claimsOf,
  connect,
  isActive,
  newPkce,
  postForm,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';

let issuer: TestIssuer;
let second: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  second = await startIssuer({ beside: issuer });
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(async () => {
  await second.stop();
  await issuer.stop();
});

const invalidGrant = { error: 'invalid_grant' };

describe('a code', () => {
  it('ABUSE-41, ENG-1: redeemed 20 times at once over two instances yields tokens once, and they are revoked', async () => {
    const authorized = await authorize(issuer, { client, person, server });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => redeem(index % 2 ? issuer : second, client, authorized)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 19 }, () => 400)]);
    for (const answer of answers.filter(({ status }) => status === 400)) expect(answer.json()).toMatchObject(invalidGrant);
    const tokens = answers.find(({ status }) => status === 200)?.json<Tokens>();
    expect(await isActive(second, server, tokens?.access_token ?? '')).toBe(false);
    expect((await refresh(issuer, client, tokens?.refresh_token ?? '')).json()).toMatchObject(invalidGrant);
  });

  it('ABUSE-42, MCP-19: a valid replay is refused and revokes what was issued; the audit trail says so', async () => {
    const tokens = await connect(issuer, { client, person, server });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    const replay = await redeem(second, client, tokens);
    expect(replay.status).toBe(400);
    expect(replay.json()).toMatchObject(invalidGrant);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject(invalidGrant);
    const event = await issuer.runtime.store.auditEvent.findFirst({ where: { type: 'token.code-replayed' }, orderBy: { at: 'desc' } });
    expect(event).toMatchObject({ outcome: 'denied', clientId: client.clientId, userId: person.userId });
  });

  it('ABUSE-42, MCP-19: a replay with a bad verifier, redirect URI or client revokes nothing', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const confidential = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const replays = [
      redeem(issuer, client, tokens, { code_verifier: newPkce().verifier }),
      redeem(issuer, client, tokens, { redirect_uri: 'http://127.0.0.1:10/callback' }),
      redeem(issuer, confidential, tokens, { client_secret: confidential.secret ?? '' }),
      redeem(issuer, confidential, tokens, { client_secret: 'wrong' }),
    ];
    for (const replay of await Promise.all(replays)) expect(replay.status).toBeGreaterThanOrEqual(400);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
  });

  it('ABUSE-43: is refused after 60 seconds, to another client, and with another redirect URI', async () => {
    const other = await registerTestClient(issuer);
    const authorized = await authorize(issuer, { client, person, server });
    expect((await redeem(issuer, other, authorized)).json()).toMatchObject(invalidGrant);
    expect((await redeem(issuer, client, authorized, { redirect_uri: 'http://127.0.0.1:10/callback' })).json()).toMatchObject(invalidGrant);
    const time = moveTime();
    try {
      time.forward(60);
      expect((await redeem(issuer, client, authorized)).json()).toMatchObject(invalidGrant);
    } finally {
      time.restore();
    }
  });

  it('ABUSE-59, MCP-21, ENG-4: another resource is an invalid target and leaves the code good; another spelling is the same', async () => {
    const otherServer = await issuer.addServer();
    const authorized = await authorize(issuer, { client, person, server });
    for (const resource of [otherServer.resource, 'https://unknown.example', [server.resource, otherServer.resource]]) {
      const response = await redeem(issuer, client, authorized, { resource });
      expect(response.status).toBe(400);
      expect(response.json()).toMatchObject({ error: 'invalid_target' });
    }
    const loud = server.resource.replace('https://', 'HTTPS://').replace('.example', '.EXAMPLE');
    const response = await redeem(issuer, client, authorized, { resource: loud });
    expect(response.status).toBe(200);
    expect(claimsOf(response.json<Tokens>().access_token).aud).toBe(server.resource);
  });

  it('MCP-21: may be redeemed without naming the resource again', async () => {
    const authorized = await authorize(issuer, { client, person, server });
    expect(claimsOf((await redeem(issuer, client, authorized)).json<Tokens>().access_token).aud).toBe(server.resource);
  });
});

describe('client authentication', () => {
  it.each(['client_secret_basic', 'client_secret_post'])('a client of %s redeems with its secret, either way', async (method) => {
    const confidential = await registerTestClient(issuer, { token_endpoint_auth_method: method });
    const secret = confidential.secret ?? '';
    const byHeader = await authorize(issuer, { client: confidential, person, server });
    expect((await redeem(issuer, confidential, byHeader, { client_id: undefined }, basic(confidential.clientId, secret))).status).toBe(200);
    const byBody = await authorize(issuer, { client: confidential, person, server });
    expect((await redeem(issuer, confidential, byBody, { client_secret: secret })).status).toBe(200);
  });

  it('ABUSE-44, ENG-32, MCP-25: a bad or missing secret and an unknown client get 401 with a challenge, in JSON', async () => {
    const confidential = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const authorized = await authorize(issuer, { client: confidential, person, server });
    const digest = (await issuer.runtime.store.client.findFirst({ where: { id: confidential.clientId } }))?.secretDigest ?? '';
    const answers = await Promise.all([
      redeem(issuer, confidential, authorized, { client_secret: 'wrong' }),
      redeem(issuer, confidential, authorized, { client_secret: digest }),
      redeem(issuer, confidential, authorized, { client_id: undefined }, basic(confidential.clientId, 'wrong')),
      redeem(issuer, confidential, authorized),
      redeem(issuer, { clientId: 'cli_unknown', redirectUri: '' }, authorized),
      redeem(issuer, { clientId: 'cli_\0', redirectUri: '' }, authorized, {}, { Accept: 'text/html' }),
    ]);
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.json()).toMatchObject({ error: 'invalid_client' });
      expect(answer.headers['www-authenticate']).toContain('Basic');
    }
    expect((await redeem(issuer, confidential, authorized, { client_secret: confidential.secret })).status).toBe(200);
  });

  it('ABUSE-44: two ways at once are 400, a secret in the query is not read', async () => {
    const confidential = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const secret = confidential.secret ?? '';
    const authorized = await authorize(issuer, { client: confidential, person, server });
    const both = await redeem(issuer, confidential, authorized, { client_secret: secret }, basic(confidential.clientId, secret));
    expect(both.status).toBe(400);
    expect(both.json()).toMatchObject({ error: 'invalid_request' });
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code: authorized.code,
      code_verifier: authorized.verifier,
    }).toString();
    const inQuery = await issuer.send({
      method: 'POST',
      path: `/token?client_id=${confidential.clientId}&client_secret=${secret}`,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body,
    });
    expect(inQuery.status).toBeGreaterThanOrEqual(400);
    expect(inQuery.json().error).toMatch(/^invalid_(request|client)$/);
  });

  it('MCP-26: ids and secrets survive Basic authentication without encoding', async () => {
    for (let index = 0; index < 5; index += 1) {
      const { clientId, secret, managementToken } = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
      for (const text of [clientId, secret, managementToken]) expect(text).toMatch(/^[\w-]+$/);
    }
  });

  it('a server’s credential gets no token of any kind', async () => {
    for (const grantType of ['authorization_code', 'refresh_token', 'client_credentials']) {
      const response = await postForm(issuer, '/token', { grant_type: grantType }, basic(server.serverId, server.credential));
      expect(response.status).toBe(400);
    }
  });
});

describe('the token endpoint', () => {
  it.each(['password', 'client_credentials', 'implicit', 'urn:ietf:params:oauth:grant-type:jwt-bearer', '__proto__', ''])(
    'ABUSE-46, ABUSE-9: the grant %j is not supported',
    async (grantType) => {
      const response = await postForm(issuer, '/token', {
        grant_type: grantType,
        client_id: client.clientId,
        username: 'a',
        password: 'b',
      });
      expect(response.status).toBe(400);
      expect(response.json().error).toMatch(/^unsupported_grant_type$|^invalid_request$/);
    },
  );

  it('ABUSE-46: GET and other methods are not served', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const response = await issuer.send({ method, path: '/token?grant_type=refresh_token' });
      expect([404, 405]).toContain(response.status);
    }
    for (const path of ['/TOKEN', '/token/', '/Token'])
      expect((await postForm(issuer, path, { client_id: client.clientId })).status).toBe(404);
  });

  it('ABUSE-46: JSON, NUL and bodies that are too large are refused, and the process goes on', async () => {
    const json = await issuer.send({ method: 'POST', path: '/token', headers: { 'Content-Type': 'application/json' }, body: '{}' });
    expect(json.status).toBe(400);
    const nul = await postForm(issuer, '/token', { grant_type: 'refresh_token', client_id: client.clientId, refresh_token: 'a\0b' });
    expect(nul.status).toBe(400);
    expect(nul.json()).toMatchObject(invalidGrant);
    const large = await postForm(issuer, '/token', {
      grant_type: 'refresh_token',
      client_id: client.clientId,
      refresh_token: 'a'.repeat(60_000),
    });
    expect(large.status).toBeGreaterThanOrEqual(400);
    expect(large.status).toBeLessThan(500);
    expect((await issuer.send({ path: '/jwks' })).status).toBe(200);
  });

  it('ABUSE-20: parameters given twice are refused', async () => {
    const authorized = await authorize(issuer, { client, person, server });
    for (const name of ['code', 'code_verifier', 'redirect_uri', 'grant_type', 'client_id']) {
      const original = { code: authorized.code, code_verifier: authorized.verifier, grant_type: 'authorization_code' }[name] ?? 'x';
      expect((await redeem(issuer, client, authorized, { [name]: [original, original] })).status).toBe(400);
    }
    expect((await redeem(issuer, client, authorized)).status).toBe(200);
  });

  it('ABUSE-47, MCP-20: no answer may be kept, good or bad', async () => {
    const authorized = await authorize(issuer, { client, person, server });
    const answers = [
      await redeem(issuer, client, authorized),
      await redeem(issuer, client, authorized),
      await redeem(issuer, { clientId: 'cli_unknown', redirectUri: '' }, authorized),
      await postForm(issuer, '/token', {}),
      await postForm(issuer, '/introspect', {}),
      await postForm(issuer, '/revoke', {}),
    ];
    for (const { headers } of answers) expect(headers['cache-control']).toBe('no-store');
  });
});
