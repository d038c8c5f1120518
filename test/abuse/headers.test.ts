/** What every answer carries, and what none does: each route of the table, asked by everybody in every way. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRoutes } from '../../src/http/routes.ts';
import { paths } from '../../src/oidc/routes.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson } from '../support/issuer.ts';
import { Browser, signInOn } from '../support/person.ts';
import { sendRaw } from '../support/raw-connection.ts';

let issuer: TestIssuer;
let secure: TestIssuer;
let person: TestPerson;
let cookie: string;

beforeAll(async () => {
  issuer = await startIssuer();
  secure = await startIssuer({ issuer: 'https://auth.example' });
  person = await issuer.addPerson();
  const browser = new Browser(issuer.origin);
  await signInOn(browser, await browser.get(`${issuer.url}/account`), person);
  cookie = [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
});
afterAll(async () => {
  await secure.stop();
  await issuer.stop();
});

interface Line {
  name: string;
  path: string;
  /** Whether scripts of other origins may read it. */
  audience: 'scripts' | 'people' | 'servers';
  /** Whether it is a page of a person's own. */
  isPersonal: boolean;
}

const assets = new Map([['base.css', { type: 'text/css', bytes: Buffer.from(''), etag: '""' }]]);
const values: Record<string, string> = { ':list': '0', ':name': 'base.css' };

/** Of the protocol's endpoints that are not for scripts. */
const audiences: Readonly<Record<string, Line['audience']>> = {
  [paths.authorize]: 'people',
  [paths.signOut]: 'people',
  [paths.signOutConfirm]: 'people',
  [paths.signedOut]: 'people',
  [paths.interaction]: 'people',
  [paths.introspect]: 'servers',
};

const lines: Line[] = [
  ...createRoutes(assets).map(({ name, path, kind, access }) => ({
    name,
    path: path.replace(/:\w+/g, (part) => values[part] ?? 'x'),
    audience: kind === 'page' ? ('people' as const) : access === 'server' ? ('servers' as const) : ('scripts' as const),
    isPersonal: access === 'person',
  })),
  ...Object.entries(paths).map(([name, path]) => ({
    name,
    path,
    audience: audiences[path] ?? ('scripts' as const),
    isPersonal: false,
  })),
  { name: 'a client’s registration', path: '/register/cli_x', audience: 'scripts', isPersonal: false },
  { name: 'a request that goes on', path: '/authorize/x', audience: 'people', isPersonal: false },
  { name: 'health', path: '/healthz', audience: 'scripts', isPersonal: false },
  { name: 'readiness', path: '/readyz', audience: 'scripts', isPersonal: false },
  { name: 'nothing', path: '/nothing', audience: 'people', isPersonal: false },
];

const allMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Everybody who might ask, by the headers they send. */
function askers(): Record<string, string>[] {
  const foreign = { Origin: 'https://evil.example' };
  return [
    {},
    { Accept: 'text/html' },
    { Accept: 'application/json' },
    { Accept: 'text/html', Cookie: cookie },
    { Accept: 'text/html', Cookie: cookie, ...foreign },
    { ...foreign, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization' },
    { Authorization: 'Bearer x', Accept: '*/*' },
    { Host: 'evil.example', Accept: 'text/html' },
    { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': '0' },
  ];
}

async function answersTo(path: string, { to = issuer, methods = allMethods } = {}): Promise<{ what: string; response: RawResponse }[]> {
  const requests = methods.flatMap((method) => askers().map((headers) => ({ method, path, headers })));
  return Promise.all(requests.map(async (request) => ({ what: JSON.stringify(request), response: await to.send(request) })));
}

/** What a framework or a fault would tell. Names stand alone: keys are random letters, and hold any short word sooner or later. */
const indiscreet =
  /node_modules|\.[cm]?[jt]s:\d+|^\s+at |\b(?:koa|oidc-provider|prisma\w*|express|postgres\w*|toolgrant_runtime|versions?)\b/im;

describe.each(lines)('$name ($path)', ({ path, audience, isPersonal }) => {
  it('ABUSE-37, ABUSE-47, ABUSE-78, ENG-24, MCP-34: keeps itself to itself, whoever asks in whatever way', async () => {
    for (const { what, response } of await answersTo(path)) {
      const { headers, status, text } = response;
      const about = (fact: unknown) => [what, status, fact];
      const csp = headers['content-security-policy'] ?? '';
      expect(about(csp)).toEqual(about(expect.stringMatching(/^default-src 'none'; .*frame-ancestors 'none'; base-uri 'none'$/)));
      expect(about(csp)).toEqual(about(expect.not.stringMatching(/unsafe|script-src|data:|(?<!localhost:|127\.0\.0\.1:)\*/)));
      expect(about(headers['x-frame-options'])).toEqual(about('DENY'));
      expect(about(headers['x-content-type-options'])).toEqual(about('nosniff'));
      expect(about(headers['referrer-policy'])).toEqual(about('same-origin'));
      expect(about(headers['permissions-policy'])).toEqual(about(expect.stringContaining('camera=()')));
      expect(about(headers['cache-control'])).toEqual(about(expect.stringMatching(/^(no-store|no-cache|public, max-age=\d+.*)$/)));
      for (const name of ['x-powered-by', 'server', 'via', 'x-aspnet-version', 'strict-transport-security']) {
        expect(about(headers[name])).toEqual(about(undefined));
      }
      expect(about(indiscreet.exec(text.replaceAll(/req_[\w-]+|value="[^"]*"/g, ''))?.[0])).toEqual(about(undefined));
      expect(about(status >= 500)).toEqual(about(false));
      if (isPersonal && status !== 421 && status !== 405) {
        expect(about(headers['cross-origin-opener-policy'])).toEqual(about('same-origin'));
      }
      // No origin may use it with a person's cookies, and no other may read a page.
      expect(about(headers['access-control-allow-credentials'])).toEqual(about(undefined));
      const allowed = headers['access-control-allow-origin'];
      const isShared = audience === 'scripts' && allowed !== undefined;
      expect(about(allowed)).toEqual(about(isShared ? '*' : undefined));
      if (isShared) expect(about(response.cookies)).toEqual(about([]));
    }
  });

  it('ABUSE-78: an https issuer tells browsers to stay on https, and marks every cookie', async () => {
    for (const { what, response } of await answersTo(path, { to: secure, methods: ['GET', 'POST'] })) {
      expect([what, response.headers['strict-transport-security']]).toEqual([what, expect.stringMatching(/^max-age=\d{8,}/)]);
      for (const line of response.cookies) {
        expect([what, line]).toEqual([what, expect.stringMatching(/^__(Host|Secure)-[^;]+;.*secure.*; *httponly/i)]);
        expect([what, line]).toEqual([what, expect.stringMatching(/samesite=lax/i)]);
        expect([what, line]).toEqual([what, expect.not.stringMatching(/domain=/i)]);
      }
    }
  });
});

describe('beside the routes', () => {
  it('ABUSE-78: metrics, debug pages, source maps, repositories and settings are not there', async () => {
    for (const path of [
      '/metrics',
      '/debug',
      '/.env',
      '/.git/config',
      '/package.json',
      '/assets/../package.json',
      '/assets/..%2f..%2fpackage.json',
    ]) {
      expect([path, (await issuer.send({ path })).status]).toEqual([path, 404]);
    }
  });

  it('ABUSE-76, ABUSE-78: what HTTP itself refuses is answered without a word about us', async () => {
    const { port, host } = issuer.origin;
    const broken = [
      'nonsense\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: ${host}\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`,
      `POST /token HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      `POST /token HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
      `POST /token HTTP/1.1\r\nHost: ${host}\r\nContent-Length: -1\r\n\r\n`,
    ];
    for (const text of broken) {
      const answer = await sendRaw(port, text);
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).not.toMatch(indiscreet);
    }
    expect((await issuer.send({ path: '/healthz' })).status).toBe(200);
  });
});
