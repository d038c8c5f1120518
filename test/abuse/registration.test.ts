import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { basic, postForm, postJson, registerTestClient } from '../support/oauth-client.ts';

let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

const loopback = { redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none' };

function register(body: unknown): Promise<RawResponse> {
  return postJson(issuer, '/register', body);
}

const countClients = () => issuer.runtime.store.client.count();

describe('what may not be registered', () => {
  it.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'java\tscript:alert(1)',
    ' javascript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'blob:https://a.example/x',
    'file:///etc/passwd',
    'about:blank',
  ])('ABUSE-1: the redirect URI %j is refused, and nothing is stored', async (uri) => {
    const before = await countClients();
    const response = await register({ ...loopback, redirect_uris: ['https://good.example/cb', uri] });
    expect(response.status).toBe(400);
    expect(response.json()).toMatchObject({ error: 'invalid_redirect_uri' });
    expect(await countClients()).toBe(before);
  });

  it.each(['native', 'web', undefined])(
    'ABUSE-2: plain http beyond loopback is refused, whatever the application type (%s)',
    async (applicationType) => {
      for (const uri of [
        'http://evil.example/cb',
        'http://127.0.0.1.evil.example/cb',
        'http://10.0.0.1/cb',
        'http://0.0.0.0/cb',
        'http://2130706433/cb',
        'http://localhost./cb',
        'http://0x7f.1/cb',
      ]) {
        const response = await register({ ...loopback, redirect_uris: [uri], application_type: applicationType });
        expect(response.status).toBe(400);
        expect(response.json()).toMatchObject({ error: 'invalid_redirect_uri' });
      }
    },
  );

  it.each([
    ['a wildcard host', ['https://*.example/cb']],
    ['userinfo', ['https://user:pass@app.example/cb']],
    ['empty userinfo', ['https://@app.example/cb']],
    ['a fragment', ['https://app.example/cb#x']],
    ['an empty fragment', ['https://app.example/cb#']],
    ['an empty list', []],
    ['no list', undefined],
    ['11 URIs', Array.from({ length: 11 }, (_, index) => `https://app.example/${index}`)],
    ['1,000 URIs', Array.from({ length: 1_000 }, (_, index) => `https://a.example/${index}`)],
    ['more than 2 KiB', [`https://app.example/${'a'.repeat(2_048)}`]],
    ['a string', 'https://app.example/cb'],
    ['wrong types', [1, null, {}]],
    ['a backslash', ['https://app.example\\@evil.example/cb']],
    ['spaces', ['https://app.example/c b']],
    ['a relative URI', ['/cb']],
  ])('ABUSE-3: redirect URIs with %s are refused', async (_, redirectUris) => {
    const response = await register({ ...loopback, redirect_uris: redirectUris });
    expect(response.status).toBe(400);
    expect(response.json()).toMatchObject({ error: 'invalid_redirect_uri' });
  });

  it.each(['myapp://cb', 'slack://x', 'ftp://x.example/cb', 'ws://x.example/', 'intent://x#Intent;end', 'mailto:a@b.example'])(
    'ABUSE-4: the scheme of %s is not on the list',
    async (uri) => {
      const response = await register({ ...loopback, redirect_uris: [uri] });
      expect(response.status).toBe(400);
      expect(response.json()).toMatchObject({ error: 'invalid_redirect_uri' });
    },
  );

  it.each(['logo_uri', 'client_uri', 'policy_uri', 'tos_uri', 'jwks_uri', 'logo_uri#de', 'client_uri#ja-Kana-JP'])(
    'ABUSE-5: %s must be https',
    async (name) => {
      for (const uri of [
        'http://app.example/x',
        'javascript:alert(1)',
        'data:image/png,x',
        '//app.example',
        'https://user@app.example',
        42,
        ['https://app.example'],
      ]) {
        const response = await register({ ...loopback, [name]: uri });
        expect(response.status).toBe(400);
        expect(response.json()).toMatchObject({ error: 'invalid_client_metadata' });
      }
      expect((await register({ ...loopback, [name]: '' })).status).toBe(201);
    },
  );

  it.each([
    ['NUL', 'a\0b'],
    ['a line break', 'a\r\nb'],
    ['ESC', 'a\u001b[31mb'],
    ['right-to-left override', 'abc\u202edcba'],
    ['an isolate', 'a\u2066b'],
    ['a line separator', 'a\u2028b'],
    ['half a character', 'a\ud800b'],
    ['201 characters', 'a'.repeat(201)],
    ['50 KB', 'a'.repeat(30_000)],
    ['a number', 42],
    ['an object', { a: 1 }],
  ])('ABUSE-7: a name with %s is refused', async (_, name) => {
    const response = await register({ ...loopback, client_name: name });
    expect(response.status).toBe(400);
    expect(response.json()).toMatchObject({ error: 'invalid_client_metadata' });
  });

  it('ABUSE-8: members that would make it more than a client are ignored', async () => {
    const body = `{"client_id":"cli_mine","client_secret":"mine","tenant":"other","tenantId":"other","kind":"manual","trusted":true,"demo":true,"blockedAt":"2000-01-01","__proto__":{"kind":"manual"},"constructor":{"prototype":{"kind":"manual"}},"redirect_uris":["https://app.example/cb"]}`;
    const response = await issuer.send({ method: 'POST', path: '/register', headers: { 'Content-Type': 'application/json' }, body });
    expect(response.status).toBe(201);
    const answer = response.json();
    expect(answer.client_id).not.toBe('cli_mine');
    expect(answer.client_secret).not.toBe('mine');
    const row = await issuer.runtime.store.client.findFirst({ where: { id: String(answer.client_id) } });
    expect(row).toMatchObject({ tenantId: 'root', kind: 'dynamic', demo: false, blockedAt: null });
    expect(({} as { kind?: string }).kind).toBeUndefined();
  });

  it('ABUSE-9: machine grants are dropped, and a registration for nothing else is refused', async () => {
    const dropped = await register({ ...loopback, grant_types: ['authorization_code', 'client_credentials', 'password', 'implicit'] });
    expect(dropped.json().grant_types).toEqual(['authorization_code']);
    for (const grant of ['client_credentials', 'password', 'implicit', 'urn:ietf:params:oauth:grant-type:jwt-bearer']) {
      const response = await register({ ...loopback, grant_types: [grant] });
      expect(response.status).toBe(400);
      expect(response.json()).toMatchObject({ error: 'invalid_client_metadata' });
    }
    for (const types of [['token'], ['id_token'], ['none']])
      expect((await register({ ...loopback, response_types: types })).status).toBe(400);
    const confidential = await registerTestClient(issuer, {
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'client_credentials'],
    });
    const attempt = await postForm(
      issuer,
      '/token',
      { grant_type: 'client_credentials', scope: 'tools' },
      basic(confidential.clientId, confidential.secret ?? ''),
    );
    expect(attempt.status).toBe(400);
  });

  it('ABUSE-10: bodies that are too large, too deep, no object or no JSON are refused, and the process goes on', async () => {
    const deep = `{"redirect_uris":["https://app.example/cb"],"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
    const bodies = [
      deep,
      '['.repeat(5_000),
      '[]',
      'null',
      '"x"',
      '42',
      '',
      '{',
      '\u0000',
      JSON.stringify({ ...loopback, grant_types: 'x' }),
      JSON.stringify({ ...loopback, response_types: {} }),
      JSON.stringify({ ...loopback, token_endpoint_auth_method: ['none'] }),
    ];
    for (const body of bodies) {
      const response = await issuer.send({ method: 'POST', path: '/register', headers: { 'Content-Type': 'application/json' }, body });
      expect(response.status).toBe(400);
      expect(response.json().error).toMatch(/^invalid_/);
    }
    const large = await issuer.send({
      method: 'POST',
      path: '/register',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ...loopback, x: 'a'.repeat(60_000) }),
    });
    expect([400, 413]).toContain(large.status);
    const form = await issuer.send({
      method: 'POST',
      path: '/register',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'redirect_uris=https://app.example',
    });
    expect(form.status).toBe(400);
    expect((await register(loopback)).status).toBe(201);
  });

  it('ABUSE-11: where registration is off, it is not there', async () => {
    const closed = await startIssuer({ beside: issuer, settings: { registration: 'off' } });
    try {
      expect((await postJson(closed, '/register', loopback)).status).toBe(404);
      expect((await closed.send({ path: '/register/cli_x' })).status).toBe(404);
      expect((await closed.send({ path: '/.well-known/oauth-authorization-server' })).json()).not.toHaveProperty('registration_endpoint');
    } finally {
      await closed.stop();
    }
  });
});
