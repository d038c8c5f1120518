import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  authorize,
  connect,
  isActive,
  newPkce,
  postJson,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
} from '../support/oauth-client.ts';
import { Browser } from '../support/person.ts';

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

  it('MCP-28: what a change leaves out is gone, and what was read can be sent back', async () => {
    const client = await registerTestClient(issuer, { client_uri: 'https://agent.example', logo_uri: 'https://agent.example/logo' });
    const read = (await manage('GET', client, client.managementToken)).json();
    const { registration_access_token: _, registration_client_uri: __, client_id_issued_at: ___, ...sent } = read;
    expect((await manage('PUT', client, client.managementToken, sent)).json()).toEqual(read);
    const { logo_uri: ____, ...less } = sent;
    const changed = await manage('PUT', client, client.managementToken, { ...less, client_uri: '' });
    expect(changed.status).toBe(200);
    expect(changed.json()).not.toHaveProperty('logo_uri');
    expect(changed.json()).not.toHaveProperty('client_uri');
    expect((await manage('GET', client, client.managementToken)).json()).toEqual(changed.json());
  });

  it('MCP-28: a change of redirect URIs holds at once', async () => {
    const client = await registerTestClient(issuer);
    const redirectUri = 'https://agent.example/cb';
    const body = { client_id: client.clientId, redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' };
    expect((await manage('PUT', client, client.managementToken, body)).json()).toMatchObject({ redirect_uris: [redirectUri] });
    const authorized = await authorize(issuer, { client: { ...client, redirectUri }, person, server });
    expect((await redeem(issuer, { ...client, redirectUri }, authorized)).status).toBe(200);
    const before = authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge });
    const refused = await new Browser(issuer.origin).get(before);
    expect(refused.status).toBe(400);
    expect(refused.headers['location']).toBeUndefined();
  });

  it('MCP-24: a client that gives up the refresh grant refreshes no more, and gets no refresh token', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client, person, server });
    const body = {
      client_id: client.clientId,
      redirect_uris: [client.redirectUri],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
    };
    expect((await manage('PUT', client, client.managementToken, body)).json()).toMatchObject({ grant_types: ['authorization_code'] });
    const refused = await refresh(issuer, client, tokens.refresh_token);
    expect(refused.status).toBe(400);
    expect(refused.json()).toMatchObject({ error_description: expect.stringContaining('grant_type') });
    expect((await connect(issuer, { client, person, server })).refresh_token).toBeUndefined();
  });

  it('a change leaves an audit event, a refused one leaves none', async () => {
    const client = await registerTestClient(issuer);
    const body = { client_id: client.clientId, redirect_uris: [client.redirectUri], client_name: 'Renamed' };
    await manage('PUT', client, client.managementToken, body);
    await manage('PUT', client, client.managementToken, { ...body, redirect_uris: ['javascript:x'] });
    await manage('DELETE', client, client.managementToken);
    const events = await issuer.runtime.store.auditEvent.findMany({ where: { clientId: client.clientId }, orderBy: { at: 'asc' } });
    expect(events.map(({ type }) => type)).toEqual(['client.registered', 'client.updated', 'client.removed']);
    expect(events[1]?.detail).toMatchObject({ name: 'Renamed' });
  });

  it('MCP-34: scripts of any origin may manage, after a preflight', async () => {
    const client = await registerTestClient(issuer);
    const path = `/register/${client.clientId}`;
    const headers = { Origin: 'https://inspector.example', 'Access-Control-Request-Method': 'DELETE' };
    const preflight = await issuer.send({ method: 'OPTIONS', path, headers });
    expect(preflight.status).toBe(204);
    for (const method of ['GET', 'PUT', 'DELETE']) expect(preflight.headers['access-control-allow-methods']).toContain(method);
    expect(preflight.headers['access-control-allow-headers']).toContain('authorization');
    for (const token of [client.managementToken, 'wrong']) {
      const response = await issuer.send({ path, headers: { Origin: headers.Origin, Authorization: `Bearer ${token}` } });
      expect(response.headers['access-control-allow-origin']).toBe('*');
      expect(response.headers['cache-control']).toBe('no-store');
    }
  });

  it('a change obeys the rules of registration', async () => {
    const client = await registerTestClient(issuer);
    const body = { client_id: client.clientId, redirect_uris: [client.redirectUri], token_endpoint_auth_method: 'none' };
    expect((await manage('PUT', client, client.managementToken, { ...body, redirect_uris: ['http://evil.example'] })).status).toBe(400);
    expect((await manage('PUT', client, client.managementToken, { ...body, client_id: 'cli_other' })).status).toBe(400);
    expect((await manage('PUT', client, client.managementToken, { ...body, client_secret_expires_at: 0 })).status).toBe(400);
    for (const name of ['registration_access_token', 'registration_client_uri', 'client_id_issued_at'])
      expect((await manage('PUT', client, client.managementToken, { ...body, [name]: client.registration[name] })).status).toBe(400);
    for (const other of [[], null, 'x', {}, { redirect_uris: [client.redirectUri] }])
      expect((await manage('PUT', client, client.managementToken, other)).status).toBe(400);
    const machine = await manage('PUT', client, client.managementToken, { ...body, grant_types: ['client_credentials'] });
    expect(machine.json()).toMatchObject({ error: 'invalid_client_metadata' });
    expect((await manage('GET', client, client.managementToken)).json()).toEqual(client.registration);
  });

  it('ABUSE-65: an operator object in the place of a text is 400, wherever it stands', async () => {
    const client = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const body = { client_id: client.clientId, redirect_uris: [client.redirectUri], token_endpoint_auth_method: 'client_secret_post' };
    const operators = [{ not: '' }, { contains: 'a' }, { $ne: null }, [{ not: '' }]];
    for (const member of [
      'client_id',
      'client_secret',
      'client_name',
      'redirect_uris',
      'token_endpoint_auth_method',
      'grant_types',
      'jwks_uri',
    ]) {
      for (const operator of operators) {
        const sent = { ...body, [member]: operator };
        expect([member, (await manage('PUT', client, client.managementToken, sent)).status]).toEqual([member, 400]);
        const { client_id: _, client_secret: __, ...registered } = sent as Record<string, unknown>;
        if (member in registered) expect((await postJson(issuer, '/register', registered)).status).toBe(400);
      }
    }
    expect((await manage('GET', client, client.managementToken)).status).toBe(200);
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
