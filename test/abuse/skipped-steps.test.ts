/** Ways around sign-in and consent, and requests made to be slow or too large. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { beginRequest } from '../support/half-request.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorizationUrl, connect, newPkce, postForm, postJson, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { Browser, readForms } from '../support/person.ts';

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

describe('ABUSE-76: requests that are too large or made to be slow', () => {
  const large = 'x'.repeat(100_000);

  /** Whoever refuses in the middle may cut the connection before the rest of the answer is read. */
  const statusOf = (answer: Promise<RawResponse>) =>
    answer.then(
      ({ status }) => status,
      (error: NodeJS.ErrnoException) => error.code,
    );

  it('parameters of 100 KB are refused', async () => {
    const form = { client_id: client.clientId, token: large, grant_type: 'refresh_token', refresh_token: large };
    expect([431, 'ECONNRESET', 'EPIPE']).toContain(
      await statusOf(issuer.send({ path: `/authorize?client_id=${client.clientId}&state=${large}` })),
    );
    for (const path of ['/token', '/introspect', '/revoke']) {
      const status = await statusOf(postForm(issuer, path, form));
      expect([400, 413, 'ECONNRESET', 'EPIPE']).toContain(status);
    }
    const registration = postJson(issuer, '/register', { redirect_uris: [`https://app.example/${large}`] });
    expect([400, 413, 'ECONNRESET', 'EPIPE']).toContain(await statusOf(registration));
  });

  it.each([
    ['scope', 'tool:%25'.repeat(700)],
    ['scope', 'tools '.repeat(1_500)],
    ['scope', `tool:${'%'.repeat(6_000)}`],
    ['redirect_uri', `http://127.0.0.1:9/${'a/../'.repeat(1_000)}`],
    ['resource', `https://${'a-'.repeat(3_000)}.example/mcp`],
    ['resource', `https://x.example/${'%2e'.repeat(2_000)}`],
    ['prompt', 'consent '.repeat(1_000)],
  ])('a pathological %s is an ordinary mistake, answered at once', async (name, value) => {
    const path = new URL(askedFor());
    path.searchParams.set(name, value);
    const answer = await new Browser(issuer.origin).get(path.href);
    expect(answer.status).toBeGreaterThanOrEqual(300);
    expect(answer.status).toBeLessThan(500);
    expectNoCode(answer);
  });

  it('many that dribble keep nobody waiting: keys are served while none of them has ended', async () => {
    const dribbling = await Promise.all(Array.from({ length: 60 }, () => beginRequest(issuer.origin.port)));
    try {
      for (const path of ['/jwks', '/.well-known/oauth-authorization-server']) expect((await issuer.send({ path })).status).toBe(200);
    } finally {
      for (const half of dribbling) half.abandon();
    }
  });

  it('a pathological address is no account', async () => {
    const browser = new Browser(issuer.origin);
    const page = await browser.follow(await browser.get(askedFor()));
    const [form] = readForms(page.text);
    for (const email of [`${'a.'.repeat(5_000)}@example.com`, `a@${'a.'.repeat(5_000)}`, '@'.repeat(10_000)]) {
      const fields = form?.fields.map(([name, value]) => [name, name === 'email' ? email : name === 'password' ? 'p' : value] as const);
      const answer = await browser.post(form?.action ?? '', fields ?? []);
      expect(answer.status).toBeLessThan(500);
      expectNoCode(answer);
    }
  });
});
