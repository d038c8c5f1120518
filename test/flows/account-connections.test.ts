/** What a person sees and does at `/account` about agents that she connected. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listAuditEvents } from '../../src/store/audit.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  basic,
  claimsOf,
  connect,
  isActive,
  newPkce,
  postJson,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { type Browser, consentFields, type Decision, type PageForm, readForms, signedIn } from '../support/person.ts';
import { postReports, reportOf } from '../support/tool-reports.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer([toolNamed('list_issues'), toolNamed('create_issue', 'write'), toolNamed('delete_issue', 'destructive')]);
  const hello = { library: '@toolgrant/resource-server', version: '1.2.3' };
  await postJson(issuer, '/servers/hello', hello, basic(server.serverId, server.credential));
});
afterAll(() => issuer.stop());

const all = ['list_issues', 'create_issue', 'delete_issue'];
const scopeOfAll = 'tool:create_issue tool:delete_issue tool:list_issues';

async function connected(
  decision: Decision = { tools: all },
): Promise<{ client: TestClient; id: string; tokens: Tokens; browser: Browser }> {
  const client = await registerTestClient(issuer);
  const { browser, ...tokens } = await connect(issuer, { client, person, server, decision });
  return { client, id: String(claimsOf(tokens.access_token)['consent']), tokens, browser };
}

/** The entry of one agent, and its forms by the ends of their addresses. */
async function entryOf(browser: Browser, id: string): Promise<{ html: string; form(end: string): PageForm | undefined }> {
  const page = (await browser.get('/account')).text;
  const html = page.split('<li class="connection"').find((part) => part.includes(`aria-labelledby="${id}-title"`)) ?? '';
  const forms = readForms(html);
  return { html, form: (end) => forms.find(({ action }) => action.includes(`/${id}/`) && action.endsWith(end)) };
}

const press = (browser: Browser, form: PageForm | undefined) => browser.post(form!.action, form!.fields);
const renew = async (client: TestClient, tokens: Pick<Tokens, 'refresh_token'>) =>
  (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
const age = (id: string, days: number) =>
  issuer.runtime.store.consentVersion.updateMany({
    where: { consentId: id },
    data: { decidedAt: new Date(Date.now() - days * 86_400_000) },
  });

const eventsOf = async (id: string) =>
  (await listAuditEvents(issuer.runtime.store, issuer.tenant.id, 1_000)).filter(({ consentId }) => consentId === id);

describe('a paused agent', () => {
  it('ABUSE-61: stays connected and may do nothing, at once where a server asks; and goes on as it was', async () => {
    const { client, id, tokens, browser } = await connected();
    const paused = await press(browser, (await entryOf(browser, id)).form('/pause'));
    expect(paused.headers.location).toBe(`${issuer.url}/account?done=paused&within=15`);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    const meanwhile = await renew(client, tokens);
    expect(meanwhile.scope).toBe('');
    const entry = await entryOf(browser, id);
    expect(entry.html).toContain('>paused<');
    expect(entry.html).toContain('3 tools');
    expect(entry.form('/pause')).toBeUndefined();

    await press(browser, entry.form('/resume'));
    expect(await isActive(issuer, server, meanwhile.access_token)).toBe(false);
    expect((await renew(client, meanwhile)).scope).toBe(scopeOfAll);
    expect((await entryOf(browser, id)).html).not.toContain('>paused<');
  });

  it('may be pressed twice; what was decided stays decided when it was, and both are in the trail', async () => {
    const { id, browser } = await connected();
    await age(id, 20);
    const { form } = await entryOf(browser, id);
    for (let times = 0; times < 2; times += 1) expect((await press(browser, form('/pause'))).status).toBe(303);
    const resume = (await entryOf(browser, id)).form('/resume');
    for (let times = 0; times < 2; times += 1) expect((await press(browser, resume)).status).toBe(303);
    const versions = await issuer.runtime.store.consentVersion.findMany({ where: { consentId: id }, orderBy: { version: 'asc' } });
    expect(versions.map(({ pausedVersion }) => pausedVersion)).toEqual([null, 1, null]);
    expect(new Set(versions.map(({ decidedAt }) => decidedAt.getTime())).size).toBe(1);
    const events = await eventsOf(id);
    expect(
      events
        .map(({ type }) => type)
        .filter((type) => /paused|resumed/.test(type))
        .sort(),
    ).toEqual(['consent.paused', 'consent.resumed']);
  });

  it('ABUSE-39: asks again and is put before the person, who decides with what stood; Allow ends the pause', async () => {
    const { client, id, browser } = await connected();
    await press(browser, (await entryOf(browser, id)).form('/pause'));
    const { challenge } = newPkce();
    const page = await browser.follow(
      await browser.get(authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge })),
    );
    expect(page.text).toContain('You have paused this agent. Allow lets it go on');
    expect((await browser.get(`/account/consents/${id}`)).text).toContain('You have paused this agent. Save lets it go on');
    const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    expect(
      form?.boxes
        .filter(({ ticked }) => ticked)
        .map(({ value }) => value)
        .sort(),
    ).toEqual([...all].sort());
    await browser.post(form!.action, consentFields(form!, { tools: ['list_issues'] }));
    const entry = await entryOf(browser, id);
    expect([entry.html.includes('>paused<'), entry.html.includes('1 tool,')]).toEqual([false, true]);
  });
});

describe('what an agent does not use', () => {
  it('says when each tool was last called, and takes away in one click what was not for thirty days', async () => {
    const { client, id, tokens, browser } = await connected();
    await age(id, 40);
    expect((await postReports(issuer, server, [reportOf(tokens)])).json()).toMatchObject({ accepted: 1 });
    const entry = await entryOf(browser, id);
    expect(entry.html).toMatch(/list_issues<\/bdi><\/span> <span class="quiet use__when">called \d/);
    expect(entry.html.match(/no call reported/g)).toHaveLength(2);
    const form = entry.form('/unused');
    expect(form?.fields.filter(([name]) => name === 'tool').map(([, value]) => value)).toEqual(['create_issue', 'delete_issue']);
    expect((await press(browser, form)).headers.location).toBe(`${issuer.url}/account?done=dropped&within=15`);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect((await renew(client, tokens)).scope).toBe('tool:list_issues');
    const versions = await issuer.runtime.store.consentVersion.findMany({ where: { consentId: id }, orderBy: { version: 'asc' } });
    expect(versions[1]?.decidedAt).toEqual(versions[0]?.decidedAt);
    expect((await entryOf(browser, id)).form('/unused')).toBeUndefined();
  });

  it('ABUSE-38: the form takes away and adds nothing, whatever it names', async () => {
    const { client, id, tokens, browser } = await connected({ tools: ['list_issues', 'create_issue'] });
    await age(id, 40);
    await postReports(issuer, server, [reportOf(tokens)]);
    const form = (await entryOf(browser, id)).form('/unused');
    await browser.post(form!.action, [
      ...form!.fields,
      ['tool', 'delete_issue'],
      ['tool', '__proto__'],
      ['resources', 'on'],
      ['duration', 'until-revoked'],
    ]);
    expect((await renew(client, tokens)).scope).toBe('tool:list_issues');
    // All of them: that is a revocation, which is asked once more.
    const emptied = await browser.post(form!.action, [...form!.fields, ['tool', 'list_issues']]);
    expect(emptied.headers.location).toBe(`${issuer.url}/account/consents/${id}/revoke`);
  });

  it('is not offered where nothing is known of calls, where all is unused, and before thirty days', async () => {
    const young = await connected();
    await postReports(issuer, server, [reportOf(young.tokens)]);
    await age(young.id, 29);
    expect((await entryOf(young.browser, young.id)).form('/unused')).toBeUndefined();
    const idle = await connected();
    await age(idle.id, 40);
    const entry = await entryOf(idle.browser, idle.id);
    expect([entry.form('/unused'), entry.html.includes('No call of it was reported for 30 days')]).toEqual([undefined, true]);
    const silent = await issuer.addServer();
    const client = await registerTestClient(issuer);
    const { browser, access_token } = await connect(issuer, { client, person, server: silent });
    const id = String(claimsOf(access_token)['consent']);
    await age(id, 40);
    const quiet = await entryOf(browser, id);
    expect([quiet.form('/unused'), quiet.html.includes('does not report calls')]).toEqual([undefined, true]);
  });
});

const placesOn = (html: string) => readForms(html).filter(({ action }) => action.endsWith('/end'));

describe('the places where an agent is used', () => {
  it('are told apart, and one ends without the other', async () => {
    const { client, id, tokens, browser } = await connected();
    const { browser: _, ...elsewhere } = await connect(issuer, { client, person, server, decision: { tools: all } });
    const { html } = await entryOf(browser, id);
    expect(html).toContain('Used from 2 places');
    const first = placesOn(html).at(-1);
    expect((await press(browser, first)).headers.location).toBe(`${issuer.url}/account?done=disconnected&within=15`);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    expect((await renew(client, elsewhere)).scope).toBe(scopeOfAll);
    expect((await entryOf(browser, id)).html).toContain('Used from 1 place');
    expect((await press(browser, first)).status).toBe(303);
    const events = await eventsOf(id);
    expect(events.filter(({ type }) => type === 'installation.ended')).toHaveLength(1);
  });

  it('ABUSE-89: are named by where the person stood, in our words', async () => {
    const { client, id, browser } = await connected();
    const { challenge } = newPkce();
    const agent = { 'User-Agent': 'Mozilla/5.0 (Windows NT 10.0; rv:143.0) Gecko/20100101 Firefox/143.0 <script>by-the-agent</script>' };
    const page = await browser.follow(
      await browser.get(authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge })),
    );
    const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    await browser.post(form!.action, consentFields(form!, { tools: all }), agent);
    const { html } = await entryOf(browser, id);
    expect(html).toContain('in Firefox on Windows');
    expect(html).not.toContain('by-the-agent');
  });
});

describe('someone else', () => {
  it('ABUSE-61: can do none of this, nor through another consent of her own', async () => {
    const { client, id, tokens, browser } = await connected();
    const { html } = await entryOf(browser, id);
    const place = readForms(html).find(({ action }) => action.endsWith('/end'))!;
    const stranger = await issuer.addPerson();
    const theirs = await signedIn(issuer, stranger);
    const other = await registerTestClient(issuer);
    const { access_token } = await connect(issuer, { client: other, person: stranger, server });
    const own = String(claimsOf(access_token)['consent']);
    const { form } = await entryOf(theirs, own);
    const token = form('/pause')!.fields;
    const pathOf = (end: string) => `/account/consents/${id}${end}`;
    const targets = [pathOf('/pause'), pathOf('/resume'), pathOf('/unused'), new URL(place.action).pathname];
    for (const path of [...targets, new URL(place.action).pathname.replace(id, own)]) {
      expect([path, (await theirs.post(path, token)).status]).toEqual([path, 404]);
    }
    expect((await renew(client, tokens)).scope).toBe(scopeOfAll);
  });
});
