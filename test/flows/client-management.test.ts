import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reapClients, unusedClientSeconds } from '../../src/services/reap-clients.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { authorize, connect, isActive, redeem, refresh, registerTestClient, type TestClient } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(() => issuer.stop());

const loopback = { redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none' };

function manage(method: string, client: Pick<TestClient, 'clientId'>, token: string, body?: unknown): Promise<RawResponse> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  return issuer.send({ method, path: `/register/${client.clientId}`, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
}

describe('management', () => {
  it('MCP-28, ENG-3: shows a client its registration without its secret', async () => {
    const client = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const response = await manage('GET', client, client.managementToken);
    expect(response.status).toBe(200);
    const { client_secret: _, ...rest } = client.registration;
    expect(response.json()).toEqual(rest);
    expect(response.text).not.toContain('digest');
  });

  it('ENG-3: a change neither shows the secret nor changes it; one that carries it is compared', async () => {
    const client = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const secret = client.secret ?? '';
    const body = {
      client_id: client.clientId,
      client_name: 'New name',
      redirect_uris: [client.redirectUri],
      token_endpoint_auth_method: 'client_secret_post',
    };
    for (const sent of [body, { ...body, client_secret: secret }]) {
      const response = await manage('PUT', client, client.managementToken, sent);
      expect(response.status).toBe(200);
      expect(response.json()).toMatchObject({ client_name: 'New name' });
      expect(response.json()).not.toHaveProperty('client_secret');
    }
    const digest = (await issuer.runtime.store.client.findFirst({ where: { id: client.clientId } }))?.secretDigest;
    for (const wrong of ['wrong', digest, '']) {
      expect((await manage('PUT', client, client.managementToken, { ...body, client_secret: wrong })).status).toBe(400);
    }
    const authorized = await authorize(issuer, { client, person, server });
    expect((await redeem(issuer, client, authorized, { client_secret: secret })).status).toBe(200);
  });

  it('ENG-3: a client that begins to have a secret is told it once; one that stops has none', async () => {
    const client = await registerTestClient(issuer);
    const body = { client_id: client.clientId, redirect_uris: [client.redirectUri], token_endpoint_auth_method: 'client_secret_post' };
    const secret = String((await manage('PUT', client, client.managementToken, body)).json().client_secret);
    expect(secret).toMatch(/^[\w-]{43}$/);
    const authorized = await authorize(issuer, { client, person, server });
    expect((await redeem(issuer, client, authorized)).status).toBe(401);
    expect((await redeem(issuer, client, authorized, { client_secret: secret })).status).toBe(200);
    const back = await manage('PUT', client, client.managementToken, { ...body, token_endpoint_auth_method: 'none' });
    expect(back.json()).not.toHaveProperty('client_secret');
    expect((await redeem(issuer, client, await authorize(issuer, { client, person, server }))).status).toBe(200);
  });

  it('a change obeys the rules of registration', async () => {
    const client = await registerTestClient(issuer);
    const body = { client_id: client.clientId, redirect_uris: [client.redirectUri], token_endpoint_auth_method: 'none' };
    expect((await manage('PUT', client, client.managementToken, { ...body, redirect_uris: ['http://evil.example'] })).status).toBe(400);
    expect((await manage('PUT', client, client.managementToken, { ...body, client_id: 'cli_other' })).status).toBe(400);
    expect((await manage('PUT', client, client.managementToken, { ...body, client_secret_expires_at: 0 })).status).toBe(400);
    expect((await manage('PUT', client, client.managementToken, [])).status).toBe(400);
  });

  it('ABUSE-11: a client’s token manages that client only', async () => {
    const [one, other] = [await registerTestClient(issuer), await registerTestClient(issuer)];
    for (const method of ['GET', 'PUT', 'DELETE']) {
      for (const token of [other.managementToken, 'wrong', '']) {
        const response = await manage(method, one, token, method === 'PUT' ? { client_id: one.clientId, ...loopback } : undefined);
        expect(response.status).toBe(401);
        expect(response.headers['www-authenticate']).toContain('Bearer');
      }
    }
    expect((await manage('GET', one, one.managementToken)).status).toBe(200);
    expect((await manage('GET', other, other.managementToken)).status).toBe(200);
  });

  it('a client that removes itself takes its access along', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client, person, server });
    expect((await manage('DELETE', client, client.managementToken)).status).toBe(204);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    const response = await refresh(issuer, client, tokens.refresh_token);
    expect(response.status).toBe(401);
    expect(response.json()).toMatchObject({ error: 'invalid_client' });
    expect((await manage('GET', client, client.managementToken)).status).toBe(401);
  });
});

describe('clean-up', () => {
  it('MCP-33: clients that nobody ever allowed anything go after a while, used ones stay', async () => {
    const [used, unused] = [await registerTestClient(issuer), await registerTestClient(issuer)];
    await connect(issuer, { client: used, person, server });
    const time = moveTime();
    try {
      time.forward(unusedClientSeconds + 60);
      while ((await reapClients(issuer.runtime)) > 0);
    } finally {
      time.restore();
    }
    const left = await issuer.runtime.store.client.findMany({ where: { id: { in: [used.clientId, unused.clientId] } } });
    expect(left.map(({ id }) => id)).toEqual([used.clientId]);
    expect((await manage('GET', unused, unused.managementToken)).status).toBe(401);
  });
});
