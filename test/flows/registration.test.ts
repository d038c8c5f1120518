import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { registerClient as registerWithSdkV2 } from '@modelcontextprotocol/client';
import { registerClient as registerWithSdkV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { OAuthClientInformationFullSchema } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  authorize,
  basic,
  connect,
  newPkce,
  postJson,
  redeem,
  refresh,
  registerTestClient,
} from '../support/oauth-client.ts';
import { Browser } from '../support/person.ts';
import { registrationBodies } from '../support/registration-bodies.ts';

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

function register(body: unknown, headers: Record<string, string> = {}): Promise<RawResponse> {
  return postJson(issuer, '/register', body, headers);
}

/** Where an authorization request of a client leads, before anybody has signed in. */
async function startAuthorization(clientId: string, redirectUri: string): Promise<string | undefined> {
  const url = authorizationUrl(issuer, { clientId, redirectUri }, { resource: server.resource, code_challenge: newPkce().challenge });
  return (await new Browser(issuer.origin).get(url)).headers['location'];
}

describe('registration', () => {
  it('MCP-28, MCP-32: answers with what was registered, without null members, with whole numbers for times', async () => {
    const response = await register({ ...loopback, client_name: '  Claude Code ', client_uri: 'https://claude.ai' });
    expect(response.status).toBe(201);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.headers['content-type']).toMatch(/^application\/json/);
    const answer = response.json();
    expect(answer).toEqual({
      client_id: expect.stringMatching(/^cli_[\w-]{20}$/),
      client_id_issued_at: expect.any(Number),
      client_name: 'Claude Code',
      client_uri: 'https://claude.ai',
      redirect_uris: ['http://127.0.0.1/cb'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      application_type: 'native',
      registration_access_token: expect.stringMatching(/^[\w-]{43}$/),
      registration_client_uri: `${issuer.url}/register/${answer['client_id']}`,
    });
    expect(Math.abs(Number(answer['client_id_issued_at']) - Date.now() / 1_000)).toBeLessThan(60);
    expect(Number.isInteger(answer['client_id_issued_at'])).toBe(true);
  });

  it('leaves one audit event with the request that caused it', async () => {
    const response = await register({ ...loopback, client_name: 'Audited' });
    const clientId = String(response.json()['client_id']);
    const events = await issuer.runtime.store.auditEvent.findMany({ where: { clientId } });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: 'client.registered', outcome: 'success', requestId: response.headers['x-request-id'] });
    expect(events[0]?.detail).toMatchObject({ client: clientId, name: 'Audited', redirectUris: ['http://127.0.0.1/cb'] });
  });

  it('MCP-28: its address stands in both metadata documents, and is the contract’s', async () => {
    for (const document of ['oauth-authorization-server', 'openid-configuration']) {
      const metadata = (await issuer.send({ path: `/.well-known/${document}` })).json();
      expect(metadata['registration_endpoint']).toBe(`${issuer.url}/register`);
    }
  });

  it.each(Object.entries(registrationBodies))('MCP-31, ENG-16: takes what %s sends, and says what it made of it', async (_, body) => {
    const response = await register(body);
    expect(response.status).toBe(201);
    const answer = response.json();
    expect(answer['redirect_uris']).toEqual(body.redirect_uris);
    expect(answer['grant_types']).toEqual(['authorization_code', 'refresh_token']);
    expect(answer['response_types']).toEqual(['code']);
    expect(['native', 'web']).toContain(answer['application_type']);
    expect(OAuthClientInformationFullSchema.parse(answer)).toMatchObject({ client_id: answer['client_id'] });
    expect(Object.values(answer).filter((value) => value === null || value === '')).toEqual([]);
    for (const name of ['scope', 'contacts', 'software_id', 'made_up', 'client_name#ja', 'jwks']) expect(answer).not.toHaveProperty(name);
    for (const uri of body.redirect_uris)
      expect(await startAuthorization(String(answer['client_id']), uri)).toMatch(`${issuer.url}/interaction/`);
  });

  it('MCP-8, MCP-31: every redirect URI of a mixed registration works', async () => {
    const client = await registerTestClient(issuer, registrationBodies.Cursor);
    for (const redirectUri of [...registrationBodies.Cursor.redirect_uris.slice(0, 2), 'http://localhost:9999/callback']) {
      const authorized = await authorize(issuer, { client: { ...client, redirectUri }, person, server });
      expect(authorized.location.href.startsWith(redirectUri)).toBe(true);
      expect((await redeem(issuer, { ...client, redirectUri }, authorized)).status).toBe(200);
    }
  });

  it.each([
    ['none', undefined],
    ['client_secret_post', /^[\w-]{43}$/],
    ['client_secret_basic', /^[\w-]{43}$/],
    [undefined, /^[\w-]{43}$/],
  ])('MCP-26, MCP-31: token_endpoint_auth_method %s', async (method, secret) => {
    const answer = (await register({ ...loopback, token_endpoint_auth_method: method })).json();
    expect(answer['token_endpoint_auth_method']).toBe(method ?? 'client_secret_basic');
    if (secret) {
      expect(answer['client_secret']).toMatch(secret);
      expect(answer['client_secret_expires_at']).toBe(0);
    } else {
      expect(answer).not.toHaveProperty('client_secret');
      expect(answer).not.toHaveProperty('client_secret_expires_at');
    }
  });

  it('MCP-26: id and secret work unencoded in Basic, and are no less secret for it', async () => {
    const client = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    expect(encodeURIComponent(`${client.clientId}${client.secret}`)).toBe(`${client.clientId}${client.secret}`);
    const authorized = await authorize(issuer, { client, person, server });
    const wrong = await redeem(issuer, client, authorized, { client_id: undefined }, basic(client.clientId, `${client.secret}x`));
    expect(wrong.status).toBe(401);
    const right = await redeem(issuer, client, authorized, { client_id: undefined }, basic(client.clientId, client.secret ?? ''));
    expect(right.status).toBe(200);
  });

  it('ENG-3: secret and management token are kept as digests', async () => {
    const client = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const rows = await Promise.all([
      issuer.runtime.store.client.findMany(),
      issuer.runtime.store.artifact.findMany(),
      issuer.runtime.store.auditEvent.findMany(),
    ]);
    const kept = JSON.stringify(rows) + issuer.log.join('\n');
    expect(kept).toContain(client.clientId);
    expect(kept).not.toContain(client.secret);
    expect(kept).not.toContain(client.managementToken);
  });

  it('MCP-33: identical registrations at once are clients of their own', async () => {
    const answers = await Promise.all(Array.from({ length: 42 }, () => register(loopback)));
    const ids = answers.map((answer) => answer.json()['client_id']);
    expect(new Set(ids).size).toBe(42);
    const tokens = answers.map((answer) => answer.json()['registration_access_token']);
    expect(new Set(tokens).size).toBe(42);
  });

  it('MCP-34, ENG-17: scripts of any origin may register, after a preflight', async () => {
    const preflight = await issuer.send({
      method: 'OPTIONS',
      path: '/register',
      headers: {
        Origin: 'https://inspector.example',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type,mcp-protocol-version',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe('*');
    expect(preflight.headers['access-control-allow-methods']).toContain('POST');
    for (const name of ['content-type', 'authorization', 'accept', 'mcp-protocol-version'])
      expect(preflight.headers['access-control-allow-headers']).toContain(name);
    for (const [body, status] of [
      [loopback, 201],
      [{}, 400],
    ] as const) {
      const response = await register(body, { Origin: 'https://inspector.example' });
      expect(response.status).toBe(status);
      expect(response.headers['access-control-allow-origin']).toBe('*');
      expect(response.headers['access-control-allow-credentials']).toBeUndefined();
    }
  });
});

describe('the official SDKs', () => {
  const clientMetadata = { client_name: 'SDK', redirect_uris: ['http://localhost:8090/callback'], token_endpoint_auth_method: 'none' };
  const withAndWithoutMetadata = async () => {
    const metadata = (await issuer.send({ path: '/.well-known/oauth-authorization-server' })).json();
    return [{ metadata: metadata as never }, {}];
  };

  it('MCP-28, MCP-32: v1 registers, with metadata and without', async () => {
    for (const known of await withAndWithoutMetadata()) {
      const client = await registerWithSdkV1(issuer.url, { ...known, clientMetadata, scope: 'tools resources' });
      expect(client).toMatchObject({ client_id: expect.stringMatching(/^cli_/), redirect_uris: clientMetadata.redirect_uris });
    }
  });

  it('MCP-28, MCP-32: v2 registers, with metadata and without', async () => {
    for (const known of await withAndWithoutMetadata()) {
      const client = await registerWithSdkV2(issuer.url, { ...known, clientMetadata, scope: 'tools offline_access' });
      expect(client).toMatchObject({ client_id: expect.stringMatching(/^cli_/), redirect_uris: clientMetadata.redirect_uris });
    }
  });

  it('are told in words they understand why a registration is refused', async () => {
    const refused = { ...clientMetadata, token_endpoint_auth_method: 'tls_client_auth' };
    const reason = 'token_endpoint_auth_method must be one of none, client_secret_basic, client_secret_post, private_key_jwt';
    await expect(registerWithSdkV1(issuer.url, { clientMetadata: refused })).rejects.toMatchObject({
      errorCode: 'invalid_client_metadata',
      message: reason,
    });
    await expect(registerWithSdkV2(issuer.url, { clientMetadata: refused })).rejects.toMatchObject({
      status: 400,
      body: JSON.stringify({ error: 'invalid_client_metadata', error_description: reason }),
    });
  });
});

describe('after a restart', () => {
  it('MCP-33: clients, their secrets, management tokens and refresh tokens go on', async () => {
    const before = await startIssuer({ beside: issuer });
    const client = await registerTestClient(before, { token_endpoint_auth_method: 'client_secret_post' });
    const secret = { client_secret: client.secret };
    const authorized = await authorize(before, { client, person, server });
    const tokens = (await redeem(before, client, authorized, secret)).json<{ refresh_token: string }>();
    await before.stop();

    const after = await startIssuer({ beside: issuer });
    try {
      expect((await refresh(after, client, tokens.refresh_token, secret)).status).toBe(200);
      expect((await redeem(after, client, await authorize(after, { client, person, server }), secret)).status).toBe(200);
      const headers = { Authorization: `Bearer ${client.managementToken}` };
      const shown = await after.send({ path: `/register/${client.clientId}`, headers });
      expect(shown.json()).toMatchObject({ client_id: client.clientId, redirect_uris: [client.redirectUri] });
    } finally {
      await after.stop();
    }
  });

  it('MCP-33: a client that registered at one instance is known to the other at once', async () => {
    const other = await startIssuer({ beside: issuer });
    try {
      const client = await registerTestClient(issuer);
      expect((await connect(other, { client, person, server })).refresh_token).toMatch(/^[\w-]{43}$/);
    } finally {
      await other.stop();
    }
  });
});
