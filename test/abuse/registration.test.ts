import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { basic, postForm, postJson, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { sendRaw } from '../support/raw-connection.ts';

let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

const loopback = { redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none' };

function register(body: unknown): Promise<RawResponse> {
  return postJson(issuer, '/register', body);
}

function send(body: string | Buffer, headers: Record<string, string> = {}): Promise<RawResponse> {
  return issuer.send({ method: 'POST', path: '/register', headers: { 'Content-Type': 'application/json', ...headers }, body });
}

function manage(method: string, { clientId, managementToken }: TestClient, body: unknown): Promise<RawResponse> {
  const headers = { Authorization: `Bearer ${managementToken}`, 'Content-Type': 'application/json' };
  return issuer.send({ method, path: `/register/${clientId}`, headers, body: JSON.stringify(body) });
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
    expect((await register({ ...loopback, post_logout_redirect_uris: [uri] })).json()).toMatchObject({ error: 'invalid_redirect_uri' });
    expect(await countClients()).toBe(before);
    expect(response.text).not.toContain('alert');
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
    ['a directive of the content security policy', ['https://app.example;sandbox/cb']],
    ['markup', ['https://app.example/"><script>alert(1)</script>']],
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
    expect(dropped.json()['grant_types']).toEqual(['authorization_code']);
    for (const grant of ['client_credentials', 'password', 'implicit', 'urn:ietf:params:oauth:grant-type:jwt-bearer']) {
      const response = await register({ ...loopback, grant_types: [grant] });
      expect(response.status).toBe(400);
      expect(response.json()).toMatchObject({ error: 'invalid_client_metadata' });
    }
    for (const types of [['token'], ['id_token'], ['none'], ['code token']]) {
      const response = await register({ ...loopback, response_types: types });
      expect(response.status).toBe(400);
      expect(response.json()).toMatchObject({ error: 'invalid_client_metadata' });
    }
  });

  it.each(['client_credentials', 'password', 'implicit', 'urn:ietf:params:oauth:grant-type:jwt-bearer'])(
    'ABUSE-9: whoever registered openly gets nothing by %s, not even after changing the registration',
    async (grant) => {
      const metadata = { token_endpoint_auth_method: 'client_secret_basic', grant_types: ['authorization_code', grant] };
      const client = await registerTestClient(issuer, metadata);
      const change = { ...metadata, client_id: client.clientId, redirect_uris: [client.redirectUri], grant_types: [grant] };
      expect((await manage('PUT', client, change)).status).toBe(400);
      const more = await manage('PUT', client, { ...change, grant_types: ['authorization_code', 'refresh_token', grant] });
      expect(more.json()['grant_types']).toEqual(['authorization_code', 'refresh_token']);
      const asked = { grant_type: grant, scope: 'tools', username: 'a@example.com', password: 'x', assertion: 'a.b.c' };
      const attempt = await postForm(issuer, '/token', asked, basic(client.clientId, client.secret ?? ''));
      expect(attempt.status).toBe(400);
      const mayNot = { error: 'invalid_request', error_description: expect.stringMatching(/^this client may not use client_credentials/) };
      expect(attempt.json()).toMatchObject(grant === 'client_credentials' ? mayNot : { error: 'unsupported_grant_type' });
      expect(attempt.text).not.toContain('access_token');
    },
  );

  const deepArray = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
  const deepObject = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
  const badBodies: [what: string, body: string | Buffer][] = [
    ['5,000 arrays inside each other', `{"redirect_uris":["https://app.example/cb"],"x":${deepArray}}`],
    ['5,000 objects inside each other', `{"redirect_uris":["https://app.example/cb"],"x":${deepObject}}`],
    ['redirect URIs that deep', `{"redirect_uris":${deepArray}}`],
    ['a name that deep', `{"redirect_uris":["https://app.example/cb"],"client_name":${deepObject}}`],
    ['arrays that never end', '['.repeat(5_000)],
    ['an array', '[]'],
    ['an array of a registration', JSON.stringify([loopback])],
    ['null', 'null'],
    ['a string', '"x"'],
    ['a number', '42'],
    ['true', 'true'],
    ['nothing', ''],
    ['half an object', '{'],
    ['NUL', '\u0000'],
    ['NUL in a redirect URI', JSON.stringify({ redirect_uris: ['https://app.example/\u0000'] })],
    ['NUL in a member’s name', JSON.stringify({ ...loopback, 'logo_uri#\u0000': 'x' })],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['UTF-16', Buffer.from(JSON.stringify(loopback), 'utf16le')],
    ['grants as a string', JSON.stringify({ ...loopback, grant_types: 'x' })],
    ['response types as an object', JSON.stringify({ ...loopback, response_types: {} })],
    ['a method as a list', JSON.stringify({ ...loopback, token_endpoint_auth_method: ['none'] })],
    ['a scope as a number', JSON.stringify({ ...loopback, scope: 42 })],
    ['60 KB', JSON.stringify({ ...loopback, x: 'a'.repeat(60_000) })],
    ['60 KB of members', JSON.stringify(Object.fromEntries(Array.from({ length: 6_000 }, (_, index) => [`m${index}`, 1])))],
    ['1 MB', JSON.stringify({ ...loopback, x: 'a'.repeat(1_000_000) })],
  ];
  it.each(badBodies)('ABUSE-10: a body of %s is refused, nothing is stored, and the process goes on', async (_, body) => {
    const before = await countClients();
    const response = await send(body);
    expect(response.status).toBe(400);
    expect(response.json()['error']).toMatch(/^invalid_(?:client_metadata|redirect_uri|request)$/);
    expect(response.text.length).toBeLessThan(400);
    expect(await countClients()).toBe(before);
    expect((await register(loopback)).status).toBe(201);
  });

  it('ABUSE-10: a body that does not say how long it is is cut off', async () => {
    const head = `POST /register HTTP/1.1\r\nHost: ${issuer.origin.host}\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const inChunks = (body: string) => `${body.replaceAll(/.{1,4000}/gs, (part) => `${part.length.toString(16)}\r\n${part}\r\n`)}0\r\n\r\n`;
    const answer = await sendRaw(issuer.origin.port, head + inChunks(JSON.stringify({ ...loopback, x: 'a'.repeat(60_000) })));
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('"error":"invalid_client_metadata"');
    expect(await sendRaw(issuer.origin.port, head + inChunks(JSON.stringify(loopback)))).toMatch(/^HTTP\/1.1 201 /);
  });

  it.each([
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['text', { 'Content-Type': 'text/plain' }],
    ['compressed', { 'Content-Encoding': 'gzip', 'Content-Type': 'application/octet-stream' }],
    ['no type', { 'Content-Type': '' }],
  ])('ABUSE-10: a body that says it is %s is refused', async (_, headers) => {
    const response = await send(JSON.stringify(loopback), headers);
    expect(response.status).toBe(400);
    expect(response.json()).toMatchObject({ error: 'invalid_client_metadata' });
  });

  it('ABUSE-10: a member that comes twice counts as JSON has it, and is judged', async () => {
    const body = '{"redirect_uris":["https://app.example/cb"],"redirect_uris":["javascript:alert(1)"]}';
    expect((await send(body)).json()).toMatchObject({ error: 'invalid_redirect_uri' });
  });

  it('other methods and other spellings of the path register nothing', async () => {
    const before = await countClients();
    const body = JSON.stringify(loopback);
    const headers = { 'Content-Type': 'application/json' };
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE'])
      expect((await issuer.send({ method, path: '/register', headers, ...(method !== 'GET' && { body }) })).status).toBe(405);
    for (const path of ['/register/', '/Register', '/REGISTER', '/register%2f', '/register/a/b', '/x/../register'])
      expect((await issuer.send({ method: 'POST', path, headers, body })).status).toBe(404);
    expect(await countClients()).toBe(before);
  });

  it('ABUSE-11: where registration is off, it is not there', async () => {
    const closed = await issuer.addTenant('closed');
    await closed.set({ registration: 'off' });
    expect((await postJson(closed, '/register', loopback)).status).toBe(404);
    expect((await closed.send({ path: '/register/cli_x' })).status).toBe(404);
    expect((await closed.send({ path: '/.well-known/oauth-authorization-server' })).json()).not.toHaveProperty('registration_endpoint');
    expect((await postJson(issuer, '/register', loopback)).status).toBe(201);
  });
});
