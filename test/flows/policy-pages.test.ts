/** What pages make of a policy: what is not offered, how long something may be allowed, and when it takes a sign-in once more. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { WrittenRule } from '../../src/domain/policy-form.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import {
  authorizationUrl,
  claimsOf,
  connect,
  newPkce,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { answerConsent, Browser, consentFields, type Decision, readForms, signInOn } from '../support/person.ts';
import { letPeopleDecide, putInForce } from '../support/policy.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterEach(() => putInForce(issuer, letPeopleDecide));
afterAll(() => issuer.stop());

const all = ['list_issues', 'create_issue', 'delete_issue'];
const rest: WrittenRule = { name: 'rest', effect: 'allow', tools: [{ risk: 'read' }, { risk: 'write' }] };
const freshDeletes: WrittenRule = {
  name: 'fresh-deletes',
  effect: 'allow',
  tools: [{ risk: 'destructive' }],
  'for-at-most': '8h',
  'signed-in-within': '5m',
};

/** The consent page that a client's person sees, just signed in. */
async function open(client: TestClient, { browser = new Browser(issuer.origin), scope }: { browser?: Browser; scope?: string } = {}) {
  const { challenge, verifier } = newPkce();
  const url = authorizationUrl(issuer, client, { code_challenge: challenge, resource: server.resource, scope });
  let page = await browser.follow(await browser.get(url));
  if (page.text.includes('name="password"')) page = await signInOn(browser, page, person);
  return { browser, page, verifier };
}

const toolsOn = ({ text }: RawResponse) => [...text.matchAll(/<input class="tool [^>]*value="([^"]+)"/g)].map(([, name]) => name);
const durationsOn = ({ text }: RawResponse) =>
  [...text.matchAll(/<option value="([^"]+)"[^>]*>([^<]+)</g)].map(([, value, label]) => [value, label]);

async function tokensOf(client: TestClient, sent: RawResponse, verifier: string): Promise<Tokens> {
  const code = new URL(String(sent.headers.location)).searchParams.get('code') ?? '';
  return (await redeem(issuer, client, { code, verifier })).json<Tokens>();
}

describe('the consent page under a policy', () => {
  it('offers what may be allowed, and names the rest as not allowed by the organisation', async () => {
    await putInForce(issuer, rest);
    const { page } = await open(await registerTestClient(issuer), { scope: 'tools resources' });
    expect(toolsOn(page)).toEqual(['list_issues', 'create_issue']);
    expect(page.text).toContain('2 things that were asked for are not on this page');
    expect(page.text).toMatch(/<bdi>delete_issue<\/bdi>[\s\S]*<bdi>Resources<\/bdi>/);
    expect(page.text).not.toContain('name="resources"');
  });

  it('where nothing may be allowed it says so in words; there is Deny, and the agent hears of it', async () => {
    await putInForce(issuer);
    const client = await registerTestClient(issuer);
    const { browser, page } = await open(client);
    expect(page.status).toBe(200);
    expect(page.text).toContain('Your organisation does not let you allow this.');
    expect(page.text).not.toContain('value="allow"');
    const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    const forced = await browser.post(form?.action ?? '', [...(form?.fields ?? []), ['tool', 'list_issues'], ['do', 'allow']]);
    expect(forced.status).toBe(200);
    expect(forced.text).toContain('Nothing is ticked');
    const denied = await answerConsent(browser, page, { deny: true });
    expect(new URL(String(denied.headers.location)).searchParams.get('error')).toBe('access_denied');
  });

  it('offers no longer than any rule allows, and says what a tool has less', async () => {
    await putInForce(
      issuer,
      { ...rest, 'for-at-most': '30d' },
      { name: 'brief', effect: 'allow', tools: ['delete_issue'], 'for-at-most': '1h' },
    );
    const { page } = await open(await registerTestClient(issuer));
    expect(durationsOn(page).map(([value]) => value)).toEqual(['1h', '1d', '30d']);
    expect(page.text).toContain('for at most 1 hour');
    await putInForce(issuer, { ...letPeopleDecide, 'for-at-most': '8h' });
    const bounded = await open(await registerTestClient(issuer));
    expect(durationsOn(bounded.page)).toEqual([
      ['1h', expect.stringMatching(/\(1 hour\)$/)],
      ['1d', expect.stringMatching(/\(8 hours, the most your organisation allows\)$/)],
    ]);
  });

  it('ABUSE-38: a longer end than the page offers is cut to what may be', async () => {
    await putInForce(issuer, { ...letPeopleDecide, 'for-at-most': '8h' });
    const client = await registerTestClient(issuer);
    const { browser, page, verifier } = await open(client);
    const tokens = await tokensOf(client, await answerConsent(browser, page, { tools: all, duration: 'until-revoked' }), verifier);
    const time = moveTime();
    time.forward(8 * 3_600 - 30);
    try {
      expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(400);
    } finally {
      time.restore();
    }
  });

  it('is told when the policy changes while it is open', async () => {
    const { browser, page } = await open(await registerTestClient(issuer));
    await putInForce(issuer, { ...letPeopleDecide, 'for-at-most': '1h' });
    const answered = await answerConsent(browser, page, { tools: all });
    expect(answered.text).toContain('Something changed while this page was open');
  });

  it('ABUSE-61: what was allowed and is denied now waits: it is kept unless it is unticked, and counts when it may be again', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client, person, server, decision: { tools: all } });
    await putInForce(issuer, rest);
    const consentId = String(claimsOf(tokens.access_token).consent);
    const account = await tokens.browser.get(`${issuer.url}/account`);
    expect(account.text).toContain('your organisation does not allow it now');
    const page = await tokens.browser.get(`${issuer.url}/account/consents/${consentId}`);
    expect(page.text).toContain('waits: your organisation does not allow it now');
    const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    if (!form) throw new Error('no form');
    const fields = consentFields(form, { tools: ['list_issues', 'delete_issue'], duration: '1d' }).filter(([name]) => name !== 'do');
    expect((await tokens.browser.post(form.action, [...fields, ['do', 'save']])).status).toBe(303);
    const narrow = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    expect(narrow.scope).toBe('tool:list_issues');
    await putInForce(issuer, letPeopleDecide);
    expect((await refresh(issuer, client, narrow.refresh_token)).json<Tokens>().scope).toBe('tool:delete_issue tool:list_issues');
  });
});

describe('a tool that takes a fresh sign-in', () => {
  /** A browser that signed in ten minutes ago, at the consent page. */
  async function openLate(client: TestClient) {
    const first = await open(await registerTestClient(issuer));
    const time = moveTime();
    time.forward(600);
    return { time, ...(await open(client, { browser: first.browser })) };
  }

  it('is allowed at once by who has just signed in', async () => {
    await putInForce(issuer, rest, freshDeletes);
    const client = await registerTestClient(issuer);
    const { browser, page, verifier } = await open(client);
    expect(page.text).toContain('for at most 8 hours');
    const tokens = await tokensOf(client, await answerConsent(browser, page, { tools: all }), verifier);
    expect(tokens.scope).toBe('tool:create_issue tool:delete_issue tool:list_issues');
  });

  it('asks who signed in earlier to sign in once more, keeps the choice, and goes on by itself', async () => {
    await putInForce(issuer, rest, freshDeletes);
    const client = await registerTestClient(issuer);
    const { time, browser, page, verifier } = await openLate(client);
    try {
      expect(page.text).toContain('takes signing in again');
      const asked = await answerConsent(browser, page, { tools: ['list_issues', 'delete_issue'], duration: '1h' });
      expect(asked.status).toBe(200);
      expect(asked.text).toContain('<h1>Sign in again</h1>');
      expect(asked.text).toContain('within 5 minutes before you allow <bdi class="name">delete_issue</bdi>');
      const wrong = await signInOn(browser, asked, { ...person, password: 'not this one' });
      expect(wrong.text).toContain('Email or password is wrong.');
      expect(wrong.text).toContain('<h1>Sign in again</h1>');
      const signedInAfter = Math.floor(Date.now() / 1_000);
      const done = await signInOn(browser, wrong, person);
      const tokens = await tokensOf(client, done, verifier);
      expect(tokens.scope).toBe('tool:delete_issue tool:list_issues');
      expect(Number(claimsOf(tokens.access_token)['auth_time'])).toBeGreaterThanOrEqual(signedInAfter);
    } finally {
      time.restore();
    }
  });

  it('without it, the rest can be allowed', async () => {
    await putInForce(issuer, rest, freshDeletes);
    const client = await registerTestClient(issuer);
    const { time, browser, page, verifier } = await openLate(client);
    try {
      const tokens = await tokensOf(client, await answerConsent(browser, page, { tools: ['list_issues'] }), verifier);
      expect(tokens.scope).toBe('tool:list_issues');
    } finally {
      time.restore();
    }
  });

  it('ABUSE-38: somebody else’s sign-in allows nothing of it: the page is shown to her anew', async () => {
    await putInForce(issuer, rest, freshDeletes);
    const client = await registerTestClient(issuer);
    const { time, browser, page } = await openLate(client);
    try {
      const asked = await answerConsent(browser, page, { tools: all });
      const other = await issuer.addPerson();
      const shown = await signInOn(browser, asked, other);
      expect(shown.status).toBe(200);
      expect(shown.text).toContain(`Signed in as <bdi>${other.email}</bdi>`);
      const consents = await issuer.runtime.store.consent.count({ where: { clientId: client.clientId } });
      expect(consents).toBe(0);
    } finally {
      time.restore();
    }
  });

  it('ABUSE-38: a form that says it signed in, and did not, allows nothing of it', async () => {
    await putInForce(issuer, rest, freshDeletes);
    const client = await registerTestClient(issuer);
    const { time, browser, page } = await openLate(client);
    try {
      const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
      if (!form) throw new Error('no form');
      const claimed: [string, string][] = [
        ['again', '300'],
        ['email', person.email],
        ['password', ''],
      ];
      const answered = await browser.post(form.action, [...consentFields(form, { tools: all }), ...claimed]);
      expect(answered.text).toContain('Email or password is wrong.');
      expect(await issuer.runtime.store.consent.count({ where: { clientId: client.clientId } })).toBe(0);
    } finally {
      time.restore();
    }
  });

  it.each(['change', 'widen'])('takes it on the page of an agent that is connected as well: %s', async (kind) => {
    await putInForce(issuer, rest, freshDeletes);
    const client = await registerTestClient(issuer);
    const decision: Decision = { tools: ['list_issues'] };
    const tokens = await connect(issuer, { client, person, server, decision });
    const consentId = String(claimsOf(tokens.access_token).consent);
    const path = kind === 'change' ? `/account/consents/${consentId}` : `/widen?consent=${consentId}&tool=delete_issue`;
    const { browser } = tokens;
    const time = moveTime();
    time.forward(600);
    try {
      const page = await browser.get(`${issuer.url}${path}`);
      const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
      if (!form) throw new Error('no form');
      const fields = consentFields(form, { tools: ['list_issues', 'delete_issue'] }).filter(([name]) => name !== 'do');
      const asked = await browser.post(form.action, [...fields, ['do', kind === 'change' ? 'save' : 'allow']]);
      expect(asked.text).toContain('<h1>Sign in again</h1>');
      const done = await signInOn(browser, asked, person);
      expect(done.text).toContain('Connected agents');
      const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
      expect(next.scope).toBe('tool:delete_issue tool:list_issues');
    } finally {
      time.restore();
    }
  });

  it('a rule that comes afterwards asks for it: what was allowed without is to be allowed anew', async () => {
    const client = await registerTestClient(issuer);
    const first = await open(await registerTestClient(issuer));
    const time = moveTime();
    try {
      time.forward(600);
      const { page, browser, verifier } = await open(client, { browser: first.browser });
      const tokens = await tokensOf(client, await answerConsent(browser, page, { tools: all }), verifier);
      await putInForce(issuer, rest, freshDeletes);
      const narrow = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
      expect(narrow.scope).toBe('tool:create_issue tool:list_issues');
      expect((await browser.get(`${issuer.url}/account`)).text).toContain('wants you to sign in shortly before you allow it');
    } finally {
      time.restore();
    }
  });
});
