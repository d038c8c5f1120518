import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { basic, connect, postForm, postJson, registerTestClient } from '../support/oauth-client.ts';

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

const origin = { Origin: 'https://inspector.example' };

/** As MCP clients in browsers ask before they call. */
function preflight(path: string, method: string, headers: string) {
  return issuer.send({
    method: 'OPTIONS',
    path,
    headers: { ...origin, 'Access-Control-Request-Method': method, 'Access-Control-Request-Headers': headers },
  });
}

const shared: [string, string[]][] = [
  ['/.well-known/oauth-authorization-server', ['GET']],
  ['/.well-known/openid-configuration', ['GET']],
  ['/jwks', ['GET']],
  ['/token', ['POST']],
  ['/register', ['POST']],
  ['/register/cli_x', ['GET', 'PUT', 'DELETE']],
  ['/revoke', ['POST']],
  ['/status/0', ['GET']],
  ['/selections/x', ['GET']],
  ['/audit/keys', ['GET']],
];

describe('MCP-34, ENG-17: clients in browsers', () => {
  it.each(shared)('may call %s by %j', async (path, methods) => {
    for (const method of methods) {
      for (const asked of ['mcp-protocol-version', 'content-type', 'authorization', 'accept']) {
        const answer = await preflight(path, method, asked);
        expect(answer.status).toBe(204);
        expect(answer.text).toBe('');
        expect(answer.headers['access-control-allow-origin']).toBe('*');
        expect(answer.headers['access-control-allow-methods']?.split(', ')).toContain(method);
        expect(answer.headers['access-control-allow-headers']?.split(', ')).toContain(asked);
        expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      }
    }
  });

  it.each([
    '/',
    '/account',
    '/sign-in',
    '/interaction/x',
    '/authorize',
    '/authorize/x',
    '/logout',
    '/introspect',
    '/servers/hello',
    '/widen',
    '/link/x',
    '/healthz',
  ])('may not call %s', async (path) => {
    for (const method of ['GET', 'POST']) {
      const answer = await preflight(path, method, 'content-type');
      expect([answer.status, answer.headers['access-control-allow-origin']]).not.toEqual([204, expect.anything()]);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('MCP-40: read what goes wrong, its challenge and its Retry-After included', async () => {
    const answers = [
      await postForm(issuer, '/token', { grant_type: 'refresh_token', client_id: 'cli_nobody' }, origin),
      await postForm(issuer, '/token', {}, origin),
      await postForm(issuer, '/revoke', { token: 'x' }, { ...origin, ...basic('cli_nobody', 'x') }),
      await postJson(issuer, '/register', { redirect_uris: ['javascript:alert(1)'] }, origin),
      await issuer.send({ path: '/register/cli_x', headers: { ...origin, Authorization: 'Bearer x' } }),
      await issuer.send({ method: 'DELETE', path: '/token', headers: origin }),
      await issuer.send({ path: '/status/99', headers: origin }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 400, 401, 400, 401, 405, 404]);
    for (const { headers } of answers) {
      expect(headers['access-control-allow-origin']).toBe('*');
      expect(headers['access-control-expose-headers']).toContain('Retry-After');
    }
    for (const { headers, status } of answers)
      if (status === 401) expect(headers['access-control-expose-headers']).toContain('WWW-Authenticate');
  });

  it('go all the way from registration to revocation, whatever their origin', async () => {
    const asBrowser: TestIssuer = { ...issuer, send: (request) => issuer.send({ ...request, headers: { ...request.headers, ...origin } }) };
    const client = await registerTestClient(asBrowser);
    const [person, server] = [await issuer.addPerson(), await issuer.addServer()];
    const tokens = await connect(asBrowser, { client, person, server });
    const form = { grant_type: 'refresh_token', client_id: client.clientId, refresh_token: tokens.refresh_token };
    for (const answer of [
      await postForm(asBrowser, '/token', form),
      await postForm(asBrowser, '/revoke', { token: tokens.refresh_token, client_id: client.clientId }),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.headers['access-control-allow-origin']).toBe('*');
      expect(answer.headers['cache-control']).toBe('no-store');
    }
  });

  it('where strangers may not register, neither may a preflight', async () => {
    const closed = await startIssuer({ tenantSettings: { registration: 'off' } });
    try {
      for (const path of ['/register', '/register/cli_x']) {
        for (const method of ['OPTIONS', 'POST', 'GET']) expect((await closed.send({ method, path, headers: origin })).status).toBe(404);
      }
      for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']) {
        expect((await closed.send({ path })).json()).not.toHaveProperty('registration_endpoint');
      }
    } finally {
      await closed.stop();
    }
  });
});
