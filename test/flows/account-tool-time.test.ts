/** Until when one tool is allowed, which a person changes at `/account` for that tool alone. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { WrittenRule } from '../../src/domain/policy-form.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { basic, claimsOf, connect, isActive, postJson, refresh, registerTestClient, type Tokens } from '../support/oauth-client.ts';
import { type Browser, readForms } from '../support/person.ts';
import { letPeopleDecide, putInForce } from '../support/policy.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let time: MovedTime | undefined;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer([toolNamed('list_issues'), toolNamed('create_issue', 'write')]);
  const hello = { library: '@toolgrant/resource-server', version: '1.2.3' };
  await postJson(issuer, '/servers/hello', hello, basic(server.serverId, server.credential));
});
afterEach(async () => {
  time?.restore();
  time = undefined;
  await putInForce(issuer, letPeopleDecide);
});
afterAll(() => issuer.stop());

/** An agent that may use both tools, until revoked. */
async function connected(duration = 'until-revoked') {
  const client = await registerTestClient(issuer);
  const decision = { tools: ['list_issues', 'create_issue'], duration };
  const { browser, ...tokens } = await connect(issuer, { client, person, server, decision });
  const id = String(claimsOf(tokens.access_token)['consent']);
  const renew = async ({ refresh_token }: Pick<Tokens, 'refresh_token'>) => (await refresh(issuer, client, refresh_token)).json<Tokens>();
  return { client, id, tokens, browser, renew };
}

const timePage = (browser: Browser, id: string, tool = 'create_issue') =>
  browser.get(`/account/consents/${id}/time?tool=${encodeURIComponent(tool)}`);

/** What the page offers, by the value that the form sends. */
function offeredOn(html: string): Map<string, string> {
  const buttons = [...html.matchAll(/<button [^>]*name="duration" value="([^"]+)">([\s\S]*?)<\/button>/g)];
  return new Map(buttons.map(([, value = '', label = '']) => [value, label.replaceAll(/<[^>]+>/g, '')]));
}

/** Opens the page of a tool and presses one of its times, or posts something else. */
async function press(browser: Browser, id: string, duration: string, { tool = 'create_issue', page = '' } = {}) {
  const [form] = readForms(page === '' ? (await timePage(browser, id, tool)).text : page);
  if (!form) throw new Error('no page for that tool');
  return browser.post(form.action, [...form.fields, ['duration', duration]]);
}

const versionsOf = (id: string) =>
  issuer.runtime.store.consentVersion.findMany({ where: { consentId: id }, orderBy: { version: 'asc' }, select: { tools: true } });
const toolIn = async (id: string, name = 'create_issue') => {
  const tools = (await versionsOf(id)).at(-1)?.tools as { name: string; expiresAt?: string; decidedAt?: string }[] | undefined;
  return tools?.find((tool) => tool.name === name);
};
/** Roundly, so that a slow machine does not count. */
const secondsFromNow = (instant: string | undefined) => Math.round((Date.parse(instant ?? '') - Date.now()) / 600_000) * 600;

describe('shorter', () => {
  it('ABUSE-61: ends the tokens of before at once, is in the next one, in the trail and in the receipt', async () => {
    const { id, tokens, browser, renew } = await connected();
    const account = (await browser.get('/account')).text;
    expect(account).toContain(`/account/consents/${id}/time?tool=create_issue`);
    const page = await timePage(browser, id);
    expect(page.text).toContain('Now it is allowed until you revoke it');
    expect([...offeredOn(page.text).keys()]).toEqual(['1h', '1d', '30d', 'until-revoked']);

    const saved = await press(browser, id, '1h');
    expect([saved.status, saved.headers.location]).toEqual([303, `${issuer.url}/account?done=timed&within=15`]);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    const next = await renew(tokens);
    expect(next.scope).toBe('tool:create_issue tool:list_issues');
    expect(secondsFromNow((await toolIn(id))?.expiresAt)).toBe(3_600);
    expect((await toolIn(id, 'list_issues'))?.expiresAt).toBeUndefined();

    const events = (await listAuditEvents(issuer.runtime.store, issuer.tenant.id, 1_000)).filter(({ consentId }) => consentId === id);
    expect(events.find(({ type }) => type === 'consent.changed')).toMatchObject({
      actorType: 'user',
      userId: person.userId,
      consentVersion: 2,
      tool: 'create_issue',
      detail: {
        from: 'account',
        tools: expect.arrayContaining(['create_issue', 'list_issues']),
        toolExpiresAt: expect.stringMatching(/Z$/),
      },
    });
    const receipt = claimsOf((await browser.get(`/account/consents/${id}/receipt`)).text) as {
      record_version: number;
      permissions: { tools: { name: string; valid_until: string | null }[] };
    };
    expect(receipt.record_version).toBe(2);
    const untils = new Map(receipt.permissions.tools.map(({ name, valid_until }) => [name, valid_until]));
    expect([untils.get('list_issues'), secondsFromNow(untils.get('create_issue') ?? '')]).toEqual([null, 3_600]);
  });

  it('no token outlives it, and what is over is given back by a decision under Change alone', async () => {
    const { id, tokens, browser, renew } = await connected();
    const page = (await timePage(browser, id)).text;
    await press(browser, id, '1h');
    time = moveTime();
    time.forward(3_600 - 5 * 60);
    const last = await renew(tokens);
    expect(last.scope).toContain('create_issue');
    expect(last.expires_in).toBeLessThanOrEqual(5 * 60);
    time.forward(5 * 60 + 1);
    expect((await renew(last)).scope).toBe('tool:list_issues');
    expect((await browser.get('/account')).text).toContain('its time is over: allow it again under Change');
    expect((await timePage(browser, id)).status).toBe(404);
    for (const duration of ['1d', 'until-revoked']) expect((await press(browser, id, duration, { page })).status).toBe(404);
    expect(await versionsOf(id)).toHaveLength(2);
  });
});

describe('longer', () => {
  it('is a decision of now, and no longer than the consent, whatever is sent', async () => {
    const { client, id, browser, renew, tokens } = await connected('1d');
    await press(browser, id, '1h');
    time = moveTime();
    time.forward(60);
    const since = Date.now();
    const page = (await timePage(browser, id)).text;
    expect([...offeredOn(page).keys()]).toEqual(['1h', 'until-revoked']);
    expect(offeredOn(page).get('until-revoked')).toMatch(/^As long as the rest, until \d/);
    expect((await press(browser, id, '30d')).status).toBe(303);
    const tool = await toolIn(id);
    expect(tool?.expiresAt).toBeUndefined();
    expect(Date.parse(tool?.decidedAt ?? '')).toBeGreaterThanOrEqual(since);
    const renewed = await renew(tokens);
    time.forward(86_400);
    expect((await refresh(issuer, client, renewed.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    expect((await timePage(browser, id)).status).toBe(404);
  });

  it('ABUSE-38: policy bounds it, and may want a sign-in for it', async () => {
    const rule: WrittenRule = {
      name: 'eight-hours',
      effect: 'allow',
      tools: ['create_issue'],
      'for-at-most': '8h',
      'signed-in-within': '30m',
    };
    await putInForce(issuer, rule, { name: 'readers', effect: 'allow', tools: [{ risk: 'read' }] });
    const { id, browser } = await connected('1d');
    await press(browser, id, '1h');
    time = moveTime();
    time.forward(40 * 60);
    const page = await timePage(browser, id);
    expect(offeredOn(page.text).get('until-revoked')).toMatch(/^As long as your organisation allows, until \d/);

    const asked = await press(browser, id, 'until-revoked');
    expect(asked.text).toContain('name="password"');
    const [form] = readForms(asked.text);
    const wrong = await browser.post(form!.action, fill(form!.fields, person.email, 'not hers at all, really'));
    expect([wrong.text.includes('name="password"'), (await versionsOf(id)).length]).toEqual([true, 2]);
    const [again] = readForms(wrong.text);
    const right = await browser.post(again!.action, fill(again!.fields, person.email, person.password));
    expect([right.status, String(right.headers.location)]).toEqual([303, expect.stringContaining('done=timed')]);
    expect(secondsFromNow((await toolIn(id))?.expiresAt)).toBe(8 * 3_600);
    await putInForce(issuer, { name: 'never', effect: 'deny', tools: ['create_issue'] }, letPeopleDecide);
    expect((await timePage(browser, id)).status).toBe(404);
  });
});

const fill = (fields: [string, string][], email: string, password: string): [string, string][] =>
  fields.map(([name, value]) => [name, name === 'email' ? email : name === 'password' ? password : value]);

describe('what is refused', () => {
  /** Nothing of what is tried with it changes it. */
  let untouched: Awaited<ReturnType<typeof connected>>;
  beforeAll(async () => {
    untouched = await connected();
  });

  it('an answer to a page of before another change: she looks again', async () => {
    const { id, browser } = await connected();
    const page = (await timePage(browser, id)).text;
    await press(browser, id, '1d');
    const late = await press(browser, id, '30d', { page });
    expect([late.status, late.text.includes('Something changed while this page was open')]).toEqual([200, true]);
    expect(await versionsOf(id)).toHaveLength(2);
    expect(secondsFromNow((await toolIn(id))?.expiresAt)).toBe(86_400);
  });

  it('the same time once more makes no version', async () => {
    const { id, tokens, browser } = await connected();
    expect((await press(browser, id, 'until-revoked')).status).toBe(303);
    expect(await versionsOf(id)).toHaveLength(1);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
  });

  it.each(['', 'forever', '__proto__', 'unchanged', '2h'])('ABUSE-38: %j, which is no time', async (duration) => {
    const { id, browser } = untouched;
    const answer = await press(browser, id, duration);
    expect([answer.status, answer.text.includes('Choose until when')]).toEqual([200, true]);
    expect(await versionsOf(id)).toHaveLength(1);
  });

  it.each(['no_such_tool', '__proto__', '"><script>alert(1)</script>', '\u202Ecreate_issue', ''])(
    'ABUSE-38, ABUSE-89: the tool %j, which is not in the consent',
    async (tool) => {
      const { id, browser } = untouched;
      const page = await timePage(browser, id, tool);
      expect([page.status, page.text.includes('<script>')]).toEqual([404, false]);
      const [form] = readForms((await timePage(browser, id)).text);
      const action = `/account/consents/${id}/time?tool=${encodeURIComponent(tool)}`;
      expect((await browser.post(action, [...form!.fields, ['duration', '1h']])).status).toBe(404);
      expect(await versionsOf(id)).toHaveLength(1);
    },
  );

  it('a paused agent, which is not offered it', async () => {
    const { id, browser } = await connected();
    const page = (await timePage(browser, id)).text;
    const pause = readForms((await browser.get('/account')).text).find(({ action }) => action.endsWith(`${id}/pause`));
    await browser.post(pause!.action, pause!.fields);
    expect((await browser.get('/account')).text).not.toContain(`${id}/time?`);
    expect((await press(browser, id, '1h', { page })).status).toBe(404);
    expect((await timePage(browser, id)).status).toBe(404);
    expect(await versionsOf(id)).toHaveLength(2);
  });
});
