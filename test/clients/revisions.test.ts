import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  basic,
  claimsOf,
  newPkce,
  postForm,
  postJson,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { Browser, decide } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer(undefined, 'https://tracker.example/mcp');
});
afterAll(() => issuer.stop());

/** The metadata, asked for as clients of a revision do. */
async function discover(path: string, revision: string): Promise<Record<string, unknown>> {
  const response = await issuer.send({ path, headers: { Accept: 'application/json', 'MCP-Protocol-Version': revision } });
  expect(response.status).toBe(200);
  return response.json();
}

/** From consent to a token. */
async function takeThrough(
  at: TestIssuer,
  client: TestClient,
  { asks, redeems, headers = {} }: { asks: Record<string, string>; redeems: Record<string, string>; headers?: Record<string, string> },
): Promise<{ answer: URL; tokens: Tokens }> {
  const { verifier, challenge } = newPkce();
  const answer = await decide(new Browser(at.origin), authorizationUrl(at, client, { code_challenge: challenge, state: 's', ...asks }), {
    person,
  });
  const code = answer.searchParams.get('code') ?? '';
  const form = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: client.redirectUri, ...redeems };
  const response = await postForm(at, '/token', form, headers);
  expect(response.status).toBe(200);
  return { answer, tokens: response.json() };
}

describe('clients of each revision', () => {
  it('MCP-1, MCP-2, MCP-12, MCP-21, MCP-26: 2025-03-26: metadata at the root, endpoints by their names, no resource, a secret by Basic', async () => {
    const lenient = await startIssuer({ beside: issuer, settings: { defaultResource: server.resource } });
    try {
      const metadata = await discover('/.well-known/oauth-authorization-server', '2025-03-26');
      // Where metadata is missing these clients go to the default paths, which are the same.
      expect(metadata).toMatchObject({
        authorization_endpoint: `${issuer.url}/authorize`,
        token_endpoint: `${issuer.url}/token`,
        registration_endpoint: `${issuer.url}/register`,
      });
      const client = await registerTestClient(lenient, {
        token_endpoint_auth_method: undefined,
        redirect_uris: ['http://localhost:8090/cb'],
      });
      const headers = basic(client.clientId, client.secret ?? '');
      const { tokens } = await takeThrough(lenient, client, { asks: {}, redeems: {}, headers });
      expect(claimsOf(tokens.access_token).aud).toBe(server.resource);
      const again = await postForm(lenient, '/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }, headers);
      expect(again.status).toBe(200);
    } finally {
      await lenient.stop();
    }
  });

  it('MCP-2, MCP-4, MCP-21, MCP-24: 2025-06-18: the issuer of the MCP server’s metadata, and its resource with every request', async () => {
    const metadata = await discover('/.well-known/oauth-authorization-server', '2025-06-18');
    expect(metadata['issuer']).toBe(issuer.url);
    const client = await registerTestClient(issuer, { redirect_uris: ['http://127.0.0.1:4711/callback'] });
    const named = { resource: server.resource };
    const { tokens } = await takeThrough(issuer, client, { asks: named, redeems: { ...named, client_id: client.clientId } });
    expect(claimsOf(tokens.access_token).aud).toBe(server.resource);
    expect((await refresh(issuer, client, tokens.refresh_token, named)).status).toBe(200);
  });

  it('MCP-2, MCP-5, MCP-12, MCP-13: 2025-11-25: OpenID discovery is as good, S256 is announced, the challenge’s scope is asked for', async () => {
    const metadata = await discover('/.well-known/openid-configuration', '2025-11-25');
    expect(metadata['code_challenge_methods_supported']).toEqual(['S256']);
    const client = await registerTestClient(issuer, { redirect_uris: ['http://127.0.0.1:4711/callback'] });
    const { tokens } = await takeThrough(issuer, client, {
      asks: { resource: server.resource, scope: 'tools resources prompts' },
      redeems: { resource: server.resource, client_id: client.clientId },
    });
    expect(tokens.scope).toContain('tool:list_issues');
  });

  it('MCP-5, MCP-6, MCP-24, MCP-31: 2026-07-28: says its application type, checks `iss`, asks for offline access and consent', async () => {
    const metadata = await discover('/.well-known/oauth-authorization-server', '2026-07-28');
    expect(metadata).toMatchObject({
      authorization_response_iss_parameter_supported: true,
      code_challenge_methods_supported: ['S256'],
      scopes_supported: expect.arrayContaining(['offline_access']),
    });
    const client = await registerTestClient(issuer, { redirect_uris: ['http://127.0.0.1:4711/callback'], application_type: 'native' });
    expect(client.registration['application_type']).toBe('native');
    const { answer, tokens } = await takeThrough(issuer, client, {
      asks: { resource: server.resource, scope: 'tools offline_access', prompt: 'consent' },
      redeems: { resource: server.resource, client_id: client.clientId },
    });
    expect(answer.searchParams.getAll('iss')).toEqual([metadata['issuer']]);
    expect(tokens.refresh_token).toEqual(expect.any(String));
  });

  it.each(['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28', '2099-01-01'])(
    'MCP-14, MCP-34: nobody is refused for the revision that it names (%s)',
    async (revision) => {
      const headers = { 'MCP-Protocol-Version': revision };
      const body = { redirect_uris: ['http://127.0.0.1/callback'], token_endpoint_auth_method: 'none' };
      expect((await postJson(issuer, '/register', body, headers)).status).toBe(201);
      expect((await issuer.send({ path: '/jwks', headers })).status).toBe(200);
      const preflight = { Origin: 'https://app.example', 'Access-Control-Request-Headers': 'mcp-protocol-version, content-type' };
      expect(
        (await issuer.send({ method: 'OPTIONS', path: '/token', headers: preflight })).headers['access-control-allow-headers'],
      ).toContain('mcp-protocol-version');
    },
  );
});
