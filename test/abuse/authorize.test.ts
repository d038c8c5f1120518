import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorizationUrl, authorize, makeTestClient, newPkce, redeem, type TestClient } from '../support/oauth-client.ts';
import { Browser } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: Pick<TestClient, 'clientId' | 'redirectUri'>;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await makeTestClient(issuer, {
    redirectUris: ['https://app.example/cb?x=1', 'http://127.0.0.1/callback', 'cursor://anysphere.cursor-retrieval/oauth/cb'],
  });
});
afterAll(() => issuer.stop());

/** Asks for authorization; what came back before anybody signed in. */
function ask(parameters: Record<string, string | readonly string[] | undefined>) {
  const all = {
    resource: server.resource,
    code_challenge: newPkce().challenge,
    state: 's',
    redirect_uri: 'https://app.example/cb?x=1',
    ...parameters,
  };
  return new Browser(issuer.origin).get(authorizationUrl(issuer, client, all));
}

function problemOf(location: string | undefined): string | null {
  return new URL(location ?? '').searchParams.get('error');
}

describe('who asks, and where the answer goes', () => {
  it.each([
    ['unknown', 'cli_unknown'],
    ['missing', undefined],
    ['with NUL', 'cli_\0'],
    ['of a server', 'srv_x\0'],
    ['very long', 'c'.repeat(4_000)],
  ])('ABUSE-19, MCP-11: a client id that is %s gets a page that helps, never a redirect', async (_, clientId) => {
    const response = await ask({ client_id: clientId });
    expect(response.status).toBe(400);
    expect(response.headers.location).toBeUndefined();
    expect(response.headers['content-type']).toMatch(/^text\/html/);
    expect(response.text).toMatch(/remove .* and add it again/i);
  });

  it.each([
    ['another path', 'https://app.example/cb2?x=1'],
    ['another query', 'https://app.example/cb?x=2'],
    ['a further parameter', 'https://app.example/cb?x=1&y=2'],
    ['another host', 'https://app.example.evil.example/cb?x=1'],
    ['userinfo', 'https://app.example@evil.example/cb?x=1'],
    ['upper-case scheme', 'HTTPS://app.example/cb?x=1'],
    ['upper-case host', 'https://APP.example/cb?x=1'],
    ['percent-encoding', 'https://app.example/%63b?x=1'],
    ['traversal', 'https://app.example/x/../cb?x=1'],
    ['a fragment', 'https://app.example/cb?x=1#f'],
    ['a port on https', 'https://app.example:8443/cb?x=1'],
    ['a default port', 'https://app.example:443/cb?x=1'],
    ['localhost for 127.0.0.1', 'http://localhost/callback'],
    ['another loopback address', 'http://127.0.0.2/callback'],
    ['a loopback path', 'http://127.0.0.1:5000/callback/..'],
    ['a loopback with userinfo', 'http://127.0.0.1:80@evil.example/callback'],
    ['a loopback with a bad port', 'http://127.0.0.1:99999/callback'],
    ['https on loopback', 'https://127.0.0.1/callback'],
    ['another private-use path', 'cursor://anysphere.cursor-retrieval/oauth/cb/x'],
    ['nothing', undefined],
    ['nothing but space', ' '],
  ])('ABUSE-19, MCP-10: a redirect URI with %s gets a page, never a redirect', async (_, uri) => {
    const response = await ask({ redirect_uri: uri });
    expect(response.status).toBe(400);
    expect(response.headers.location).toBeUndefined();
    expect(response.headers['content-type']).toMatch(/^text\/html/);
  });

  it('MCP-10: the port of a loopback redirect may differ, and nothing else', async () => {
    for (const uri of ['http://127.0.0.1/callback', 'http://127.0.0.1:1/callback', 'http://127.0.0.1:65535/callback']) {
      expect((await ask({ redirect_uri: uri })).status).toBe(303);
    }
  });

  it('ENG-24, ABUSE-37: error pages refuse to be framed, and programs get the same in JSON', async () => {
    const page = await ask({ client_id: 'cli_unknown' });
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(page.headers['x-frame-options']).toBe('DENY');
    const url = authorizationUrl(issuer, { clientId: 'cli_unknown', redirectUri: 'https://app.example/cb?x=1' }, {});
    const json = await new Browser(issuer.origin).get(url, { Accept: 'application/json' });
    expect(json.status).toBe(400);
    expect(json.json()).toMatchObject({ error: 'invalid_client' });
    expect(json.headers['x-frame-options']).toBe('DENY');
  });

  it('ABUSE-24: what the request says is inert on the page', async () => {
    const attack = '"><script>alert(1)</script>';
    const page = await ask({ client_id: attack, state: attack, login_hint: attack, ui_locales: attack });
    expect(page.text).not.toContain('<script');
    const login = await new Browser(issuer.origin).follow(await ask({ state: attack, login_hint: attack, ui_locales: attack }));
    expect(login.text).not.toContain('<script');
  });
});

describe('what is asked', () => {
  it.each(['state', 'scope', 'response_type', 'code_challenge', 'code_challenge_method', 'prompt'])(
    'ABUSE-20: %s given twice is an invalid request',
    async (name) => {
      const response = await ask({ [name]: ['S256', 'S256'] });
      expect(response.status).toBe(303);
      expect(problemOf(response.headers.location)).toBe('invalid_request');
    },
  );

  it.each(['client_id', 'redirect_uri'])('ABUSE-20: %s given twice is a page', async (name) => {
    const response = await ask({ [name]: [client.clientId, client.clientId] });
    expect(response.status).toBe(400);
    expect(response.headers.location).toBeUndefined();
  });

  it.each(['token', 'id_token', 'code token', 'code id_token', 'none', 'CODE', 'code code2'])(
    'ABUSE-21: the response type %s is refused',
    async (responseType) => {
      const { location = '' } = (await ask({ response_type: responseType })).headers;
      const said = new URL(location).searchParams.get('error') ?? new URLSearchParams(new URL(location).hash.slice(1)).get('error');
      expect(said).toMatch(/^unsupported_response_type$|^invalid_request$/);
      expect(location).not.toMatch(/[?&#]code=/);
    },
  );

  it.each(['fragment', 'form_post', 'web_message', 'jwt', 'query.jwt', '__proto__'])(
    'ABUSE-21: the response mode %s is refused, in the query',
    async (mode) => {
      const response = await ask({ response_mode: mode });
      expect(response.status).toBe(303);
      expect(problemOf(response.headers.location)).toBe('unsupported_response_mode');
    },
  );

  it('ABUSE-22: request objects are refused without being fetched', async () => {
    let fetched = 0;
    const { createServer } = await import('node:http');
    const trap = createServer(() => {
      fetched += 1;
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const address = trap.address() as { port: number };
    expect(problemOf((await ask({ request: 'eyJhbGciOiJub25lIn0.e30.' })).headers.location)).toBe('request_not_supported');
    const byUri = await ask({ request_uri: `http://127.0.0.1:${address.port}/r` });
    expect(problemOf(byUri.headers.location)).toBe('request_uri_not_supported');
    expect(problemOf((await ask({ registration: '{}' })).headers.location)).toBe('registration_not_supported');
    await new Promise((resolve) => trap.close(resolve));
    expect(fetched).toBe(0);
  });

  it.each([
    ['missing', { code_challenge: undefined, code_challenge_method: undefined }],
    ['without a method', { code_challenge_method: undefined }],
    ['plain', { code_challenge_method: 'plain' }],
    ['of 42 characters', { code_challenge: 'a'.repeat(42) }],
    ['of 129 characters', { code_challenge: 'a'.repeat(129) }],
    ['of odd characters', { code_challenge: 'ä'.repeat(43) }],
  ])('ABUSE-25, MCP-9: a code challenge that is %s is refused', async (_, parameters) => {
    const response = await ask(parameters);
    expect(response.status).toBe(303);
    expect(problemOf(response.headers.location)).toBe('invalid_request');
  });

  it('ABUSE-25, ENG-22: confidential clients need PKCE too', async () => {
    const confidential = await makeTestClient(issuer, { authMethod: 'client_secret_basic' });
    const url = authorizationUrl(issuer, confidential, { resource: server.resource, code_challenge_method: undefined });
    const response = await new Browser(issuer.origin).get(url);
    expect(problemOf(response.headers.location)).toBe('invalid_request');
  });

  it.each([
    ['unknown', 'https://unknown.example/mcp'],
    ['relative', '/mcp'],
    ['no URI', 'mcp'],
    ['with a fragment', 'https://x.example/mcp#f'],
    ['with NUL', 'https://x.example/\0'],
    ['missing', undefined],
    ['empty', ''],
  ])('ABUSE-59, MCP-21: a resource that is %s is an invalid target', async (_, resource) => {
    const response = await ask({ resource });
    expect(response.status).toBe(303);
    expect(problemOf(response.headers.location)).toBe('invalid_target');
  });

  it('ABUSE-59: two resources at once are an invalid target', async () => {
    const other = await issuer.addServer();
    expect(problemOf((await ask({ resource: [server.resource, other.resource] })).headers.location)).toBe('invalid_target');
  });

  it('ABUSE-46: NUL in any parameter is refused, and stored nowhere', async () => {
    for (const name of ['state', 'login_hint', 'ui_locales', 'nonce', 'scope', 'toolgrant_requested_scope']) {
      const response = await ask({ [name]: `a\0b` });
      expect([303, 400]).toContain(response.status);
      if (response.status === 303 && !response.headers.location?.startsWith(issuer.url)) {
        expect(problemOf(response.headers.location)).toMatch(/^invalid_(request|scope)$/);
      }
    }
  });

  it('ENG-28: what a client sends under the name of our own parameter is not believed', async () => {
    const { location } = await authorize(issuer, {
      client: { clientId: client.clientId, redirectUri: 'https://app.example/cb?x=1' },
      person,
      server,
      scope: 'tool:list_issues',
      parameters: { toolgrant_requested_scope: 'tools' },
    });
    const browserless = location.searchParams.get('code');
    expect(browserless).not.toBeNull();
    const installation = await issuer.runtime.store.installation.findFirst({ orderBy: { createdAt: 'desc' } });
    expect(installation?.requestedScopes).toEqual(['tool:list_issues']);
  });
});

describe('the verifier', () => {
  it('ABUSE-26: a wrong verifier is refused and leaves the code good', async () => {
    const loopback = { clientId: client.clientId, redirectUri: 'http://127.0.0.1/callback' };
    const authorized = await authorize(issuer, { client: loopback, person, server });
    for (const verifier of [newPkce().verifier, undefined]) {
      const response = await redeem(issuer, loopback, authorized, { code_verifier: verifier });
      expect(response.status).toBe(400);
      expect(response.json()).toMatchObject({ error: 'invalid_grant' });
    }
    for (const verifier of ['short', 'a'.repeat(129), `${'a'.repeat(42)} `]) {
      expect((await redeem(issuer, loopback, authorized, { code_verifier: verifier })).status).toBe(400);
    }
    expect((await redeem(issuer, loopback, authorized)).status).toBe(200);
  });
});
