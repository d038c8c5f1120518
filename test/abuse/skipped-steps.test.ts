/** Ways around sign-in and consent, and requests made to be slow or too large. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { maxPasswordBytes } from '../../src/domain/password-rules.ts';
import { issueLink } from '../../src/services/issue-link.ts';
import { fillIn } from '../support/fill-in.ts';
import { beginRequest } from '../support/half-request.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  basic,
  connect,
  newPkce,
  postForm,
  postJson,
  registerTestClient,
  type TestClient,
} from '../support/oauth-client.ts';
import { Browser, readForms, signedIn } from '../support/person.ts';

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

const askedFor = () => authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge });

/** No code anywhere: neither in what was answered, nor where it leads. */
function expectNoCode({ headers, text }: RawResponse): void {
  expect(headers.location ?? '').not.toContain('code=');
  expect(text).not.toMatch(/[?&]code=/);
}

describe('ABUSE-32: skipping the sign-in', () => {
  it('by an empty POST, by a consent nobody was asked for, by going on directly: no code', async () => {
    const browser = new Browser(issuer.origin);
    const page = await browser.follow(await browser.get(askedFor()));
    const [form] = readForms(page.text);
    const action = form?.action ?? '';
    const guard = (form?.fields ?? []).filter(([name]) => name !== 'email' && name !== 'password');
    const resume = action.replace('/interaction/', '/authorize/');
    const answers = [
      await browser.post(action, []),
      await browser.post(action, guard),
      await browser.post(action, [...guard, ['email', person.email]]),
      await browser.post(action, [...guard, ['email', ''], ['password', '']]),
      await browser.post(action, [...guard, ['do', 'allow'], ['shown', 'x'], ['tool', 'list_issues'], ['duration', '30d']]),
      await browser.get(resume),
    ];
    for (const answer of answers) {
      expectNoCode(answer);
      const end = await browser.follow(answer);
      expectNoCode(end);
      if (end.status === 200) expect(end.text).toContain('name="password"');
      else expect(end.status).toBeGreaterThanOrEqual(400);
    }
  });

  it('by a session that was ended: its cookies open nothing', async () => {
    const { browser } = await connect(issuer, { client, person, server });
    const old = new Browser(issuer.origin);
    for (const [name, cookie] of browser.cookies) old.cookies.set(name, cookie);
    const page = await browser.get(`/logout?client_id=${client.clientId}`);
    const form = readForms(page.text).find(({ action }) => action.includes('logout'));
    await browser.post(form?.action ?? '', [...(form?.fields ?? []), ['logout', 'yes']]);
    const answer = await old.follow(await old.get(askedFor()));
    expectNoCode(answer);
    expect(answer.text).toContain('name="password"');
  });
});

/** Whoever refuses in the middle may cut the connection before the rest of the answer is read. */
function statusOf(answer: Promise<RawResponse>): Promise<number | string | undefined> {
  return answer.then(
    ({ status }) => status,
    (error: NodeJS.ErrnoException) => error.code,
  );
}

describe('ABUSE-30: a password that is longer than any', () => {
  const signInForm = async (at: string) => {
    const browser = new Browser(issuer.origin);
    const [form] = readForms((await browser.follow(await browser.get(at))).text);
    return (password: string) => browser.post(form?.action ?? '', fillIn(form, { email: person.email, password }));
  };

  /** Counts what is hashed meanwhile. */
  const hashesOf = async (work: () => Promise<unknown>): Promise<number> => {
    const usual = issuer.runtime.passwords;
    let hashes = 0;
    const counted =
      <Typed extends unknown[], Found>(hash: (...typed: Typed) => Promise<Found>) =>
      (...typed: Typed) => {
        hashes += 1;
        return hash(...typed);
      };
    issuer.runtime.passwords = { ...usual, hash: counted(usual.hash), verify: counted(usual.verify) };
    try {
      await work();
    } finally {
      issuer.runtime.passwords = usual;
    }
    return hashes;
  };

  it.each([
    ['the sign-in page', () => '/account'],
    ['an authorization request', askedFor],
  ])('is refused at %s before anything is hashed; the longest that may be is looked at', async (_, at) => {
    const type = await signInForm(at());
    const hashes = await hashesOf(async () => {
      for (const password of ['x'.repeat(maxPasswordBytes + 1), 'é'.repeat(maxPasswordBytes / 2 + 1), 'x'.repeat(30_000)]) {
        const answer = await type(password);
        expect([password.length, answer.status]).toEqual([password.length, 400]);
        expectNoCode(answer);
      }
      expect([400, 413, 'ECONNRESET', 'EPIPE']).toContain(await statusOf(type('x'.repeat(1_000_000))));
    });
    expect(hashes).toBe(0);
    const longest = async () => expect((await type('é'.repeat(maxPasswordBytes / 2))).text).toContain('Email or password is wrong.');
    expect(await hashesOf(longest)).toBe(1);
  });

  it('is neither the present one nor a new one, on the pages that change it', async () => {
    const tooLong = 'x'.repeat(maxPasswordBytes + 1);
    const browser = await signedIn(issuer, person);
    const [form] = readForms((await browser.get('/account/password')).text);
    const change = (current: string, password: string) => browser.post('/account/password', fillIn(form, { current, password }));
    expect(await hashesOf(async () => expect((await change(tooLong, 'x')).text).toContain('The current password is wrong.'))).toBe(0);
    expect(await hashesOf(async () => expect((await change(person.password, tooLong)).text).toContain('too long'))).toBe(1);

    const origin = { actorType: 'operator' } as const;
    const issued = await issueLink(issuer.runtime, issuer.tenant, { purpose: 'password-reset', userId: person.userId, origin });
    if (!issued.ok) throw new Error(issued.problem);
    const { pathname } = new URL(issued.link.url);
    const [linkForm] = readForms((await browser.get(pathname)).text);
    const use = async () => expect((await browser.post(pathname, fillIn(linkForm, { password: tooLong }))).text).toContain('too long');
    expect(await hashesOf(use)).toBe(0);
  });
});

describe('ABUSE-76: requests that are too large or made to be slow', () => {
  const large = 'x'.repeat(100_000);

  /** Sends something, and asks for the keys beside it. Returns the answer, and how long this process computed: not what else the machine did. */
  const besideKeys = async <Answer>(send: () => Promise<Answer>): Promise<{ answer: Answer; busyUs: number }> => {
    const before = process.threadCpuUsage();
    const [answer, keys] = await Promise.all([send(), issuer.send({ path: '/jwks' })]);
    const { user, system } = process.threadCpuUsage(before);
    expect(keys.status).toBe(200);
    return { answer, busyUs: user + system };
  };

  /** The most that an ordinary authorization request takes beside the keys; not below what a coarse clock tells apart. */
  let ordinaryUs: number;
  beforeAll(async () => {
    const ask = () => besideKeys(() => new Browser(issuer.origin).get(askedFor()));
    await ask(); // what is done once is no measure
    ordinaryUs = Math.max(20_000, ...[await ask(), await ask(), await ask()].map(({ busyUs }) => busyUs));
  });

  /** The same for what is made to be slow: the keys do not wait for it longer than for ordinary requests, give or take. */
  const harmless = async <Answer>(send: () => Promise<Answer>): Promise<Answer> => {
    const sent = [await besideKeys(send), await besideKeys(send), await besideKeys(send)] as const;
    // The least counts: what is compiled or swept in between is not the request's.
    expect(Math.min(...sent.map(({ busyUs }) => busyUs))).toBeLessThan(ordinaryUs * 10);
    return sent[0].answer;
  };

  it('parameters of 100 KB are refused, and keep nobody waiting', async () => {
    const form = { client_id: client.clientId, token: large, grant_type: 'refresh_token', refresh_token: large };
    expect([431, 'ECONNRESET', 'EPIPE']).toContain(
      await harmless(() => statusOf(issuer.send({ path: `/authorize?client_id=${client.clientId}&state=${large}` }))),
    );
    for (const path of ['/token', '/introspect', '/revoke']) {
      const status = await harmless(() => statusOf(postForm(issuer, path, form)));
      expect([400, 413, 'ECONNRESET', 'EPIPE']).toContain(status);
    }
    const registration = () => postJson(issuer, '/register', { redirect_uris: [`https://app.example/${large}`] });
    expect([400, 413, 'ECONNRESET', 'EPIPE']).toContain(await harmless(() => statusOf(registration())));
  });

  it.each([
    ['scope', 'tool:%25'.repeat(700)],
    ['scope', 'tools '.repeat(1_500)],
    ['scope', `tool:${'%'.repeat(6_000)}`],
    ['redirect_uri', `http://127.0.0.1:9/${'a/../'.repeat(1_000)}`],
    ['resource', `https://${'a-'.repeat(3_000)}.example/mcp`],
    ['resource', `https://x.example/${'%2e'.repeat(2_000)}`],
    ['prompt', 'consent '.repeat(1_000)],
  ])('a pathological %s is an ordinary mistake, and keeps nobody waiting', async (name, value) => {
    const path = new URL(askedFor());
    path.searchParams.set(name, value);
    const answer = await harmless(() => new Browser(issuer.origin).get(path.href));
    expect(answer.status).toBeGreaterThanOrEqual(300);
    expect(answer.status).toBeLessThan(500);
    expectNoCode(answer);
  });

  it.each([
    ['quotes', '"'],
    ['escaped quotes', '\\"'],
    ['brackets', '['],
    ['percent signs', '%'],
    ['separators', '&'],
    ['empty values', 'a=&'],
  ])('30 KB of %s in a body are an ordinary mistake, and keep nobody waiting', async (_, piece) => {
    const pieces = piece.repeat(30_000 / piece.length);
    const sent = [
      ...['/token', '/introspect', '/revoke'].map((path) => ({ path, type: 'application/x-www-form-urlencoded', body: pieces })),
      ...['/register', '/servers/hello', '/servers/reports', '/servers/tools'].map((path) => ({
        path,
        type: 'application/json',
        body: `{"a":"${pieces}`,
      })),
    ];
    for (const { path, type, body } of sent) {
      const headers = { 'Content-Type': type, ...basic(server.serverId, server.credential) };
      const answer = await harmless(() => issuer.send({ method: 'POST', path, headers, body }));
      expect([path, answer.status]).toEqual([path, 400]);
    }
  });

  it('many that dribble keep nobody waiting: keys are served while none of them has ended', async () => {
    const dribbling = await Promise.all(Array.from({ length: 60 }, () => beginRequest(issuer.origin.port)));
    try {
      for (const path of ['/jwks', '/.well-known/oauth-authorization-server']) expect((await issuer.send({ path })).status).toBe(200);
    } finally {
      for (const half of dribbling) half.abandon();
    }
  });

  it('a pathological address is no account, and keeps nobody waiting', async () => {
    const browser = new Browser(issuer.origin);
    const page = await browser.follow(await browser.get(askedFor()));
    const [form] = readForms(page.text);
    for (const email of [`${'a.'.repeat(5_000)}@example.com`, `a@${'a.'.repeat(5_000)}`, '@'.repeat(10_000)]) {
      const fields = form?.fields.map(([name, value]) => [name, name === 'email' ? email : name === 'password' ? 'p' : value] as const);
      const answer = await harmless(() => browser.post(form?.action ?? '', fields ?? []));
      expect(answer.status).toBeLessThan(500);
      expectNoCode(answer);
    }
  });
});
