import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect as connectSocket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Provider from 'oidc-provider';
import { configureEngine } from '../../src/oidc/configuration.ts';
import { nameCookies } from '../../src/oidc/engine-environment.ts';
import { createRefreshSuccessors } from '../../src/oidc/refresh-successor.ts';
import { ensureSigningKeys } from '../../src/services/signing-keys.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorize, claimsOf, connect, registerTestClient } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(() => issuer.stop());

const documents = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'];

/** What the engine would publish by itself, with our settings. */
async function readEngineDocument(): Promise<Record<string, unknown>> {
  const { runtime, tenant } = issuer;
  const provider = new Provider(
    tenant.issuer,
    configureEngine({
      runtime,
      tenant,
      settings: {
        renderError: () => {},
        renderSignOut: () => {},
        renderSignedOut: () => {},
        groupCaller: () => 'here',
        describeCaller: () => ({}),
        admitNewClient: async () => ({ isAdmitted: true }),
      },
      keys: await ensureSigningKeys(runtime, tenant),
      cookies: nameCookies(tenant),
      successors: createRefreshSuccessors(runtime.vault, tenant.id),
      originOf: () => ({ actorType: 'client' }),
      callerOf: () => 'here',
    }),
  );
  const stock = createServer(provider.callback());
  await new Promise<void>((resolve) => stock.listen(0, '127.0.0.1', resolve));
  const { port } = stock.address() as AddressInfo;
  try {
    const response = await fetch(`http://127.0.0.1:${port}/.well-known/openid-configuration`);
    const text = (await response.text()).replaceAll(`http://127.0.0.1:${port}`, tenant.issuer);
    return JSON.parse(text) as Record<string, unknown>;
  } finally {
    stock.closeAllConnections();
    stock.close();
  }
}

describe('metadata', () => {
  it('MCP-2, MCP-3, MCP-4, ABUSE-58: both documents are there, alike, and name the issuer to the character', async () => {
    const [oauth, openid] = await Promise.all(documents.map((path) => issuer.send({ path })));
    expect(oauth?.status).toBe(200);
    expect(oauth?.headers['content-type']).toMatch(/^application\/json/);
    expect(oauth?.text).toBe(openid?.text);
    expect(oauth?.json().issuer).toBe(issuer.url);
    const { location } = await authorize(issuer, { client: await registerTestClient(issuer), person, server });
    expect(location.searchParams.get('iss')).toBe(issuer.url);
    const tokens = await connect(issuer, { client: await registerTestClient(issuer), person, server });
    expect(claimsOf(tokens.access_token).iss).toBe(issuer.url);
  });

  it('MCP-5, MCP-6, MCP-7, MCP-24, ENG-22: says what clients look for, and names only what is on', async () => {
    const metadata = (await issuer.send({ path: documents[0] ?? '' })).json();
    expect(metadata).toMatchObject({
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      client_id_metadata_document_supported: true,
      id_token_signing_alg_values_supported: ['ES256'],
      registration_endpoint: `${issuer.url}/register`,
    });
    expect(metadata.scopes_supported).toEqual(
      expect.arrayContaining(['openid', 'offline_access', 'tools', 'tools.read', 'resources', 'prompts']),
    );
    for (const name of [
      'pushed_authorization_request_endpoint',
      'device_authorization_endpoint',
      'userinfo_endpoint',
      'dpop_signing_alg_values_supported',
    ]) {
      expect(metadata).not.toHaveProperty(name);
    }
    expect(JSON.stringify(metadata)).not.toContain('toolgrant"');
  });

  it('says of the engine what the engine says of itself', async () => {
    const ours = (await issuer.send({ path: documents[0] ?? '' })).json();
    const engines = await readEngineDocument();
    const different = ['scopes_supported', 'response_modes_supported', 'claims_supported'];
    for (const [name, value] of Object.entries(engines)) {
      if (name in ours && !different.includes(name)) expect([name, ours[name]]).toEqual([name, value]);
    }
    expect(Object.keys(engines).filter((name) => name.endsWith('_endpoint') && !(name in ours))).toEqual([]);
  });

  it('every endpoint it names is served', async () => {
    const metadata = (await issuer.send({ path: documents[0] ?? '' })).json();
    for (const [name, url] of Object.entries(metadata)) {
      if (!/_endpoint$|_uri$/.test(name)) continue;
      const { status } = await issuer.send({ path: new URL(String(url)).pathname });
      expect([name, status]).not.toEqual([name, 404]);
    }
  });

  it('MCP-34: scripts of any origin may read metadata and keys', async () => {
    for (const path of [...documents, '/jwks']) {
      const response = await issuer.send({ path, headers: { Origin: 'https://anywhere.example' } });
      expect(response.headers['access-control-allow-origin']).toBe('*');
      const preflight = await issuer.send({
        method: 'OPTIONS',
        path,
        headers: {
          Origin: 'https://anywhere.example',
          'Access-Control-Request-Method': 'GET',
          'Access-Control-Request-Headers': 'mcp-protocol-version',
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers['access-control-allow-headers']).toContain('mcp-protocol-version');
    }
    for (const path of ['/authorize', '/logout', '/introspect']) {
      const response = await issuer.send({ path, headers: { Origin: 'https://anywhere.example' } });
      expect(response.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('is answered from memory: an unchanged copy is 304', async () => {
    for (const path of [...documents, '/jwks']) {
      const { etag = '' } = (await issuer.send({ path })).headers;
      const again = await issuer.send({ path, headers: { 'If-None-Match': etag } });
      expect(again.status).toBe(304);
      expect(again.text).toBe('');
    }
  });

  it('ABUSE-58: a tenant that is not there is not found', async () => {
    for (const path of [
      '/.well-known/oauth-authorization-server/t/other',
      '/t/other/.well-known/openid-configuration',
      '/t/other/token',
      '/t/other/jwks',
    ]) {
      expect((await issuer.send({ path })).status).toBe(404);
    }
  });
});

describe('keys', () => {
  it('ABUSE-55: only public halves are published, and logged is neither', async () => {
    const { keys } = (await issuer.send({ path: '/jwks' })).json<{ keys: Record<string, unknown>[] }>();
    // The one that signs, and the one that waits.
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    const { current } = await ensureSigningKeys(issuer.runtime, issuer.tenant);
    expect(issuer.log.join('\n')).not.toContain(String(current.privateJwk.d));
    expect(JSON.stringify(await issuer.runtime.store.signingKey.findMany())).not.toContain(String(current.privateJwk.d));
  });

  it('ABUSE-55: an issuer that cannot open its keys does not start, and says why', async () => {
    const elsewhere = { ...issuer, secret: 'another secret than the one the keys were sealed with' };
    await expect(startIssuer({ beside: elsewhere })).rejects.toThrow(/TOOLGRANT_SECRET/);
  });
});

describe('hosts', () => {
  it.each<Record<string, string>>([
    { Host: 'evil.example' },
    { Host: 'evil.example', 'X-Forwarded-Host': 'localhost' },
    { Host: 'localhost@evil.example' },
    { Host: '' },
  ])('ABUSE-57, ENG-20: a request for %j is misdirected', async (headers) => {
    for (const path of [...documents, '/authorize?client_id=x']) expect((await issuer.send({ path, headers })).status).toBe(421);
  });

  it.each<Record<string, string>>([
    { 'X-Forwarded-Host': 'evil.example' },
    { 'X-Forwarded-Proto': 'https' },
    { 'X-Forwarded-Prefix': '/evil' },
    { Forwarded: 'host=evil.example;proto=https' },
    { 'X-Original-URL': 'https://evil.example/' },
  ])('ABUSE-57, ENG-20: %j moves no URL', async (headers) => {
    for (const path of documents) {
      const { text } = await issuer.send({ path, headers });
      expect(text).not.toContain('evil');
      expect(text).toContain(`"authorization_endpoint":"${issuer.url}/authorize"`);
    }
    const client = await registerTestClient(issuer);
    const response = await issuer.send({
      path: `/authorize?client_id=${client.clientId}&response_type=code&redirect_uri=${encodeURIComponent(client.redirectUri)}&code_challenge=${'a'.repeat(43)}&code_challenge_method=S256&resource=${encodeURIComponent(server.resource)}`,
      headers,
    });
    expect(response.headers.location).toMatch(new RegExp(`^${issuer.url}/interaction/`));
    expect(response.cookies.join('\n')).not.toContain('evil');
  });

  it('ABUSE-57, ENG-20: a whole URL in the request line is misdirected', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connectSocket(issuer.origin.port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
      socket.write(
        `GET http://evil.example/.well-known/openid-configuration HTTP/1.1\r\nHost: ${issuer.origin.host}\r\nConnection: close\r\n\r\n`,
      );
    });
    expect(answer).toMatch(/^HTTP\/1\.1 421/);
    expect(answer).not.toContain('evil.example/');
  });

  it('ENG-20: behind a proxy that ends TLS, URLs and cookies are those of the https issuer', async () => {
    const proxied = await startIssuer({ issuer: 'https://auth.example' });
    try {
      const target = await proxied.addServer();
      const client = await registerTestClient(proxied);
      const response = await proxied.send({
        path: `/authorize?client_id=${client.clientId}&response_type=code&redirect_uri=${encodeURIComponent(client.redirectUri)}&code_challenge=${'a'.repeat(43)}&code_challenge_method=S256&resource=${encodeURIComponent(target.resource)}`,
      });
      expect(response.headers.location).toMatch(/^https:\/\/auth\.example\/interaction\//);
      for (const cookie of response.cookies)
        expect(cookie).toMatch(/^__Secure-toolgrant-(interaction|resume)-root=.*; path=\/[ai].*; samesite=lax; secure; httponly$/i);
      expect(response.cookies).toHaveLength(2);
    } finally {
      await proxied.stop();
    }
  });
});
