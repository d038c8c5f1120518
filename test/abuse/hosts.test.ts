import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorizationUrl, newPkce, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { Browser, readForms, signInOn } from '../support/person.ts';
import { sendRaw } from '../support/raw-connection.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(() => issuer.stop());

const evil = 'evil.example';

/** Sends head lines as they are; returns the status and the whole answer. */
async function send(line: string, ...headers: string[]): Promise<{ status: number; text: string }> {
  const text = await sendRaw(issuer.origin.port, [line, ...headers, 'Connection: close', '', ''].join('\r\n'));
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text };
}

const discovery = 'GET /.well-known/openid-configuration HTTP/1.1';

describe('a host that is not the issuer’s', () => {
  it.each([
    [evil],
    [`${evil}:80`],
    ['localhost'],
    ['localhost:80'],
    ['127.0.0.1:{port}'],
    ['[::1]:{port}'],
    ['localhost.:{port}'],
    ['localhost:{port}.'],
    ['localhost:0{port}'],
    [`localhost:{port}@${evil}`],
    [`${evil}@localhost:{port}`],
    ['a:b@localhost:{port}'],
    [`localhost:{port}, ${evil}`],
    [`localhost:{port}#.${evil}`],
    ['localhost:{port}/path'],
    ['localhost:{port} x'],
    ['http://localhost:{port}'],
    [''],
  ])('ABUSE-57, ENG-20: Host "%s" is misdirected, on every kind of route', async (template) => {
    const host = template.replaceAll('{port}', String(issuer.origin.port));
    for (const path of ['/.well-known/openid-configuration', '/jwks', '/', '/account', '/authorize', '/status/0', '/nothing']) {
      const { status, text } = await send(`GET ${path} HTTP/1.1`, `Host: ${host}`);
      expect([path, status]).toEqual([path, 421]);
      expect(text).not.toContain(evil);
    }
    for (const path of ['/token', '/register', '/introspect', '/revoke', '/sign-in', '/servers/hello']) {
      const { status } = await send(`POST ${path} HTTP/1.1`, `Host: ${host}`, 'Content-Length: 0');
      expect([path, status]).toEqual([path, 421]);
    }
  });

  it('ABUSE-57: the same name in other letters is the issuer’s, and comes back in its own', async () => {
    const { status, text } = await send(discovery, `Host: LOCALHOST:${issuer.origin.port}`);
    expect(status).toBe(200);
    expect(text).toContain(`"issuer":"${issuer.url}"`);
    expect(text).not.toContain('LOCALHOST');
  });

  it('ABUSE-57: two of them, none, and one that HTTP does not allow are refused', async () => {
    const own = `Host: ${issuer.origin.host}`;
    for (const hosts of [
      [own, `Host: ${evil}`],
      [`Host: ${evil}`, own],
      [own, own],
      [own, `host: ${issuer.origin.host}`],
    ]) {
      expect((await send(discovery, ...hosts)).status).toBe(421);
    }
    expect((await send(discovery)).status).toBe(400);
    expect((await send('GET /jwks HTTP/1.0')).status).toBe(421);
    for (const broken of [
      `Host : ${issuer.origin.host}`,
      ` ${own}`,
      `Host: ${issuer.origin.host}\0`,
      `Host: ${issuer.origin.host}\r ${evil}`,
    ]) {
      expect((await send(discovery, broken)).status).toBe(400);
    }
  });

  it('ABUSE-57: a page and an answer in JSON alike point to the issuer alone', async () => {
    const page = await send('GET /account HTTP/1.1', `Host: ${evil}`, 'Accept: text/html');
    expect(page.status).toBe(421);
    const links = [...page.text.matchAll(/(?:href|src|action)="([^"]+)"/g)].map(([, link]) => link ?? '');
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) expect(link.startsWith(`${issuer.url}/`)).toBe(true);
    expect(page.text).not.toContain(evil);
  });
});

describe('a request line that is not a path', () => {
  const lines = [
    `GET http://${evil}/.well-known/openid-configuration HTTP/1.1`,
    'GET http://localhost:{port}/.well-known/openid-configuration HTTP/1.1',
    `GET https://${evil}/jwks HTTP/1.1`,
    'GET http://[::1/jwks HTTP/1.1',
    'GET http://a:b@[/ HTTP/1.1',
    'GET http://a:99999/ HTTP/1.1',
    'GET http:// HTTP/1.1',
    `GET //${evil}/jwks HTTP/1.1`,
    `GET ///${evil} HTTP/1.1`,
    'GET * HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'GET http://[::1/healthz HTTP/1.1',
    'GET http://[::1/readyz HTTP/1.1',
    `POST http://[${evil}/token HTTP/1.1`,
  ];

  it.each(lines)('ABUSE-57, ABUSE-86: is misdirected, logged, and the process lives: %s', async (line) => {
    const logged = issuer.log.length;
    const port = String(issuer.origin.port);
    const answer = await send(line.replace('{port}', port), `Host: ${issuer.origin.host}`, 'Content-Length: 0');
    expect(answer.status).toBe(421);
    expect(answer.text).not.toContain(evil);
    // The access log's own line comes when the connection is done with; it must come at all.
    expect((await issuer.send({ path: '/healthz' })).status).toBe(200);
    expect(issuer.log.slice(logged).join('')).toContain('"status":421');
    expect(issuer.log.slice(logged).join('')).not.toContain('"level":"error"');
  });

  it('ABUSE-57: a tunnel is not opened', async () => {
    expect((await send(`CONNECT ${evil}:443 HTTP/1.1`, `Host: ${evil}:443`)).text).not.toMatch(/^HTTP\/1\.1 2/);
    expect((await issuer.send({ path: '/healthz' })).status).toBe(200);
  });

  it.each([
    'GET /.well-known/openid-configuration?http://evil.example HTTP/1.1',
    'GET /.well-known/openid-configuration?a=%zz&b=%ff#c HTTP/1.1',
  ])('ABUSE-57: whatever stands in the query changes no URL: %s', async (line) => {
    const { status, text } = await send(line, `Host: ${issuer.origin.host}`);
    expect(status).toBe(200);
    expect(text).not.toContain(evil);
  });

  it.each([
    '/%zz',
    '/link/%zz',
    '/link/%ff',
    '/interaction/%c0%af',
    '/account/consents/%zz',
    '/status/%zz',
    '/a#b',
    '/a%00b',
    '/%2e%2e/jwks',
  ])('ABUSE-57: %s is nothing, and no fault', async (path) => {
    const { status, text } = await send(`GET ${path} HTTP/1.1`, `Host: ${issuer.origin.host}`);
    expect(status).toBeGreaterThanOrEqual(200);
    expect(status).toBeLessThan(500);
    expect(text).not.toContain('server_error');
  });
});

/** What proxies and forgers say about host, scheme, and path. */
const forged = [
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Proto: javascript',
  'X-Forwarded-Port: 1',
  'X-Forwarded-Prefix: /evil.example',
  'X-Forwarded-Server: evil.example',
  'X-Forwarded-Scheme: https',
  'X-Forwarded-Ssl: on',
  'Front-End-Https: on',
  'Forwarded: host=evil.example;proto=https',
  'X-Host: evil.example',
  'X-Original-Host: evil.example',
  'X-Original-URL: https://evil.example/',
  'X-Rewrite-URL: /evil.example',
  'X-HTTP-Method-Override: DELETE',
  ':authority: evil.example',
  'X-Forwarded-Host: localhost\r\nX-Forwarded-Host: evil.example',
];

describe('headers that say otherwise', () => {
  it.each(forged)('ABUSE-57, ENG-20: move no URL of any document: %j', async (header) => {
    const own = `Host: ${issuer.origin.host}`;
    if (header.startsWith(':')) {
      expect((await send(discovery, own, header)).status).toBe(400);
      return;
    }
    const { text: plain } = await send(discovery, own);
    const { text } = await send(discovery, own, header);
    expect(bodyOf(text)).toBe(bodyOf(plain));
    for (const path of ['/jwks', '/status/0', '/', '/account', '/logout', '/nothing']) {
      expect((await send(`GET ${path} HTTP/1.1`, own, header, 'Accept: text/html')).text).not.toContain(evil);
    }
  });

  it('ABUSE-57, ENG-20: move no URL on the way through sign-in, consent, tokens, registration, and sign-out', async () => {
    const lies = {
      'X-Forwarded-Host': evil,
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Prefix': '/evil.example',
      'X-Forwarded-For': '198.51.100.1',
      Forwarded: `for=198.51.100.1;host=${evil};proto=https`,
      'X-Original-URL': `https://${evil}/`,
    };
    const lying: TestIssuer = { ...issuer, send: (request) => issuer.send({ ...request, headers: { ...request.headers, ...lies } }) };
    const browser = new Browser(issuer.origin);
    const { verifier, challenge } = newPkce();
    const start = await browser.get(authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge }), lies);
    expect(start.headers.location?.startsWith(`${issuer.url}/interaction/`)).toBe(true);
    const seen = [start];
    const login = await browser.get(start.headers.location ?? '', lies);
    const consent = await signInOn(browser, login, person);
    seen.push(login, consent);
    const form = readForms(consent.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    const posted = await browser.post(form?.action ?? '', [...(form?.fields ?? []), ['tool', 'list_issues'], ['do', 'allow']], lies);
    const away = await browser.get(posted.headers.location ?? '', lies);
    seen.push(posted, away);
    const redirect = new URL(away.headers.location ?? '');
    expect(redirect.searchParams.get('iss')).toBe(issuer.url);
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: client.clientId,
      redirect_uri: client.redirectUri,
      code: redirect.searchParams.get('code') ?? '',
      code_verifier: verifier,
    }).toString();
    const formType = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const tokens = await lying.send({ method: 'POST', path: '/token', headers: formType, body });
    expect(tokens.status).toBe(200);
    const registration = (await registerTestClient(lying)).registration;
    expect(String(registration.registration_client_uri).startsWith(`${issuer.url}/register/`)).toBe(true);
    const unknown = await lying.send({ method: 'POST', path: '/introspect', headers: formType, body: 'token=x' });
    expect(unknown.headers['www-authenticate']).toContain(`realm="${issuer.url}"`);
    const out = await browser.get(`${issuer.url}/logout`, lies);
    seen.push(out, tokens, unknown);
    for (const { text, headers, cookies } of seen) {
      expect(`${text}${JSON.stringify(headers)}`).not.toContain(evil);
      for (const cookie of cookies) expect(cookie).not.toMatch(/; *secure|; *domain/i);
    }
  });

  it('ABUSE-29, ABUSE-57: the address is the peer’s, whatever is forwarded by one who is no proxy of ours', async () => {
    await issuer.send({ path: '/jwks', headers: { 'X-Forwarded-For': '198.51.100.7', 'X-Real-IP': '198.51.100.7' } });
    const audit = await issuer.runtime.store.auditEvent.findMany({ select: { address: true } });
    for (const { address } of audit) expect([null, '127.0.0.1']).toContain(address);
    expect(issuer.log.join('')).not.toContain('198.51.100');
  });
});

describe('proxies of ours', () => {
  it('ABUSE-57, ABUSE-29: are believed about the caller’s address, and about nothing else', async () => {
    const proxied = await startIssuer({ issuer: 'https://auth.example', app: { trustedProxies: ['127.0.0.0/8'] } });
    try {
      const headers = { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Host': evil, 'X-Forwarded-Proto': 'http' };
      const metadata = await proxied.send({ path: '/.well-known/openid-configuration', headers });
      expect(metadata.json()).toMatchObject({ issuer: 'https://auth.example', token_endpoint: 'https://auth.example/token' });
      await registerTestClient({
        ...proxied,
        send: (request) => proxied.send({ ...request, headers: { ...request.headers, ...headers } }),
      });
      const event = await proxied.runtime.store.auditEvent.findFirst({ where: { type: 'client.registered' } });
      expect(event?.address).toBe('203.0.113.9');
      const misdirected = await proxied.send({ path: '/jwks', headers: { Host: evil, 'X-Forwarded-Host': 'auth.example' } });
      expect(misdirected.status).toBe(421);
      expect((await proxied.send({ path: '/jwks', headers: { Host: 'auth.example:443' } })).status).toBe(200);
      expect((await proxied.send({ path: '/jwks', headers: { Host: 'auth.example:80' } })).status).toBe(421);
    } finally {
      await proxied.stop();
    }
  });

  it('ABUSE-57: those that watch the process may call it by any name, and learn no URL', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const { status, text } = await send(`GET ${path} HTTP/1.1`, `Host: ${evil}`);
      expect(status).toBe(200);
      expect(bodyOf(text)).toBe('{"status":"ok"}');
      expect(text).not.toMatch(/https?:|localhost/);
    }
  });
});

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}
