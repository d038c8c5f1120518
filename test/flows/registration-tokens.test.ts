/** Registration with initial access tokens (RFC 7591 §3). */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createInitialAccessToken, listInitialAccessTokens, revokeInitialAccessToken } from '../../src/services/initial-access-tokens.ts';
import { sweepExpired } from '../../src/services/sweep-expired.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { postJson, registerTestClient } from '../support/oauth-client.ts';

const origin = { actorType: 'operator' } as const;
const loopback = { redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none' };

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startIssuer({ tenantSettings: { registration: 'token' } });
});
afterAll(() => issuer.stop());

const makeToken = (options: { maxUses?: number; lifetimeSeconds?: number } = {}, at: TestIssuer = issuer) =>
  createInitialAccessToken(at.runtime, at.tenant, { name: 'CI', maxUses: 1, lifetimeSeconds: 3_600, ...options, origin });

const register = (authorization?: string, body: unknown = loopback, at: TestIssuer = issuer) =>
  postJson(at, '/register', body, authorization === undefined ? {} : { Authorization: authorization });

const countClients = () => issuer.runtime.store.client.count();

describe('ABUSE-11: where registration needs an initial access token', () => {
  it('none is 401 with a challenge that names no error, and a next step', async () => {
    const before = await countClients();
    for (const authorization of [undefined, '', 'Basic eDp5', 'Bearer', 'Bearer  ']) {
      const response = await register(authorization);
      expect(response.status).toBe(401);
      expect(response.headers['www-authenticate']).toBe(`Bearer realm="${issuer.url}"`);
      expect(response.headers['cache-control']).toBe('no-store');
      expect(response.json()).toEqual({ error: 'invalid_token', error_description: expect.stringContaining('ask the operator') });
    }
    expect(await countClients()).toBe(before);
  });

  it('a good one registers; the audit trail says by which one', async () => {
    const { token, stored } = await makeToken();
    const response = await register(`bearer ${token}`);
    expect(response.status).toBe(201);
    const { client_id: clientId } = response.json();
    const [event] = await listAuditEvents(issuer.runtime.store, issuer.tenant.id, 1);
    expect(event).toMatchObject({ type: 'client.registered', clientId, detail: { initialToken: stored.id } });
  });

  it('an unknown, used, expired or revoked one is refused in one way, and so is another tenant’s or a management token', async () => {
    const before = await countClients();
    const other = await issuer.addTenant('other');
    await other.set({ registration: 'token' });
    const [used, revoked, foreign, short] = [await makeToken(), await makeToken(), await makeToken({}, other), await makeToken()];
    const first = await register(`Bearer ${used.token}`);
    expect(first.status).toBe(201);
    expect(await revokeInitialAccessToken(issuer.runtime, issuer.tenant, { id: revoked.stored.id, origin })).toBe(true);
    expect(await revokeInitialAccessToken(issuer.runtime, issuer.tenant, { id: revoked.stored.id, origin })).toBe(false);
    expect(await revokeInitialAccessToken(issuer.runtime, issuer.tenant, { id: foreign.stored.id, origin })).toBe(false);
    const bad = [used.token, revoked.token, foreign.token, String(first.json().registration_access_token), 'x', 'a'.repeat(4_000)];
    const answers: RawResponse[] = [];
    for (const token of bad) answers.push(await issuer.send(registration(token)));
    const time = moveTime();
    try {
      time.forward(3_601);
      answers.push(await register(`Bearer ${short.token}`));
    } finally {
      time.restore();
    }
    for (const [index, answer] of answers.entries()) {
      expect([index, answer.status, answer.json().error]).toEqual([index, 401, 'invalid_token']);
    }
    expect(new Set([0, 1, 2, 3, 4, 6].map((index) => answers[index]?.text)).size).toBe(1);
    expect(answers[0]?.headers['www-authenticate']).toBe(`Bearer realm="${issuer.url}", error="invalid_token"`);
    expect(await countClients()).toBe(before + 1);
    expect((await register(`Bearer ${foreign.token}`, loopback, other)).status).toBe(201);
  });

  it('a registration that fails uses nothing up', async () => {
    const { token } = await makeToken();
    expect((await register(`Bearer ${token}`, { redirect_uris: ['javascript:alert(1)'] })).status).toBe(400);
    expect((await register(`Bearer ${token}`, [])).status).toBe(400);
    expect((await register(`Bearer ${token}`)).status).toBe(201);
  });

  it('of twenty that come together over two instances as many register as there are uses', async () => {
    const second = await startIssuer({ beside: issuer });
    try {
      const { token } = await makeToken({ maxUses: 3 });
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => register(`Bearer ${token}`, loopback, index % 2 === 0 ? issuer : second)),
      );
      expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(3).fill(201), ...Array(17).fill(401)]);
    } finally {
      await second.stop();
    }
  });

  it('MCP-34: a browser may ask: the preflight allows the header, and the answer shows the challenge', async () => {
    const preflight = await issuer.send({
      method: 'OPTIONS',
      path: '/register',
      headers: {
        Origin: 'https://app.example',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-headers']).toContain('authorization');
    const response = await postJson(issuer, '/register', loopback, { Origin: 'https://app.example' });
    expect(response.headers['access-control-allow-origin']).toBe('*');
    expect(response.headers['access-control-expose-headers']).toContain('WWW-Authenticate');
  });

  it('metadata names the endpoint, and what is registered manages itself by its own token', async () => {
    expect((await issuer.send({ path: '/.well-known/oauth-authorization-server' })).json()).toMatchObject({
      registration_endpoint: `${issuer.url}/register`,
    });
    const { token } = await makeToken();
    const { client_id: id, registration_access_token: own } = (await register(`Bearer ${token}`)).json();
    const get = (bearer: string) => issuer.send({ path: `/register/${id}`, headers: { Authorization: `Bearer ${bearer}` } });
    expect([(await get(String(own))).status, (await get(token)).status]).toEqual([200, 401]);
  });
});

it('where everyone may register, a token means nothing, and is not used up', async () => {
  const open = await issuer.addTenant('open');
  const { token, stored } = await makeToken({}, open);
  await registerTestClient(open);
  expect((await register('Bearer nonsense', loopback, open)).status).toBe(201);
  expect((await register(`Bearer ${token}`, loopback, open)).status).toBe(201);
  expect(await listInitialAccessTokens(open.runtime, open.tenant)).toEqual([{ ...stored }]);
});

it('what is kept is a digest, and it goes when the token has expired', async () => {
  const { token, stored } = await makeToken({ lifetimeSeconds: 60 });
  const rows = await issuer.runtime.store.initialAccessToken.findMany();
  expect(JSON.stringify(rows)).not.toContain(token);
  expect(issuer.log.join('\n')).not.toContain(token);
  const time = moveTime();
  try {
    time.forward(600);
    while ((await sweepExpired(issuer.runtime)) > 0);
  } finally {
    time.restore();
  }
  const left = await listInitialAccessTokens(issuer.runtime, issuer.tenant);
  expect(left.map(({ id }) => id)).not.toContain(stored.id);
  expect(left.length).toBeGreaterThan(0);
});

it('a refusal stands in the log with the request id', async () => {
  const response = await register('Bearer nonsense');
  const line = issuer.log.find((one) => one.includes('registration refused') && one.includes(String(response.headers['x-request-id'])));
  expect(line).toContain('unknown, expired, revoked or used up');
});

function registration(token: string) {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  return { method: 'POST', path: '/register', headers, body: JSON.stringify(loopback) };
}
