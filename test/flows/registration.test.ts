import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorize, postJson, redeem, registerTestClient } from '../support/oauth-client.ts';

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

function register(body: unknown): Promise<RawResponse> {
  return postJson(issuer, '/register', body);
}

describe('registration', () => {
  it('MCP-28, MCP-32: answers with what was registered, without null members, with whole numbers for times', async () => {
    const response = await register({ ...loopback, client_name: '  Claude Code ', client_uri: 'https://claude.ai' });
    expect(response.status).toBe(201);
    expect(response.headers['cache-control']).toBe('no-store');
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
      registration_access_token: expect.any(String),
      registration_client_uri: `${issuer.url}/register/${answer.client_id}`,
    });
    expect(Number.isInteger(answer.client_id_issued_at)).toBe(true);
    const event = await issuer.runtime.store.auditEvent.findFirst({ where: { type: 'client.registered' }, orderBy: { at: 'desc' } });
    expect(event).toMatchObject({ clientId: answer.client_id, outcome: 'success', requestId: expect.stringMatching(/^req_/) });
  });

  it.each([
    [
      'the Inspector',
      {
        client_name: 'MCP Inspector',
        redirect_uris: ['http://localhost:6274/oauth/callback', 'http://127.0.0.1:6276/oauth/callback'],
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        client_uri: 'https://github.com/modelcontextprotocol/inspector',
        scope: '',
      },
    ],
    [
      'Cursor',
      {
        client_name: 'Cursor',
        redirect_uris: [
          'cursor://anysphere.cursor-retrieval/oauth/x/callback',
          'https://www.cursor.com/agents/mcp/oauth/callback',
          'http://localhost:8787/callback',
        ],
        token_endpoint_auth_method: 'none',
      },
    ],
    [
      'VS Code',
      {
        client_name: 'Visual Studio Code',
        redirect_uris: ['https://vscode.dev/redirect', 'http://127.0.0.1/', 'http://127.0.0.1:33418/'],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        token_endpoint_auth_method: 'none',
        application_type: 'native',
      },
    ],
    [
      'a sloppy client',
      {
        redirect_uris: ['http://localhost:3334/oauth/callback'],
        token_endpoint_auth_method: 'none',
        logo_uri: null,
        client_uri: '',
        tos_uri: '',
        contacts: [],
        scope: 'read:x write:y',
        application_type: 'web',
        software_id: 'x',
        jwks: null,
        made_up: { a: 1 },
      },
    ],
    ['a client with a reversed domain', { redirect_uris: ['com.example.app:/callback'], token_endpoint_auth_method: 'none' }],
  ])('MCP-31, ENG-16: takes what %s sends, and says what it made of it', async (_, body) => {
    const response = await register(body);
    expect(response.status).toBe(201);
    const answer = response.json();
    expect(answer.redirect_uris).toEqual(body.redirect_uris);
    expect(answer.grant_types).toEqual(['authorization_code', 'refresh_token']);
    for (const name of ['scope', 'logo_uri', 'tos_uri', 'contacts', 'made_up']) expect(answer).not.toHaveProperty(name);
  });

  it('MCP-31: every redirect URI of a mixed registration works', async () => {
    const client = await registerTestClient(issuer, {
      redirect_uris: [
        'cursor://anysphere.cursor-retrieval/oauth/x/callback',
        'https://www.cursor.com/cb',
        'http://localhost:8787/callback',
      ],
    });
    for (const redirectUri of [
      'cursor://anysphere.cursor-retrieval/oauth/x/callback',
      'https://www.cursor.com/cb',
      'http://localhost:9999/callback',
    ]) {
      const authorized = await authorize(issuer, { client: { ...client, redirectUri }, person, server });
      expect(authorized.location.href.startsWith(redirectUri)).toBe(true);
      expect((await redeem(issuer, { ...client, redirectUri }, authorized)).status).toBe(200);
    }
  });

  it('MCP-33: identical registrations are clients of their own', async () => {
    const [one, other] = await Promise.all([register(loopback), register(loopback)]);
    expect(one.json().client_id).not.toBe(other.json().client_id);
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
    expect(preflight.headers['access-control-allow-methods']).toContain('POST');
    for (const name of ['content-type', 'authorization', 'accept', 'mcp-protocol-version'])
      expect(preflight.headers['access-control-allow-headers']).toContain(name);
    const response = await postJson(issuer, '/register', loopback, { Origin: 'https://inspector.example' });
    expect(response.status).toBe(201);
    expect(response.headers['access-control-allow-origin']).toBe('*');
    expect(response.headers['access-control-allow-credentials']).toBeUndefined();
  });
});
