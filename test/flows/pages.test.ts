/** What the pages and documents beside the protocol do, by plain requests. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint } from 'jose';
import { createUser } from '../../src/services/create-user.ts';
import { issueFirstAdminLink, issueLink } from '../../src/services/issue-link.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  basic,
  connect,
  newPkce,
  postJson,
  refresh,
  registerTestClient,
  type TestClient,
} from '../support/oauth-client.ts';
import { Browser, consentFields, type PageForm, readForms, signedIn, signInOn } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(() => issuer.stop());

const operator = { actorType: 'operator' as const };
const withToken = (form: PageForm | undefined, fields: [string, string][]): [string, string][] => [
  ...(form?.fields ?? []).filter(([name]) => name === 'form_token'),
  ...fields,
];

async function connected(tools: readonly string[]): Promise<{ client: TestClient; id: string; refreshToken: string; browser: Browser }> {
  const client = await registerTestClient(issuer);
  const tokens = await connect(issuer, { client, person, server, decision: { tools } });
  const { consent } = JSON.parse(Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  return { client, id: consent, refreshToken: tokens.refresh_token, browser: tokens.browser };
}

describe('widen', () => {
  it('asks who is there, shows the one tool beside what stood, and changes nothing before it is saved', async () => {
    const { client, id, refreshToken } = await connected(['list_issues']);
    const browser = new Browser(issuer.origin);
    const login = await browser.get(`/widen?consent=${id}&tool=create_issue`);
    expect(login.text).toContain('<h1>Sign in</h1>');
    const page = await signInOn(browser, login, person);
    const [form] = readForms(page.text);
    expect(form?.boxes.map(({ value, ticked }) => [value, ticked])).toEqual([
      ['list_issues', true],
      ['create_issue', false],
    ]);
    const before = await refresh(issuer, client, refreshToken);
    expect(before.json<{ scope: string }>().scope).toBe('tool:list_issues');
    const saved = await browser.post(form!.action, consentFields(form!, { tools: ['list_issues', 'create_issue'] }));
    expect([saved.status, saved.headers.location]).toEqual([303, `${issuer.url}/account?done=widened&within=900`]);
    const after = await refresh(issuer, client, before.json<{ refresh_token: string }>().refresh_token);
    expect(after.json<{ scope: string }>().scope).toBe('tool:create_issue tool:list_issues');
  });

  it('asks for resources or prompts likewise', async () => {
    const { client, id, refreshToken, browser } = await connected(['list_issues']);
    const [form] = readForms((await browser.get(`/widen?consent=${id}&scope=resources`)).text);
    expect(form?.boxes.map(({ name, value, ticked }) => [name, value, ticked])).toEqual([
      ['tool', 'list_issues', true],
      ['resources', 'on', false],
    ]);
    await browser.post(form!.action, consentFields(form!, { resources: true }));
    expect((await refresh(issuer, client, refreshToken)).json<{ scope: string }>().scope).toBe('tool:list_issues resources');
  });

  it('Deny leads away and changes nothing', async () => {
    const { client, id, refreshToken, browser } = await connected(['list_issues']);
    const [form] = readForms((await browser.get(`/widen?consent=${id}&tool=create_issue`)).text);
    const answer = await browser.post(form!.action, consentFields(form!, { tools: ['create_issue'], deny: true }));
    expect(answer.headers.location).toBe(`${issuer.url}/account`);
    expect((await refresh(issuer, client, refreshToken)).json<{ scope: string }>().scope).toBe('tool:list_issues');
  });

  it.each([
    '',
    '?tool=x',
    '?consent=cns_x',
    '?consent=cns_x&tool=',
    '?consent=cns_x&scope=tools',
    '?consent=cns_x&tool=a&tool=b',
    '?consent=cns_x&tool=a&scope=resources',
  ])('a link that says %j is a plain page', async (query) => {
    const page = await (await signedIn(issuer, person)).get(`/widen${query}`);
    expect([page.status, page.text.includes('There is no such permission')]).toEqual([404, true]);
  });

  it('a tool that the server does not have is a plain page', async () => {
    const { id, browser } = await connected(['list_issues']);
    expect((await browser.get(`/widen?consent=${id}&tool=none`)).status).toBe(404);
  });

  it('ABUSE-38: nothing but that tool can be added', async () => {
    const { client, id, refreshToken, browser } = await connected(['list_issues']);
    const [form] = readForms((await browser.get(`/widen?consent=${id}&tool=create_issue`)).text);
    const forged: [string, string][] = [
      ...consentFields(form!, { tools: ['list_issues', 'create_issue'] }),
      ['tool', 'delete_issue'],
      ['resources', 'on'],
    ];
    await browser.post(form!.action, forged);
    expect((await refresh(issuer, client, refreshToken)).json<{ scope: string }>().scope).toBe('tool:create_issue tool:list_issues');
  });
});

describe('connected agents', () => {
  it('revoking ends the refresh token, says how soon, and may be repeated', async () => {
    const { client, id, refreshToken, browser } = await connected(['list_issues']);
    const page = await browser.get(`/account/consents/${id}/revoke`);
    expect(page.text).toContain('It stops within 15 minutes');
    const [form] = readForms(page.text);
    for (let times = 0; times < 2; times += 1) {
      const answer = await browser.post(form!.action, form!.fields);
      expect(answer.headers.location).toBe(`${issuer.url}/account?done=revoked`);
    }
    expect((await refresh(issuer, client, refreshToken)).json()).toMatchObject({ error: 'invalid_grant' });
    expect((await browser.get('/account')).text).not.toContain(id);
  });

  it('a server whose library announced itself is promised within 15 seconds', async () => {
    const announced = await issuer.addServer();
    const hello = await postJson(
      issuer,
      '/servers/hello',
      { library: '@toolgrant/resource-server', version: '1.2.3' },
      basic(announced.serverId, announced.credential),
    );
    expect(hello.status).toBe(204);
    const client = await registerTestClient(issuer);
    const { browser } = await connect(issuer, { client, person, server: announced });
    const [, id] = /\/account\/consents\/(cns_[\w-]+)/.exec((await browser.get('/account')).text) ?? [];
    expect((await browser.get(`/account/consents/${id}/revoke`)).text).toContain('It stops within 15 seconds');
  });

  it('a query cannot put words on the page', async () => {
    const browser = await signedIn(issuer, person);
    for (const query of ['?done=<b>x', '?done=__proto__', '?done=toString', '?done=revoked&done=x', '?done=changed&within=<b>']) {
      const page = await browser.get(`/account${query}`);
      expect([page.status, /<b>x|\[native code\]|within <b>/.test(page.text)]).toEqual([200, false]);
    }
  });
});

describe('a blocked agent', () => {
  it('its person is told so', async () => {
    const client = await registerTestClient(issuer);
    const browser = await signedIn(issuer, person);
    const { challenge } = newPkce();
    const page = await browser.follow(
      await browser.get(authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge })),
    );
    const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    await issuer.runtime.store.client.updateMany({ where: { id: client.clientId }, data: { blockedAt: new Date() } });
    const answer = await browser.post(form!.action, consentFields(form!, {}));
    expect([answer.status, answer.text.includes('This agent is blocked here')]).toEqual([403, true]);
  });
});

describe('the password page', () => {
  it('changes it, keeps this browser signed in under a new id, and signs out every other', async () => {
    const who = await issuer.addPerson();
    const [mine, other] = [await signedIn(issuer, who), await signedIn(issuer, who)];
    const sessionBefore = mine.cookies.get('toolgrant-session-root')?.value;
    const [form] = readForms((await mine.get('/account/password')).text);
    const next = 'seven quiet otters at dawn';
    const answer = await mine.post(
      '/account/password',
      withToken(form, [
        ['current', who.password],
        ['password', next],
      ]),
    );
    expect(answer.headers.location).toBe(`${issuer.url}/account?done=password`);
    expect(mine.cookies.get('toolgrant-session-root')?.value).not.toBe(sessionBefore);
    expect((await mine.get('/account')).text).toContain('Connected agents');
    expect((await other.get('/account')).text).toContain('<h1>Sign in</h1>');
    expect((await (await signedIn(issuer, { ...who, password: next })).get('/account')).text).toContain('Connected agents');
  });

  it.each([
    ['a wrong current password', { current: 'wrong wrong wrong' }, 'The current password is wrong.'],
    ['a short one', { password: 'short' }, 'too short'],
    ['a common one', { password: 'passwordpassword' }, 'among the first that anybody tries'],
  ])('says what is wrong with %s', async (_, typed, words) => {
    const who = await issuer.addPerson();
    const browser = await signedIn(issuer, who);
    const [form] = readForms((await browser.get('/account/password')).text);
    const fields = { current: who.password, password: 'seven quiet otters at dawn', ...typed };
    const answer = await browser.post('/account/password', withToken(form, Object.entries(fields)));
    expect([answer.status, answer.text.includes(words)]).toEqual([200, true]);
  });
});

describe('one-time links', () => {
  it('opening one uses nothing up; the form sets the password and signs in; then it is used up', async () => {
    const created = await createUser(issuer.runtime, issuer.tenant, { email: 'new@example.com', isAdmin: false, origin: operator });
    if (!created.ok) throw new Error('no user');
    const issued = await issueLink(issuer.runtime, issuer.tenant, { purpose: 'invitation', userId: created.user.id, origin: operator });
    if (!issued.ok) throw new Error('no link');
    const { pathname } = new URL(issued.link.url);
    const browser = new Browser(issuer.origin);
    await browser.get(pathname);
    const page = await browser.get(pathname);
    expect(page.text).toContain('Choose a password for <bdi class="name">new@example.com</bdi>');
    const [form] = readForms(page.text);
    const short = await browser.post(pathname, withToken(form, [['password', 'short']]));
    expect([short.status, short.text.includes('too short')]).toEqual([200, true]);
    const answer = await browser.post(pathname, withToken(form, [['password', 'seven quiet otters at dawn']]));
    expect(answer.headers.location).toBe(`${issuer.url}/account?done=welcome`);
    expect((await browser.get('/account')).text).toContain('new@example.com');
    for (const again of [
      await browser.get(pathname),
      await browser.post(pathname, withToken(form, [['password', 'other otters at dawn now']])),
    ]) {
      expect([again.status, again.text.includes('This link does not work any more')]).toEqual([404, true]);
    }
    expect(issuer.log.join('')).not.toContain(pathname.slice('/link/'.length));
  });

  it('the first administrator names her address', async () => {
    const fresh = await startIssuer();
    const link = await issueFirstAdminLink(fresh.runtime, fresh.tenant, operator);
    const { pathname } = new URL(link!.url);
    const browser = new Browser(fresh.origin);
    const [form] = readForms((await browser.get(pathname)).text);
    const bad = await browser.post(
      pathname,
      withToken(form, [
        ['email', 'nobody'],
        ['password', 'seven quiet otters at dawn'],
      ]),
    );
    expect([bad.status, bad.text.includes('This is no email address.')]).toEqual([200, true]);
    const answer = await browser.post(
      pathname,
      withToken(form, [
        ['email', 'Root@Example.com'],
        ['password', 'seven quiet otters at dawn'],
      ]),
    );
    expect(answer.status).toBe(303);
    expect((await browser.get('/account')).text).toContain('root@example.com');
    await fresh.stop();
  });
});

describe('documents', () => {
  it('MCP-34: status lists and selections are read by scripts of any origin, pages by none', async () => {
    const list = await issuer.send({ path: '/status/0', headers: { Origin: 'https://app.example' } });
    expect([list.status, list.headers['content-type']]).toEqual([200, 'application/statuslist+jwt']);
    expect(list.headers['access-control-allow-origin']).toBe('*');
    const preflight = await issuer.send({
      method: 'OPTIONS',
      path: '/selections/x',
      headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' },
    });
    expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([204, '*']);
    const page = await issuer.send({ method: 'OPTIONS', path: '/account', headers: { Origin: 'https://app.example' } });
    expect([page.status, page.headers['access-control-allow-origin'], page.headers.allow]).toEqual([405, undefined, 'HEAD, GET']);
  });

  it.each([
    '/status/1',
    '/status/-1',
    '/status/00',
    '/status/9999999',
    '/status/x',
    '/selections/x',
    `/selections/${'a'.repeat(43)}`,
    '/assets/none.css',
    '/assets/..%2flayout.eta',
  ])('%s is not there', async (path) => {
    expect((await issuer.send({ path })).status).toBe(404);
  });

  it('the keys that seals and receipts are verified by are public, another tenant’s are others, and nothing of them is secret', async () => {
    const keysOf = async (at: TestIssuer) => {
      const answer = await at.send({ path: '/audit/keys' });
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/jwk-set+json']);
      return answer.json<{ keys: Record<string, string>[] }>().keys;
    };
    const [own, others] = [await keysOf(issuer), await keysOf(await issuer.addTenant('with-keys'))];
    expect(own).toHaveLength(1);
    expect(Object.keys(own[0] ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    expect(own[0]?.['kid']).toBe(await calculateJwkThumbprint(own[0] ?? {}));
    expect(others[0]?.['kid']).not.toBe(own[0]?.['kid']);
  });

  it('a selection document is served byte for byte under its hash', async () => {
    const large = await issuer.addServer(Array.from({ length: 200 }, (_, index) => toolNamed(`read_something_long_${index}`)));
    const client = await registerTestClient(issuer);
    const { access_token: token } = await connect(issuer, { client, person, server: large });
    const { selection } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const document = await issuer.send({ path: `/selections/${selection}` });
    expect([document.status, document.headers['content-type'], document.headers['cache-control']]).toEqual([
      200,
      'application/json',
      'public, max-age=3600, immutable',
    ]);
    expect(createHash('sha256').update(document.text).digest('base64url')).toBe(selection);
  });

  it('a hello needs the server’s own credential and says nothing of why it was refused', async () => {
    const hello = { library: '@toolgrant/resource-server', version: '1.2.3' };
    const other = await issuer.addServer();
    const attempts: Record<string, string>[] = [
      {},
      basic(server.serverId, 'wrong'),
      basic(server.serverId, other.credential),
      basic('srv_none', server.credential),
      { Authorization: 'Basic !!!' },
      { Authorization: 'Bearer x' },
    ];
    for (const headers of attempts) {
      const answer = await postJson(issuer, '/servers/hello', hello, headers);
      expect([answer.status, answer.headers['www-authenticate'], answer.json().error]).toEqual([
        401,
        `Basic realm="${issuer.url}"`,
        'invalid_client',
      ]);
    }
    for (const body of [
      {},
      [],
      { library: 1, version: 2 },
      { library: 'x'.repeat(101), version: '1' },
      { library: 'a\nb', version: '1' },
    ]) {
      expect((await postJson(issuer, '/servers/hello', body, basic(server.serverId, server.credential))).status).toBe(400);
    }
  });

  it('assets are asked for again and mostly not sent again', async () => {
    const first = await issuer.send({ path: '/assets/base.css' });
    const again = await issuer.send({ path: '/assets/base.css', headers: { 'If-None-Match': first.headers.etag ?? '' } });
    expect([first.status, again.status, again.text]).toEqual([200, 304, '']);
  });
});
