import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { ensureSigningKeys } from '../../src/services/signing-keys.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import {
  basic,
  claimsOf,
  connect,
  isActive,
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

function introspect(token: string, headers: Record<string, string>, parameters: Record<string, string> = {}) {
  return postForm(issuer, '/introspect', { token, ...parameters }, headers);
}

function revoke(by: TestClient, token: string, parameters: Record<string, string> = {}) {
  return postForm(issuer, '/revoke', { token, client_id: by.clientId, ...parameters });
}

/** A token signed with the issuer's own key, with claims of the test's choice. */
async function forge(claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
  const { current } = await ensureSigningKeys(issuer.runtime, issuer.tenant);
  const { importJWK } = await import('jose');
  const key = await importJWK(current.privateJwk, 'ES256');
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: current.kid, ...header }).sign(key);
}

describe('introspection', () => {
  it('ENG-14, ENG-30: tells a server about a token that is for it, in JSON that is not kept', async () => {
    const tokens = await connect(issuer, { client, person, server, decision: { tools: ['list_issues'] } });
    const response = await introspect(tokens.access_token, basic(server.serverId, server.credential));
    expect(response.status).toBe(200);
    expect(response.headers['cache-control']).toBe('no-store');
    const { status: _, ...claims } = claimsOf(tokens.access_token);
    expect(response.json()).toEqual({ active: true, token_type: 'Bearer', ...claims });
    const posted = await postForm(issuer, '/introspect', {
      token: tokens.access_token,
      client_id: server.serverId,
      client_secret: server.credential,
    });
    expect(posted.json().active).toBe(true);
  });

  it('ABUSE-52, ENG-15: every other caller learns exactly that it is not active', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const other = await issuer.addServer();
    const confidential = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const own = await connect(issuer, { client: await registerTestClient(issuer), person, server: other });
    const callers = [basic(other.serverId, other.credential), basic(confidential.clientId, confidential.secret ?? '')];
    for (const headers of callers) {
      for (const token of [tokens.access_token, tokens.refresh_token]) {
        const response = await introspect(token, headers);
        expect(response.status).toBe(200);
        expect(response.text).toBe('{"active":false}');
      }
    }
    expect((await introspect(own.access_token, callers[0] ?? {})).json().active).toBe(true);
  });

  it('ABUSE-52: unknown, expired, revoked and other tokens are exactly not active', async () => {
    const headers = basic(server.serverId, server.credential);
    const tokens = await connect(issuer, { client, person, server, scope: 'openid tools' });
    const claims = claimsOf(tokens.access_token);
    const broken = `${tokens.access_token.slice(0, -4)}AAAA`;
    const unsigned = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${tokens.access_token.split('.')[1]}.`;
    const wrong = [
      'nonsense',
      'a.b.c',
      broken,
      unsigned,
      tokens.refresh_token,
      tokens.id_token ?? '',
      await forge({ ...claims, iss: 'https://evil.example' }),
      await forge({ ...claims, exp: 1 }),
      await forge({ ...claims, status: undefined }),
      await forge({ ...claims, status: { status_list: { idx: 0, uri: 'https://evil.example/status/0' } } }),
      await forge(claims, { typ: 'JWT' }),
      await forge({ ...claims, aud: [server.resource] }),
    ];
    for (const token of wrong) expect((await introspect(token, headers)).text).toBe('{"active":false}');
    expect(await isActive(issuer, server, await forge(claims))).toBe(true);
    const time = moveTime();
    try {
      time.forward(901);
      expect((await introspect(tokens.access_token, headers)).text).toBe('{"active":false}');
    } finally {
      time.restore();
    }
    await redeem(issuer, client, tokens);
    expect((await introspect(tokens.access_token, headers)).text).toBe('{"active":false}');
  });

  it('ABUSE-52, ENG-32: who shows no credential, or a wrong one, gets 401 and is told how', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const answers = [
      await introspect(tokens.access_token, {}, { client_id: client.clientId }),
      await introspect('nonsense', {}, { client_id: client.clientId }),
      await introspect(tokens.access_token, basic(server.serverId, 'wrong')),
      await introspect(tokens.access_token, {}, { client_id: server.serverId }),
      await introspect(tokens.access_token, {}, { client_id: 'srv_unknown', client_secret: 'x' }),
      await introspect(tokens.access_token, {}, { client_id: 'srv_\0', client_secret: 'x' }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.json()).toMatchObject({ error: 'invalid_client' });
      expect(answer.headers['www-authenticate']).toContain('Basic');
    }
    expect((await postForm(issuer, '/introspect', {}, basic(server.serverId, server.credential))).status).toBe(400);
  });

  it('a token given twice is refused', async () => {
    const response = await postForm(issuer, '/introspect', { token: ['a', 'b'] }, basic(server.serverId, server.credential));
    expect(response.status).toBe(400);
  });
});

describe('revocation', () => {
  it('ABUSE-53: of a refresh token ends its installation at once, on all instances, and the audit trail says so', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const response = await revoke(client, tokens.refresh_token, { token_type_hint: 'refresh_token' });
    expect(response.status).toBe(200);
    expect(response.text).toBe('');
    expect(await isActive(second, server, tokens.access_token)).toBe(false);
    expect((await refresh(second, client, tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    const list = await issuer.send({ path: '/status/0' });
    expect(list.status).toBe(200);
    const event = await issuer.runtime.store.auditEvent.findFirst({ where: { type: 'token.revoked' }, orderBy: { at: 'desc' } });
    expect(event).toMatchObject({ clientId: client.clientId, actorType: 'client', actorId: client.clientId, outcome: 'success' });
  });

  it('ABUSE-53, ENG-14: of an access token ends the access tokens, and the installation goes on', async () => {
    const tokens = await connect(issuer, { client, person, server });
    expect((await revoke(client, tokens.access_token)).status).toBe(200);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    expect(await isActive(issuer, server, next.access_token)).toBe(true);
    expect((await revoke(client, tokens.access_token)).status).toBe(200);
    expect(await isActive(issuer, server, next.access_token)).toBe(true);
  });

  it('ABUSE-53: of another client’s token has no effect, and tells nothing', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const confidential = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const other = await registerTestClient(issuer);
    for (const token of [tokens.refresh_token, tokens.access_token]) {
      const answers = [
        await revoke(other, token),
        await revoke(confidential, token, { client_secret: confidential.secret ?? '' }),
        await postForm(issuer, '/revoke', { token }, basic(server.serverId, server.credential)),
      ];
      for (const answer of answers) expect([answer.status, answer.text]).toEqual([200, '']);
    }
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
  });

  it('ABUSE-53: of what is unknown is 200', async () => {
    const claims = claimsOf((await connect(issuer, { client, person, server })).access_token);
    const foreign = await forge({ ...claims, status: { status_list: { idx: 131_071, uri: `${issuer.url}/status/77` } } });
    for (const token of ['nonsense', 'a.b.c', foreign, 'x'.repeat(5_000)]) expect((await revoke(client, token)).status).toBe(200);
  });

  it('ENG-32, MCP-25: who is unknown or shows a wrong secret gets 401 and is told how', async () => {
    const confidential = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const answers = [
      await revoke({ ...client, clientId: 'cli_unknown' }, 'x'),
      await revoke(confidential, 'x', { client_secret: 'wrong' }),
      await revoke(confidential, 'x'),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.json()).toMatchObject({ error: 'invalid_client' });
      expect(answer.headers['www-authenticate']).toContain('Basic');
    }
  });

  it('MCP-34: scripts of any origin may revoke', async () => {
    const response = await postForm(issuer, '/revoke', { token: 'x', client_id: client.clientId }, { Origin: 'https://inspector.example' });
    expect(response.status).toBe(200);
    expect(response.headers['access-control-allow-origin']).toBe('*');
    const token = await postForm(
      issuer,
      '/token',
      { grant_type: 'x', client_id: client.clientId },
      { Origin: 'https://inspector.example' },
    );
    expect(token.headers['access-control-allow-origin']).toBe('*');
  });
});
