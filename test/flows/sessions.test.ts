import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sha256 } from '../../src/platform/digest.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { authorizationUrl, connect, newPkce, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { answerConsent, Browser, consentFields, readForms, signInOn } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

const sessionCookie = 'toolgrant-session-root';

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(() => issuer.stop());

function requestUrl(parameters: Record<string, string> = {}): string {
  return authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge, ...parameters });
}

/** Begins a request; the browser is at the sign-in page or, signed in, at the consent page. */
async function begin(browser: Browser, parameters: Record<string, string> = {}) {
  const start = await browser.get(requestUrl(parameters));
  return { interactionUrl: start.headers.location ?? '', page: await browser.follow(start) };
}

const asksToSignIn = (text: string) => text.includes('name="password"');

describe('the session', () => {
  it('ABUSE-33: always gets a new id at sign-in, whatever cookie was there before', async () => {
    const browser = new Browser(issuer.origin);
    browser.cookies.set(sessionCookie, { value: 'planted-by-someone-else', path: '/' });
    const { page } = await begin(browser);
    await signInOn(browser, page, person);
    const first = browser.cookies.get(sessionCookie)?.value;
    expect(first).not.toBe('planted-by-someone-else');
    const again = await begin(browser, { prompt: 'login' });
    expect(asksToSignIn(again.page.text)).toBe(true);
    await signInOn(browser, again.page, person);
    expect(browser.cookies.get(sessionCookie)?.value).not.toBe(first);
    const stale = new Browser(issuer.origin);
    stale.cookies.set(sessionCookie, { value: first ?? '', path: '/' });
    expect(asksToSignIn((await begin(stale)).page.text)).toBe(true);
  });

  it('ABUSE-33: its cookie is out of reach of scripts and other sites', async () => {
    const browser = new Browser(issuer.origin);
    const { page } = await begin(browser);
    const [form] = readForms(page.text);
    const fields = form?.fields.map(([name, value]) => [name, { email: person.email, password: person.password }[name] ?? value] as const);
    const response = await browser.post(form?.action ?? '', fields ?? []);
    const cookie = response.cookies.find((line) => line.startsWith(sessionCookie));
    expect(cookie).toMatch(/; path=\/;.*; samesite=lax; httponly$/i);
  });

  it('ENG-3: lies in the database under digests; an interaction does not hold its cookie', async () => {
    const { browser } = await connect(issuer, { client, person, server });
    const value = browser.cookies.get(sessionCookie)?.value ?? '';
    const { interactionUrl } = await begin(browser);
    const rows = await issuer.runtime.store.artifact.findMany();
    expect(rows.find(({ model, digest }) => model === 'Session' && digest === sha256(value))).toBeDefined();
    const uid = interactionUrl.split('/').at(-1) ?? '';
    const interaction = rows.find(({ model, digest }) => model === 'Interaction' && digest === sha256(uid));
    expect(interaction?.payload).toMatchObject({ session: { accountId: person.userId, uid: expect.any(String) } });
    const dump = JSON.stringify(rows);
    for (const secret of [value, uid]) expect(dump).not.toContain(secret);
    for (const { payload } of rows) expect(payload).not.toHaveProperty('jti');
  });

  it('ABUSE-35: ends when it goes unused, and some time after sign-in however busy', async () => {
    const time = moveTime();
    try {
      const idle = (await connect(issuer, { client, person, server })).browser;
      time.forward(86_400 + 60);
      expect(asksToSignIn((await begin(idle)).page.text)).toBe(true);
      const busy = (await connect(issuer, { client, person, server })).browser;
      for (let day = 0; day < 6; day += 1) {
        time.forward(86_400 - 600);
        expect((await busy.get('/account')).text).toContain('Connected agents');
      }
      time.forward(86_400 - 600);
      await busy.get('/account');
      time.forward(5_000);
      expect(asksToSignIn((await busy.follow(await busy.get('/account'))).text)).toBe(true);
    } finally {
      time.restore();
    }
  });

  it('ABUSE-35: of a person who was disabled is worth nothing, and an open request asks to sign in', async () => {
    const other = await issuer.addPerson();
    const { browser } = await connect(issuer, { client, person: other, server });
    const { interactionUrl, page } = await begin(browser);
    expect(page.text).toContain('Allow');
    await disableUser(issuer.runtime, issuer.tenant, { userId: other.userId, origin: { actorType: 'operator' } } as never);
    expect(asksToSignIn((await browser.get(interactionUrl)).text)).toBe(true);
    expect(asksToSignIn((await begin(browser)).page.text)).toBe(true);
    expect((await issuer.engine.sessions.endAllOf(other.userId)) === undefined).toBe(true);
  });
});

describe('an interaction', () => {
  it('ABUSE-34: opened in another browser is a 400, with and without a session there', async () => {
    const browser = new Browser(issuer.origin);
    const { interactionUrl, page } = await begin(browser);
    await signInOn(browser, page, person);
    const { browser: elsewhere } = await connect(issuer, { client, person, server });
    for (const other of [new Browser(issuer.origin), elsewhere]) expect((await other.get(interactionUrl)).status).toBe(400);
    const resume = interactionUrl.replace('/interaction/', '/authorize/');
    for (const other of [new Browser(issuer.origin), elsewhere]) expect((await other.get(resume)).status).toBe(400);
    expect((await browser.get(interactionUrl)).status).toBe(200);
  });

  it('ABUSE-34: planted in somebody’s browser, it gives the planter neither the sign-in nor the consent', async () => {
    const attacker = new Browser(issuer.origin);
    const { interactionUrl } = await begin(attacker);
    const victim = new Browser(issuer.origin);
    for (const [name, cookie] of attacker.cookies) victim.cookies.set(name, cookie);
    const consent = await signInOn(victim, await victim.get(interactionUrl), person);
    const [form] = readForms(consent.text);
    const onAttackersSide = await attacker.get(interactionUrl);
    expect(asksToSignIn(onAttackersSide.text)).toBe(true);
    const pressed = await attacker.post(interactionUrl, consentFields(form ?? { action: '', fields: [], boxes: [] }, {}));
    expect(pressed.headers.location ?? '').not.toContain('code=');
    // Even after the victim pressed Allow, the answer is the victim's.
    const shown = readForms(consent.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    const allowed = await victim.post(shown?.action ?? '', consentFields(shown ?? { action: '', fields: [], boxes: [] }, {}));
    expect(allowed.status).toBe(303);
    const stolen = await attacker.get(allowed.headers.location ?? '');
    expect(stolen.status).toBe(400);
    expect(stolen.headers.location).toBeUndefined();
  });

  it('shown to one person is not answered by another who signed in meanwhile', async () => {
    const other = await issuer.addPerson();
    const { browser } = await connect(issuer, { client, person, server });
    const { page } = await begin(browser);
    const shown = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    const secondTab = await begin(browser, { prompt: 'login' });
    await signInOn(browser, secondTab.page, other);
    const pressed = await browser.post(shown?.action ?? '', consentFields(shown ?? { action: '', fields: [], boxes: [] }, {}));
    expect(pressed.headers.location ?? '').not.toContain('code=');
    const consents = await issuer.runtime.store.consent.count({ where: { userId: other.userId } });
    expect(consents).toBe(0);
  });

  it('is answered once: a second Allow leads to the first one’s end', async () => {
    const browser = (await connect(issuer, { client, person, server })).browser;
    const { page } = await begin(browser);
    const shown = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    const fields = consentFields(shown ?? { action: '', fields: [], boxes: [] }, {});
    const before = await issuer.runtime.store.installation.count();
    const [first, second] = [await browser.post(shown?.action ?? '', fields), await browser.post(shown?.action ?? '', fields)];
    expect(second.headers.location).toBe(first.headers.location);
    expect(await issuer.runtime.store.installation.count()).toBe(before + 1);
    expect(new URL((await browser.follow(second)).headers.location ?? '').searchParams.get('code')).not.toBeNull();
  });

  it('runs out', async () => {
    const browser = new Browser(issuer.origin);
    const { interactionUrl } = await begin(browser);
    const time = moveTime();
    try {
      time.forward(3_610);
      expect((await browser.get(interactionUrl)).status).toBe(400);
    } finally {
      time.restore();
    }
  });

  it('lets the person change places: “use another account” asks to sign in again', async () => {
    const other = await issuer.addPerson();
    const browser = (await connect(issuer, { client, person, server })).browser;
    const { interactionUrl, page } = await begin(browser);
    const [, form] = readForms(page.text);
    const again = await browser.follow(await browser.post(interactionUrl, [...(form?.fields ?? []), ['do', 'sign-out']]));
    expect(asksToSignIn(again.text)).toBe(true);
    const away = await answerConsent(browser, await signInOn(browser, again, other), { tools: ['list_issues'] });
    expect(new URL(away.headers.location ?? '').searchParams.get('code')).not.toBeNull();
    expect(await issuer.runtime.store.consent.count({ where: { userId: other.userId } })).toBe(1);
  });
});

describe('at the same time', () => {
  it('ABUSE-35: requests that never stop do not revive a session that was ended everywhere', async () => {
    const other = await issuer.addPerson();
    const { browser } = await connect(issuer, { client, person: other, server });
    const stolen = browser.cookies.get(sessionCookie)?.value ?? '';
    const path = new URL(requestUrl()).pathname + new URL(requestUrl()).search;
    let isOver = false;
    const hammer = async () => {
      while (!isOver) await issuer.send({ path, headers: { Cookie: `${sessionCookie}=${stolen}` } });
    };
    const hammers = [hammer(), hammer(), hammer(), hammer()];
    for (let round = 0; round < 5; round += 1) await issuer.engine.sessions.endAllOf(other.userId);
    isOver = true;
    await Promise.all(hammers);
    expect(await issuer.runtime.store.artifact.count({ where: { model: 'Session', accountId: other.userId } })).toBe(0);
  });

  it('ENG-1: ten returns from one interaction lead to one code', async () => {
    const { browser } = await connect(issuer, { client, person, server });
    const { page } = await begin(browser);
    const shown = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    const allowed = await browser.post(shown?.action ?? '', consentFields(shown ?? { action: '', fields: [], boxes: [] }, {}));
    const { pathname } = new URL(allowed.headers.location ?? '');
    const Cookie = [...browser.cookies]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => issuer.send({ path: pathname, headers: { Cookie, Accept: 'text/html' } })),
    );
    expect(answers.filter(({ headers }) => headers.location?.includes('code='))).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(9);
    // Those that came too late do not sign the browser out.
    for (const answer of answers.filter(({ status }) => status === 400)) {
      expect(answer.cookies.some((line) => line.startsWith(`${sessionCookie}=`) && !/expires=Thu, 01 Jan 1970/i.test(line))).toBe(false);
    }
  });
});
