import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerId } from '../../src/domain/ids.ts';
import { createVerifier } from '../../src/resource-server/index.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { rotateApiKey } from '../../src/services/manage-api-keys.ts';
import { overrideToolRisk } from '../../src/services/override-tool-risk.ts';
import { removeServer } from '../../src/services/remove-server.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { makeApiKey } from '../support/machine.ts';
import { moveTime } from '../support/moved-time.ts';
import { basic, isActive, postForm } from '../support/oauth-client.ts';
import { type Browser, type PageForm, readForms, signedIn } from '../support/person.ts';
import { putInForce } from '../support/policy.ts';

let issuer: TestIssuer;
let server: TestServer;
let person: TestPerson;
let browser: Browser;

beforeAll(async () => {
  issuer = await startIssuer();
  server = await issuer.addServer();
});
afterAll(() => issuer.stop());
beforeEach(async () => {
  person = await issuer.addPerson();
  browser = await signedIn(issuer, person);
});

const origin = { actorType: 'operator' } as const;

const addressOf = (what = 'new', at: TestServer = server) =>
  what === 'new' ? `${issuer.url}/account/keys/new?server=${at.serverId}` : `${issuer.url}/account/keys/${what}`;
const keysOf = (userId: string) => issuer.runtime.store.apiKey.findMany({ where: { userId }, orderBy: { createdAt: 'asc' } });
const secretOn = (page: RawResponse) => /tgk_\w{44}/.exec(page.text)?.[0] ?? '';
const formOf = (page: RawResponse) => readForms(page.text)[0] as PageForm;

/** Fills in the form of a page, every value of `typed` in place of what stands; a list ticks several boxes. */
async function fill(page: RawResponse, typed: Record<string, string | readonly string[]>, by = browser): Promise<RawResponse> {
  const form = formOf(page);
  const kept = form.fields.filter(([name]) => !Object.hasOwn(typed, name));
  const more = Object.entries(typed).flatMap(([name, values]) => [values].flat().map((value): [string, string] => [name, value]));
  return by.post(form.action, [...kept, ...more]);
}

async function make(typed: Record<string, string | readonly string[]> = {}, by = browser): Promise<RawResponse> {
  return fill(await by.get(addressOf()), { name: 'Nightly report', tool: ['list_issues'], do: 'save', ...typed }, by);
}

const scopeOf = async (secret: string) =>
  (await postForm(issuer, '/introspect', { token: secret }, basic(server.serverId, server.credential))).json<{ scope?: string }>().scope;
const isGood = (secret: string) => isActive(issuer, server, secret);

describe('a key of one’s own', () => {
  it('ABUSE-63: is made of what she ticks, where nothing is ticked before; shown once, and in no list, row or event', async () => {
    const account = await browser.get(`${issuer.url}/account`);
    expect(account.text).toContain('You have none.');
    const servers = await browser.get(`${issuer.url}/account/keys/new`);
    expect(servers.text).toContain(`href="${addressOf()}"`);
    const form = formOf(await browser.get(addressOf()));
    expect(form.boxes.map(({ name, value, ticked }) => [name, value, ticked])).toEqual([
      ['tool', 'list_issues', false],
      ['tool', 'create_issue', false],
      ['tool', 'delete_issue', false],
      ['resources', 'on', false],
      ['prompts', 'on', false],
    ]);
    const told = await make({ tool: ['list_issues', 'create_issue'], resources: 'on', lifetime: '30d' });
    const secret = secretOn(told);
    expect([told.status, told.headers['cache-control'], secret.length]).toEqual([200, 'no-store', 48]);
    const { json } = { json: (await postForm(issuer, '/introspect', { token: secret }, basic(server.serverId, server.credential))).json() };
    expect(json).toMatchObject({ active: true, sub: person.userId, scope: 'tool:create_issue tool:list_issues resources' });
    expect(Number(json.exp) - Number(json.iat)).toBe(30 * 86_400);
    const after = await browser.get(`${issuer.url}/account`);
    expect(after.text).toContain('Nightly report');
    const rows = await keysOf(person.userId);
    const events = await issuer.runtime.store.auditEvent.findMany({ where: { userId: person.userId } });
    for (const place of [after.text, JSON.stringify(rows), JSON.stringify(events), issuer.log.join('\n')]) {
      expect(place).not.toContain(secret);
    }
    expect(events.find(({ type }) => type === 'api-key.created')).toMatchObject({
      actorType: 'user',
      actorId: person.userId,
      apiKeyId: rows[0]?.id,
      serverId: server.serverId,
      detail: { name: 'Nightly report', tools: ['create_issue', 'list_issues'], resources: true, prompts: false },
    });
  });

  it('goes through the doors of the library as hers', async () => {
    const secret = secretOn(await make());
    const credential = { id: server.serverId, secret: server.credential };
    const verifier = createVerifier({ issuer: issuer.url, resource: server.resource, credential });
    const grant = await verifier.verify(`Bearer ${secret}`);
    expect([grant.subject, grant.tools, grant.allows('create_issue')]).toEqual([person.userId, ['list_issues'], false]);
  });

  it('needs a name and something ticked; buttons that change the page, and unknown ones, make nothing', async () => {
    expect((await make({ name: '  ' })).text).toContain('Give the key a name');
    expect((await make({ tool: [] })).text).toContain('Nothing is ticked');
    for (const pressed of ['show', 'search', 'all:read', 'allow', 'deny', '', 'SAVE']) {
      const page = await make({ do: pressed });
      expect([pressed, page.status, secretOn(page)]).toEqual([pressed, 200, '']);
    }
    expect(await keysOf(person.userId)).toEqual([]);
    const kept = formOf(await make({ name: '', tool: ['create_issue'], lifetime: '365d' }));
    expect(kept.boxes.filter(({ ticked }) => ticked).map(({ value }) => value)).toEqual(['create_issue']);
    expect(kept.fields).toContainEqual(['lifetime', '365d']);
  });

  it('lives as long as one of the choices; anything else is the usual', async () => {
    for (const lifetime of ['90d', '10y', '', '__proto__']) await make({ name: `Of ${lifetime}`, lifetime });
    expect((await keysOf(person.userId)).map(({ lifetimeSeconds }) => lifetimeSeconds / 86_400)).toEqual([90, 90, 90, 90]);
  });

  it('is made of the tools as they were shown: where they changed meanwhile, the page comes again', async () => {
    const other = await issuer.addServer();
    const page = await browser.get(addressOf('new', other));
    await overrideToolRisk(issuer.runtime, issuer.tenant, {
      serverId: other.serverId as ServerId,
      tool: 'list_issues',
      override: { risk: 'destructive', openWorld: true },
      origin,
    });
    const again = await fill(page, { name: 'Late', tool: ['list_issues'], do: 'save' });
    expect(again.text).toContain('tools changed while this page was open');
    expect(formOf(again).boxes.some(({ ticked }) => ticked)).toBe(false);
    expect(formOf(again).fields).toContainEqual(['name', 'Late']);
    expect(await keysOf(person.userId)).toEqual([]);
    expect((await fill(again, { name: 'Late', tool: ['list_issues'], do: 'save' })).text).toContain('Copy it now');
  });

  it('has a name that no other good key of hers has: a button that is pressed twice makes one', async () => {
    const page = await browser.get(addressOf());
    const pressed = () => fill(page, { name: 'Nightly report', tool: ['list_issues'], do: 'save' });
    const answers = await Promise.all([pressed(), pressed(), pressed()]);
    expect(answers.map((answer) => secretOn(answer).length).toSorted((a, b) => a - b)).toEqual([0, 0, 48]);
    const again = await pressed();
    expect(again.text).toContain('You have a key of this name');
    expect(
      formOf(again)
        .boxes.filter(({ ticked }) => ticked)
        .map(({ value }) => value),
    ).toEqual(['list_issues']);
    const other = await signedIn(issuer, await issuer.addPerson());
    expect(secretOn(await make({}, other)).length).toBe(48);
    const [row] = await keysOf(person.userId);
    await fill(await browser.get(addressOf(`${row?.id}/revoke`)), {});
    expect(secretOn(await pressed()).length).toBe(48);
  });

  it('are fifty at most', async () => {
    for (let times = 0; times < 50; times += 1) {
      await makeApiKey(issuer, { server, tools: ['list_issues'], owner: { userId: person.userId }, name: `Key ${times}` });
    }
    expect((await make()).text).toContain('You have 50 keys');
    expect((await keysOf(person.userId)).length).toBe(50);
    expect((await browser.get(`${issuer.url}/account`)).status).toBe(200);
  });
});

describe('what the form does not let anybody choose', () => {
  it.each([
    'userId',
    'user_id',
    'owner',
    'serviceAccount',
    'service_account_id',
    'isAdmin',
    'scope',
    'id',
    'expiresAt',
    'tenantId',
    '__proto__',
  ])('ABUSE-63: %s → 403, and no key', async (field) => {
    const other = await issuer.addPerson();
    const answer = await make({ [field]: other.userId });
    expect([answer.status, secretOn(answer)]).toEqual([403, '']);
    expect([await keysOf(person.userId), await keysOf(other.userId)]).toEqual([[], []]);
  });

  it('ABUSE-63: a tool that the server does not have, a server of another tenant, of nobody, none → no key', async () => {
    expect((await make({ tool: ['list_issues', 'drop_database'] })).status).toBe(400);
    const away = await issuer.addTenant('away');
    const there = await away.addServer();
    const gone = await issuer.addServer();
    await removeServer(issuer.runtime, issuer.tenant, { serverId: gone.serverId as ServerId, origin });
    const form = formOf(await browser.get(addressOf()));
    const fields = [...form.fields, ['name', 'x'] as const, ['tool', 'list_issues'] as const, ['do', 'save'] as const];
    for (const id of [there.serverId, gone.serverId, 'srv_nobody', 'x', '%00', `${server.serverId}&server=${server.serverId}`]) {
      const url = `${issuer.url}/account/keys/new?server=${id}`;
      expect([id, (await browser.get(url)).status, (await browser.post(url, fields)).status]).toEqual([id, 404, 404]);
    }
    expect((await browser.post(`${issuer.url}/account/keys/new`, fields)).status).toBe(404);
    expect(await keysOf(person.userId)).toEqual([]);
  });

  it('ABUSE-31, ABUSE-63: a form from another site, without the token or with another’s → 403', async () => {
    const form = formOf(await browser.get(addressOf()));
    const good = [
      ...form.fields.filter(([name]) => name !== 'name'),
      ['name', 'x'] as const,
      ['tool', 'list_issues'] as const,
      ['do', 'save'] as const,
    ];
    const without = good.filter(([name]) => name !== 'form_token');
    const theirs = formOf(await (await signedIn(issuer, await issuer.addPerson())).get(addressOf())).fields.find(
      ([name]) => name === 'form_token',
    );
    expect((await browser.post(form.action, good, { Origin: 'https://evil.example' })).status).toBe(403);
    expect((await browser.post(form.action, good, { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403);
    expect((await browser.post(form.action, without)).status).toBe(403);
    expect((await browser.post(form.action, [...without, theirs as [string, string]])).status).toBe(403);
    expect(await keysOf(person.userId)).toEqual([]);
    expect((await browser.post(form.action, good)).status).toBe(200);
  });
});

describe('replacing and revoking', () => {
  it('a replaced key works for a day beside the new one, or not at all', async () => {
    const first = secretOn(await make());
    const [row] = await keysOf(person.userId);
    const second = secretOn(await fill(await browser.get(addressOf(`${row?.id}/replace`)), {}));
    expect([await isGood(first), await isGood(second)]).toEqual([true, true]);
    expect((await browser.get(`${issuer.url}/account`)).text).toContain('The one before');
    const third = secretOn(await fill(await browser.get(addressOf(`${row?.id}/replace`)), { do: 'now' }));
    expect(new Set([first, second, third]).size).toBe(3);
    expect([await isGood(first), await isGood(second), await isGood(third)]).toEqual([false, false, true]);
    expect((await keysOf(person.userId)).length).toBe(1);
  });

  it('a button that is pressed twice replaces once: what a script uses goes on', async () => {
    const first = secretOn(await make());
    const [row] = await keysOf(person.userId);
    const page = await browser.get(addressOf(`${row?.id}/replace`));
    const answers = await Promise.all([fill(page, {}), fill(page, {}), fill(page, {})]);
    answers.push(await fill(page, { do: 'now' }), await fill(page, { made: '' }), await fill(page, { made: 'x' }));
    const told = answers.map(secretOn).filter((secret) => secret !== '');
    expect(told.length).toBe(1);
    expect(answers.filter(({ text }) => text.includes('was replaced while the page was open')).length).toBe(5);
    expect([await isGood(first), await isGood(told[0] ?? '')]).toEqual([true, true]);
  });

  it('where two work, she says which one goes on: the one before until its end, though the new one was lost', async () => {
    const first = secretOn(await make());
    const [row] = await keysOf(person.userId);
    const replace = async (pressed: string) => secretOn(await fill(await browser.get(addressOf(`${row?.id}/replace`)), { do: pressed }));
    const endOf = async () => (await keysOf(person.userId))[0]?.previousUntil;
    const lost = await replace('');
    const end = await endOf();
    const second = await replace('lost');
    expect([await isGood(first), await isGood(lost), await isGood(second)]).toEqual([true, false, true]);
    expect(await endOf()).toEqual(end);
    const third = await replace('day');
    expect([await isGood(first), await isGood(second), await isGood(third)]).toEqual([false, true, true]);
    const time = moveTime();
    try {
      time.forward(86_401);
      expect([await isGood(second), await isGood(third)]).toEqual([false, true]);
      browser = await signedIn(issuer, person);
      const fourth = await replace('lost');
      expect([await isGood(second), await isGood(third), await isGood(fourth)]).toEqual([false, false, true]);
    } finally {
      time.restore();
    }
  });

  it('ABUSE-61, ABUSE-63: a revoked key is refused at once, and gone from the list; a second time changes nothing', async () => {
    const secret = secretOn(await make());
    const [row] = await keysOf(person.userId);
    const page = await browser.get(addressOf(`${row?.id}/revoke`));
    expect(page.text).toContain('Nightly report');
    expect(await isGood(secret)).toBe(true);
    const done = await fill(page, {});
    expect(done.status).toBe(303);
    expect(await isGood(secret)).toBe(false);
    expect((await browser.follow(done)).text).toMatch(/Revoked: the key is refused[\s\S]*You have none\./);
    expect((await fill(page, {})).status).toBe(303);
    for (const what of ['revoke', 'replace']) expect((await browser.get(addressOf(`${row?.id}/${what}`))).status).toBe(404);
    const events = await issuer.runtime.store.auditEvent.findMany({ where: { type: 'api-key.revoked', apiKeyId: row?.id ?? '' } });
    expect(events).toMatchObject([{ actorType: 'user', actorId: person.userId, detail: { reason: 'revoked-by-owner' } }]);
  });

  it('ABUSE-64: another person, an administrator, a service account’s key: as if there were none, and nothing changes', async () => {
    const secret = secretOn(await make());
    const [row] = await keysOf(person.userId);
    const account = await makeApiKey(issuer, { server, tools: ['list_issues'] });
    const form = formOf(await browser.get(addressOf(`${row?.id}/revoke`)));
    const strangers = [await issuer.addPerson(), await issuer.addPerson({ isAdmin: true })];
    for (const stranger of strangers) {
      const theirs = await signedIn(issuer, stranger);
      const token = formOf(await theirs.get(addressOf())).fields.filter(([name]) => name === 'form_token');
      for (const id of [row?.id, account.id, 'key_nobody', 'x', '%00']) {
        for (const what of ['revoke', 'replace']) {
          const url = addressOf(`${id}/${what}`);
          expect([id, what, (await theirs.get(url)).status, (await theirs.post(url, token)).status]).toEqual([id, what, 404, 404]);
        }
      }
    }
    expect((await browser.post(addressOf(`${account.id}/revoke`), form.fields)).status).toBe(404);
    expect([await isGood(secret), await isGood(account.secret)]).toEqual([true, true]);
  });

  it('ABUSE-63: nobody but she is told a new key that acts as her, an operator neither', async () => {
    const secret = secretOn(await make());
    const [row] = await keysOf(person.userId);
    const refused = await rotateApiKey(issuer.runtime, issuer.tenant, { id: row?.id as never, overlapSeconds: 0, origin });
    expect(refused).toEqual({ ok: false, problem: 'of-a-person' });
    expect(await isGood(secret)).toBe(true);
  });
});

describe('what policy lets her keys use', () => {
  it('is what the page offers, for so long; what takes a sign-in is not, because a key has none', async () => {
    const rule = { effect: 'allow' as const, clients: [{ kind: 'api-key' as const }] };
    await putInForce(
      issuer,
      { ...rule, name: 'read', tools: ['list_*'], 'for-at-most': '45d' },
      { ...rule, name: 'write', tools: ['create_*'], 'signed-in-within': '5m' },
    );
    try {
      const page = await browser.get(addressOf());
      expect(formOf(page).boxes.map(({ value }) => value)).toEqual(['list_issues']);
      expect(page.text).toContain('4 things that the server has are not on this page');
      expect(page.text).toContain('does not let you allow them to API keys');
      expect(page.text).toContain('45 days, the most your organisation allows');
      expect(page.text).not.toContain('1 year');
      const secret = secretOn(await make({ lifetime: '365d' }));
      const [row] = await keysOf(person.userId);
      expect(row?.lifetimeSeconds).toBe(45 * 86_400);
      const time = moveTime();
      try {
        time.forward(44 * 86_400);
        browser = await signedIn(issuer, person);
        const next = secretOn(await fill(await browser.get(addressOf(`${row?.id}/replace`)), {}));
        time.forward(43 * 86_400);
        expect([await scopeOf(secret), await scopeOf(next)]).toEqual([undefined, 'tool:list_issues']);
      } finally {
        time.restore();
      }
      await putInForce(issuer, { ...rule, name: 'none', clients: [{ kind: 'dynamic' as const }] });
      browser = await signedIn(issuer, person);
      const nothing = await browser.get(addressOf());
      expect(nothing.text).toContain('Your organisation does not let you allow this.');
      expect(nothing.text).not.toContain('Make key');
    } finally {
      await putInForce(issuer, { name: 'people-decide', effect: 'allow' });
    }
  });
});

describe('what the list says', () => {
  it('a key that ends soon, and one that has ended, which can be replaced', async () => {
    await make({ lifetime: '30d' });
    const time = moveTime();
    try {
      time.forward(17 * 86_400);
      const soon = await signedIn(issuer, person);
      expect((await soon.get(`${issuer.url}/account`)).text).toContain('It ends soon.');
      time.forward(20 * 86_400);
      const late = await signedIn(issuer, person);
      expect((await late.get(`${issuer.url}/account`)).text).toContain('Its time is over');
      const [row] = await keysOf(person.userId);
      const next = secretOn(await fill(await late.get(addressOf(`${row?.id}/replace`)), {}, late));
      expect(await isGood(next)).toBe(true);
    } finally {
      time.restore();
    }
  });

  it('a tool that waits, and why; whose owner is disabled is refused', async () => {
    const other = await issuer.addServer();
    const page = await browser.get(addressOf('new', other));
    const secret = secretOn(await fill(page, { name: 'Waits', tool: ['list_issues', 'create_issue'], do: 'save' }));
    await overrideToolRisk(issuer.runtime, issuer.tenant, {
      serverId: other.serverId as ServerId,
      tool: 'list_issues',
      override: { risk: 'destructive', openWorld: true },
      origin,
    });
    expect((await browser.get(`${issuer.url}/account`)).text).toMatch(
      /Not usable now: list_issues \(it may do more than when you made the key/,
    );
    expect(await isActive(issuer, other, secret)).toBe(true);
    await disableUser(issuer.runtime, issuer.tenant, { userId: person.userId, origin });
    expect(await isActive(issuer, other, secret)).toBe(false);
  });
});
