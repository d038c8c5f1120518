import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { connect, isActive, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { Browser, readForms } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

const goodbye = 'https://app.example/bye';

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer, { post_logout_redirect_uris: [goodbye] });
});
afterAll(() => issuer.stop());

const logoutUrl = (parameters: Record<string, string>) => `/logout?${new URLSearchParams(parameters)}`;

async function press(browser: Browser, html: string, isYes: boolean) {
  const form = readForms(html).find(({ fields }) => fields.some(([name]) => name === 'xsrf'));
  return browser.post(form?.action ?? '', [...(form?.fields ?? []), ...(isYes ? [['logout', 'yes'] as const] : [])]);
}

describe('sign-out on behalf of a client', () => {
  it('ABUSE-36: asks first, then signs out and goes where the client registered; connected agents stay', async () => {
    const tokens = await connect(issuer, { client, person, server, scope: 'openid tools' });
    const { browser } = tokens;
    const page = await browser.get(logoutUrl({ id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: goodbye, state: 'x y' }));
    expect(page.status).toBe(200);
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect((await browser.get('/account')).text).toContain('Connected agents');
    const answer = await press(browser, page.text, true);
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toBe(`${goodbye}?state=x+y`);
    expect((await browser.follow(await browser.get('/account'))).text).toContain('name="password"');
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
  });

  it('leaves the person signed in who says no', async () => {
    const { browser } = await connect(issuer, { client, person, server });
    const page = await browser.get(logoutUrl({ client_id: client.clientId }));
    await press(browser, page.text, false);
    expect((await browser.get('/account')).text).toContain('Connected agents');
  });

  it('ABUSE-36: an address that is not registered gets a page, never a redirect', async () => {
    const { browser } = await connect(issuer, { client, person, server });
    for (const uri of ['https://evil.example/', `${goodbye}/x`, `${goodbye}?x=1`, 'javascript:alert(1)']) {
      const response = await browser.get(logoutUrl({ client_id: client.clientId, post_logout_redirect_uri: uri }));
      expect(response.status).toBe(400);
      expect(response.headers.location).toBeUndefined();
    }
    const nobodys = await browser.get(logoutUrl({ post_logout_redirect_uri: 'https://evil.example/' }));
    expect(nobodys.status).toBe(200);
    expect((await press(browser, nobodys.text, true)).headers.location).toBe(`${issuer.url}/logout/success`);
  });

  it('ABUSE-36, ABUSE-31: cannot be forced: without the page’s own secret nothing happens', async () => {
    const { browser } = await connect(issuer, { client, person, server });
    for (const fields of [
      [['logout', 'yes']],
      [
        ['logout', 'yes'],
        ['xsrf', 'guessed'],
      ],
    ] as [string, string][][]) {
      expect((await browser.post('/logout/confirm', fields)).status).toBe(400);
    }
    expect((await browser.get('/account')).text).toContain('Connected agents');
  });

  it('goes on at once where nobody is signed in, without a script', async () => {
    const plain = await new Browser(issuer.origin).get('/logout');
    expect(plain.status).toBe(303);
    const done = await new Browser(issuer.origin).follow(plain);
    expect(done.status).toBe(200);
    expect(done.text).toContain('signed out');
    const tokens = await connect(issuer, { client, person, server, scope: 'openid tools' });
    const back = await new Browser(issuer.origin).get(
      logoutUrl({ id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: goodbye, state: 's' }),
    );
    expect(back.headers.location).toBe(`${goodbye}?state=s`);
    expect(back.text).toBe('');
  });

  it('is no way to send strangers anywhere: a client that anybody may register gets nobody without an ID token', async () => {
    const stranger = await new Browser(issuer.origin).get(
      logoutUrl({ client_id: client.clientId, post_logout_redirect_uri: goodbye, state: 's' }),
    );
    expect(stranger.status).toBe(303);
    expect(stranger.headers.location).toBe(`${issuer.url}/logout/success`);
  });

  it('ABUSE-46: NUL and nonsense are refused', async () => {
    const browser = (await connect(issuer, { client, person, server })).browser;
    for (const query of ['?state=a%00b', '?id_token_hint=nonsense', '?client_id=cli_unknown', '?client_id=a&client_id=b']) {
      expect((await browser.get(`/logout${query}`)).status).toBe(400);
    }
  });
});
