/** Pages under attack, request by request; the same in a real browser: test/browser. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRoutes } from '../../src/http/routes.ts';
import { toolNamed } from '../support/consent-scene.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorizationUrl, connect, newPkce, redeem, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { Browser, consentFields, readForms, signInOn } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;
/** Issuers of single tests; they stop at the end, whatever becomes of the test. */
const others: TestIssuer[] = [];

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(async () => {
  for (const other of [issuer, ...others]) await other.stop();
});

async function startOther(options?: Parameters<typeof startIssuer>[0]): Promise<TestIssuer> {
  const other = await startIssuer(options);
  others.push(other);
  return other;
}

async function signedIn(who: TestPerson = person): Promise<Browser> {
  const browser = new Browser(issuer.origin);
  const page = await signInOn(browser, await browser.get('/account'), who);
  expect(page.text).toContain('<h1>Connected agents</h1>');
  return browser;
}

/** Goes to a consent page with a scope; returns what is needed to answer it. */
async function openConsent(options: { scope?: string; browser?: Browser; to?: TestServer; as?: TestClient } = {}) {
  const browser = options.browser ?? (await signedIn());
  const { verifier, challenge } = newPkce();
  const asked = { resource: (options.to ?? server).resource, code_challenge: challenge, scope: options.scope };
  const page = await browser.follow(await browser.get(authorizationUrl(issuer, options.as ?? client, asked)));
  const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
  if (!form) throw new Error(`no consent page: ${page.text.slice(0, 300)}`);
  return { browser, verifier, form, page };
}

/** Sends an answer and redeems the code; returns the scope that came of it. */
async function scopeOfAnswer(opened: Awaited<ReturnType<typeof openConsent>>, fields: [string, string][]): Promise<string> {
  const sent = await opened.browser.follow(await opened.browser.post(opened.form.action, fields));
  const code = new URL(sent.headers.location ?? '').searchParams.get('code') ?? '';
  const response = await redeem(issuer, client, { code, verifier: opened.verifier });
  return response.json<{ scope: string }>().scope;
}

describe('ABUSE-31: what posts to a page', () => {
  const forms = createRoutes(new Map()).filter(({ kind, method }) => kind === 'page' && method === 'POST');
  const pathOf = (path: string) => path.replace(/:\w+/g, 'x');

  it('the route table has forms', () => {
    expect(forms.length).toBeGreaterThan(6);
  });

  it.each(forms)('$name refuses what a foreign site sends, and what carries no token', async ({ path }) => {
    const browser = await signedIn();
    const page = await browser.get('/account/password');
    const token = readForms(page.text)[0]?.fields.find(([name]) => name === 'form_token')?.[1] ?? '';
    const attempts: [string, Record<string, string>, string][] = [
      ['another origin', { Origin: 'https://evil.example' }, token],
      ['a hidden origin', { Origin: 'null' }, token],
      ['another scheme', { Origin: `https://${issuer.origin.host}` }, token],
      ['another port', { Origin: 'http://localhost:1' }, token],
      ['a cross-site fetch', { 'Sec-Fetch-Site': 'cross-site' }, token],
      ['a same-site fetch', { 'Sec-Fetch-Site': 'same-site' }, token],
      ['no token', {}, ''],
      ['a made-up token', {}, 'x'.repeat(43)],
      ['the cookie as the token', {}, browser.cookies.get('toolgrant-form-root')?.value ?? ''],
    ];
    for (const [what, headers, formToken] of attempts) {
      const response = await browser.post(pathOf(path), [['form_token', formToken]], headers);
      expect([what, response.status]).toEqual([what, 403]);
    }
  });

  it('another browser’s token is refused', async () => {
    const [mine, theirs] = [await signedIn(), await signedIn()];
    const [form] = readForms((await theirs.get('/account/password')).text);
    expect((await mine.post('/account/sign-out', form?.fields ?? [])).status).toBe(403);
  });

  it('a form sent as text/plain, JSON or multipart is refused, and one that is too large', async () => {
    const browser = await signedIn();
    for (const type of ['text/plain', 'application/json', 'multipart/form-data; boundary=x']) {
      expect((await browser.post('/account/sign-out', [], { 'Content-Type': type })).status).toBe(400);
    }
    expect((await browser.post('/sign-in', [['email', 'x'.repeat(40_000)]])).status).toBe(400);
  });
});

describe('ABUSE-38: a consent form that says more than the page', () => {
  it('a tool that was not shown is not given', async () => {
    const opened = await openConsent({ scope: 'tool:list_issues' });
    const fields = consentFields(opened.form, { tools: ['list_issues'] });
    const more: [string, string][] = [
      ...fields,
      ['tool', 'delete_issue'],
      ['tool', 'create_issue'],
      ['resources', 'on'],
      ['prompts', 'on'],
    ];
    expect(await scopeOfAnswer(opened, more)).toBe('tool:list_issues');
  });

  it('parties, scope and duration in the form change nothing', async () => {
    const opened = await openConsent({ scope: 'tool:list_issues' });
    const fields = consentFields(opened.form, { tools: ['list_issues'] }).map(([name, value]): [string, string] =>
      name === 'duration' ? [name, '100y'] : [name, value],
    );
    const forged = ['client_id', 'scope', 'resource', 'user_id', 'redirect_uri'].map((name): [string, string] => [name, 'tools evil']);
    expect(await scopeOfAnswer(opened, [...fields, ...forged])).toBe('tool:list_issues');
  });

  it('the answer to an older page is not recorded: the person sees what is so now', async () => {
    const changing = await issuer.addServer([toolNamed('read_it')]);
    const opened = await openConsent({ to: changing, scope: 'tools' });
    const other = await openConsent({ to: changing, scope: 'tools' });
    await other.browser.post(other.form.action, consentFields(other.form, { tools: ['read_it'] }));
    const late = await opened.browser.post(opened.form.action, consentFields(opened.form, { tools: ['read_it'] }));
    expect([late.status, late.text.includes('Something changed while this page was open')]).toEqual([200, true]);
  });

  it('what stood is shown ticked, kept, and taken away when unticked', async () => {
    const mine = await issuer.addServer();
    const as = await registerTestClient(issuer);
    const browser = await signedIn();
    await connect(issuer, { client: as, person, server: mine, browser, decision: { tools: ['list_issues', 'create_issue'] } });
    const opened = await openConsent({ to: mine, as, browser, scope: 'tool:delete_issue' });
    expect(opened.form.boxes.map(({ value, ticked }) => [value, ticked])).toEqual([
      ['list_issues', true],
      ['create_issue', true],
      ['delete_issue', false],
    ]);
    const sent = await browser.follow(
      await browser.post(opened.form.action, consentFields(opened.form, { tools: ['list_issues', 'delete_issue'] })),
    );
    const code = new URL(sent.headers.location ?? '').searchParams.get('code') ?? '';
    const response = await redeem(issuer, as, { code, verifier: opened.verifier });
    expect(response.json<{ scope: string }>().scope).toBe('tool:delete_issue tool:list_issues');
  });

  it('a group switch and a search decide nothing, and keep what is ticked', async () => {
    const opened = await openConsent();
    const fields = consentFields(opened.form, { tools: ['list_issues'] }).filter(([name]) => name !== 'do');
    const switched = await opened.browser.post(opened.form.action, [...fields, ['do', 'all:destructive']]);
    const form = readForms(switched.text).find(({ boxes }) => boxes.length > 0);
    expect([switched.status, form?.boxes.filter(({ ticked }) => ticked).map(({ value }) => value)]).toEqual([
      200,
      ['list_issues', 'delete_issue'],
    ]);
  });
});

describe('ABUSE-34: an interaction belongs to one browser', () => {
  it('without its cookie, and with another one’s, it is a 400 page that does not say more', async () => {
    const opened = await openConsent();
    const { pathname } = new URL(opened.form.action);
    for (const browser of [new Browser(issuer.origin), await signedIn()]) {
      const shown = await browser.get(pathname);
      expect([shown.status, shown.text.includes('Test agent')]).toEqual([400, false]);
    }
    const stranger = await signedIn();
    const own = await openConsent({ browser: stranger });
    const token = own.form.fields.find(([name]) => name === 'form_token')?.[1] ?? '';
    expect(
      (
        await stranger.post(pathname, [
          ['form_token', token],
          ['do', 'allow'],
        ])
      ).status,
    ).toBe(400);
  });
});

describe('ABUSE-24: attack text from a request', () => {
  const attack = '"><script>document.title="owned"</script><img src=x onerror=alert(1)>';
  it.each([
    ['state', { state: attack }],
    ['login_hint', { login_hint: attack }],
    ['ui_locales', { ui_locales: attack }],
    ['scope', { scope: attack }],
    ['a parameter of its own', { [attack]: attack }],
  ])('%s is escaped', async (_, parameters) => {
    const browser = new Browser(issuer.origin);
    const { challenge } = newPkce();
    const first = await browser.get(
      authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge, ...parameters }),
    );
    const page = await browser.follow(first);
    expect(page.text).not.toMatch(/<script|<img/);
    const consent = await signInOn(browser, page, person);
    expect([consent.status, /<script|<img/.test(consent.text)]).toEqual([200, false]);
  });

  it.each([
    ['an unknown client', `client_id=${encodeURIComponent(attack)}`],
    ['a redirect', `client_id=CLIENT&redirect_uri=${encodeURIComponent(`javascript:${attack}`)}`],
  ])('%s on an error page is escaped', async (_, query) => {
    const browser = new Browser(issuer.origin);
    const page = await browser.get(`/authorize?${query.replace('CLIENT', client.clientId)}`);
    expect([page.status, page.headers['content-type'], /<script|<img/.test(page.text)]).toEqual([400, 'text/html; charset=utf-8', false]);
    expect(page.headers.location).toBeUndefined();
  });

  it('MCP-11: the error page says what happened, which client, and what to do', async () => {
    const page = await new Browser(issuer.origin).get('/authorize?client_id=cli_gone&response_type=code');
    for (const words of ['This agent’s id is not accepted here', 'cli_gone', 'remove the MCP server in your agent'])
      expect(page.text).toContain(words);
  });

  it('what was pressed is answered with 303, so that nothing is posted again', async () => {
    const browser = new Browser(issuer.origin);
    const [form] = readForms((await browser.get('/account')).text);
    const typed = (form?.fields ?? []).map(([name, value]): [string, string] => [
      name,
      name === 'email' ? person.email : name === 'password' ? person.password : value,
    ]);
    const answer = await browser.post(form?.action ?? '', typed);
    expect([answer.status, answer.headers.location]).toEqual([303, `${issuer.url}/account`]);
  });

  it.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/account/../../evil',
    '/logout',
    'javascript:alert(1)',
    '/account\r\nX: y',
  ])('after signing in nobody is sent to %j', async (target) => {
    const browser = new Browser(issuer.origin);
    const [form] = readForms((await browser.get('/account')).text);
    const typed = new Map([
      ['email', person.email],
      ['password', person.password],
      ['return_to', target],
    ]);
    const answer = await browser.post(
      form?.action ?? '',
      (form?.fields ?? []).map(([name, value]) => [name, typed.get(name) ?? value] as const),
    );
    expect(answer.headers.location).toBe(`${issuer.url}/account`);
  });
});

describe('ABUSE-78: headers', () => {
  const expectHeaders = (response: RawResponse) => {
    expect(response.headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'[^;]*; frame-ancestors 'none'; base-uri 'none'$/,
    );
    expect(response.headers).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
    });
    for (const name of ['x-powered-by', 'server', 'access-control-allow-credentials']) expect(response.headers[name]).toBeUndefined();
  };

  it('every page and every refusal carries them', async () => {
    const browser = await signedIn();
    const started = authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge });
    const addresses = [
      '/',
      '/account',
      '/account/password',
      '/account/sign-out',
      '/widen',
      '/link/none',
      '/interaction/none',
      '/nothing',
      '/authorize',
      '/logout',
    ];
    for (const address of addresses) expectHeaders(await browser.get(address));
    expectHeaders(await browser.follow(await browser.get(started)));
    expectHeaders(await issuer.send({ path: '/', headers: { Host: 'evil.example' } }));
    expectHeaders(await issuer.send({ method: 'POST', path: '/account' }));
    expectHeaders(await issuer.send({ method: 'PUT', path: '/widen' }));
  });

  it('pages are kept by no cache and shared with no origin; only account pages cut themselves off from other windows', async () => {
    const browser = await signedIn();
    const opened = await openConsent({ browser });
    expect(opened.page.headers['cross-origin-opener-policy']).toBeUndefined();
    for (const address of ['/account', '/account/password', '/account/sign-out']) {
      const page = await browser.get(address, { Origin: 'https://evil.example' });
      expect(page.headers).toMatchObject({ 'cache-control': 'no-store', 'cross-origin-opener-policy': 'same-origin' });
      expect(page.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('an https issuer says so to browsers, and marks its cookies', async () => {
    const secure = await startOther({ issuer: 'https://auth.example' });
    const page = await secure.send({ path: '/account', headers: { Accept: 'text/html' } });
    expect(page.headers['strict-transport-security']).toBe('max-age=31536000');
    expect(page.cookies).toEqual([
      expect.stringMatching(/^__Host-toolgrant-form-root=[\w-]{43}; path=\/; samesite=lax; secure; httponly$/),
    ]);
  });

  it('a fault is a page without detail, and the log has it under the same id', async () => {
    const broken = await startOther();
    Object.assign(broken.engine.sessions, { current: () => Promise.reject(new TypeError('secret detail')) });
    const page = await broken.send({ path: '/account', headers: { Accept: 'text/html' } });
    expect([page.status, page.text.includes('secret detail'), /node_modules|\.ts:\d/.test(page.text)]).toEqual([500, false, false]);
    const id = page.headers['x-request-id'] ?? 'none';
    expect(page.text).toContain(id);
    expect(broken.log.some((line) => line.includes(id) && line.includes('secret detail'))).toBe(true);
  });

  it('an absent database is 503 with Retry-After, and the process says that it is not ready', async () => {
    const cut = await startOther();
    await cut.database.drop();
    const page = await cut.send({ path: '/link/none', headers: { Accept: 'text/html' } });
    expect([page.status, page.headers['retry-after']]).toEqual([503, '5']);
    const [alive, ready] = [await cut.send({ path: '/healthz' }), await cut.send({ path: '/readyz' })];
    expect([alive.status, ready.status, ready.text]).toEqual([200, 503, '{"status":"unavailable"}']);
  });
});

describe('someone else’s permission', () => {
  it('MCP-52: looks like one that does not exist: to see, change, revoke, widen', async () => {
    const owner = await issuer.addPerson();
    const as = await registerTestClient(issuer);
    await connect(issuer, { client: as, person: owner, server, decision: { tools: ['list_issues'] } });
    const account = await (await signedIn(owner)).get('/account');
    const id = /\/account\/consents\/(cns_[\w-]+)/.exec(account.text)?.[1] ?? '';
    const stranger = await signedIn();
    const addresses = [`/account/consents/${id}`, `/account/consents/${id}/revoke`, `/widen?consent=${id}&tool=create_issue`];
    const shape = ({ status, text }: RawResponse) => [status, text.replace(/req_[\w-]+/, '')];
    for (const address of addresses) {
      const [theirs, none] = [await stranger.get(address), await stranger.get(address.replace(id, 'cns_none'))];
      expect(shape(theirs)).toEqual(shape(none));
      expect(theirs.status).toBe(404);
      const token = readForms((await stranger.get('/account/password')).text)[0]?.fields.find(([name]) => name === 'form_token')?.[1] ?? '';
      expect(
        (
          await stranger.post(address, [
            ['form_token', token],
            ['do', 'allow'],
          ])
        ).status,
      ).toBe(404);
    }
    expect((await (await signedIn(owner)).get('/account')).text).toContain(id);
  });
});
