/**
 * Every route, taken from the route table and the engine's paths, with the ids and credentials of one tenant in the hands of
 * everybody else. A route that is not declared below fails, and one whose path carries an id cannot be declared as open.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readAssets } from '../../src/http/documents/assets.ts';
import { createRoutes, protocolRouteName } from '../../src/http/routes.ts';
import { paths } from '../../src/oidc/routes.ts';
import { randomToken } from '../../src/platform/random.ts';
import { issueLink } from '../../src/services/issue-link.ts';
import { keepSelection } from '../../src/store/selections.ts';
import {
  type Asked,
  type Declared,
  declaredRoutes as declared,
  formOf,
  type Ids,
  openRoutes as open,
  type Stranger,
  strangers,
} from '../support/declared-routes.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { makeApiKey } from '../support/machine.ts';
import {
  authorizationUrl,
  authorize,
  connect,
  isActive,
  newPkce,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
} from '../support/oauth-client.ts';
import { Browser, readForms, signInOn } from '../support/person.ts';
import { type AskingClient, publishClient } from '../support/published-client.ts';
import { crossings, reportAbout } from '../support/tenant-crossings.ts';
import { postReports, type ReportsAnswer } from '../support/tool-reports.ts';

/** A tenant with a person, and what she uses. */
interface Scene {
  at: TestIssuer;
  owner: TestPerson;
  server: TestServer;
  client: TestClient;
}

/** A tenant, and what a browser there sends along. */
interface Door {
  at: TestIssuer;
  cookies: string;
  formToken: string;
}

const table = createRoutes(readAssets());
// The pages answer what stands here as `interaction`.
const engineRoutes = Object.values(paths).flatMap((path) => (path === paths.interaction ? [] : [protocolRouteName(path) ?? path]));
const names = [...new Set([...table.map(({ name }) => name), ...engineRoutes, 'protocol-resume', 'protocol-management'])];

let host: DocumentHost;
let home: Scene;
let away: Scene;
let doors: Record<Stranger, Door>;

const agentName = 'Agent of nobody else';

beforeAll(async () => {
  host = await startDocumentHost();
  // What was prepared must be good in the end, however slow the machine is.
  const base = await startIssuer({ strangers: host.fetch, lifetimes: { authorizationCodeSeconds: 600, refreshGraceSeconds: 600 } });
  home = await sceneAt(await base.addTenant('home'), agentName);
  away = await sceneAt(await base.addTenant('away'), 'Agent of the others');
  await base.runtime.store.tenant.update({ where: { id: home.at.tenant.id }, data: { statusLists: 2 } });
  doors = await openDoors();
});
afterAll(async () => {
  await home.at.stop();
  await host.close();
});

async function sceneAt(at: TestIssuer, name: string): Promise<Scene> {
  return {
    at,
    owner: await at.addPerson(),
    server: await at.addServer(undefined, 'https://tracker.example/mcp'),
    client: await registerTestClient(at, { client_name: name, post_logout_redirect_uris: ['http://127.0.0.1:9/out'] }),
  };
}

async function openDoors(): Promise<Record<Stranger, Door>> {
  return {
    anonymous: await doorOf(home.at),
    'another person': await doorOf(home.at, await home.at.addPerson()),
    'an administrator': await doorOf(home.at, await home.at.addPerson({ isAdmin: true })),
    'another tenant': await doorOf(away.at),
    'another tenant’s administrator': await doorOf(away.at, await away.at.addPerson({ isAdmin: true })),
  };
}

/** A browser that is at a tenant's page with a form, and signed in if there is someone. */
async function doorOf(at: TestIssuer, person?: TestPerson): Promise<Door> {
  const browser = new Browser(at.origin);
  const page = await browser.get(`${at.url}/account`);
  if (person) await signInOn(browser, page, person);
  return describeDoor(at, browser);
}

async function describeDoor(at: TestIssuer, browser: Browser): Promise<Door> {
  const page = await browser.get(`${at.url}/account/password`);
  const fields = readForms(page.text).flatMap((form) => form.fields);
  const formToken = fields.find(([name]) => name === 'form_token')?.[1] ?? '';
  return { at, cookies: cookiesOf(browser), formToken };
}

function cookiesOf(browser: Browser): string {
  return [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
}

/** What a client of either kind was given for the owner. */
async function giveTo(client: AskingClient, { at, owner, server }: Scene) {
  const tokens = await connect(at, { client, person: owner, server, scope: 'openid tools' });
  const { code, verifier } = await authorize(at, { client, person: owner, server });
  const ids = {
    clientId: client.clientId,
    redirectUri: client.redirectUri,
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    idToken: tokens.id_token ?? '',
    code,
    verifier,
  };
  return { ids, browser: tokens.browser };
}

/** Everything anew, because the owner uses it up. */
async function prepare(scene: Scene = home): Promise<{ ids: Ids; door: Door }> {
  const { at, owner, server, client } = scene;
  const { store } = at.runtime;
  const { ids: given, browser } = await giveTo(client, scene);
  const consent = await store.consent.findFirstOrThrow({
    where: { tenantId: at.tenant.id, userId: owner.userId, clientId: client.clientId },
  });
  const installation = await store.installation.findFirstOrThrow({
    where: { tenantId: at.tenant.id, consentId: consent.id, endedAt: null },
  });
  const link = await issueLink(at.runtime, at.tenant, {
    purpose: 'password-reset',
    userId: owner.userId,
    origin: { actorType: 'operator' },
  });
  if (!link.ok) throw new Error(link.problem);
  // A person has fifty good keys at most, and this is done for each route.
  await store.apiKey.deleteMany({ where: { userId: owner.userId } });
  const key = await makeApiKey(at, { server, tools: ['list_issues'], owner: { userId: owner.userId } });
  const sha256 = randomToken(32);
  await keepSelection(store, at.tenant.id, { sha256, document: '{}', expiresAt: new Date(Date.now() + 60_000) });
  const asked = { code_challenge: newPkce().challenge, resource: server.resource, prompt: 'consent' };
  const pending = await browser.get(authorizationUrl(at, client, asked));
  const uid = /\/interaction\/([\w-]+)/.exec(pending.headers.location ?? '')?.[1] ?? '';
  const logout = await browser.get(`${at.url}/logout`);
  const xsrf =
    readForms(logout.text)
      .flatMap(({ fields }) => fields)
      .find(([name]) => name === 'xsrf')?.[1] ?? '';
  const ids = {
    uid,
    token: link.link.url.split('/').at(-1) ?? '',
    userId: owner.userId,
    consentId: consent.id,
    installationId: installation.id,
    keyId: key.id,
    apiKey: key.secret,
    list: '1',
    sha256,
    managementToken: client.managementToken,
    serverId: server.serverId,
    credential: server.credential,
    ...given,
    xsrf,
  };
  for (const [name, value] of Object.entries(ids)) if (value === '') throw new Error(`the owner has no ${name}`);
  return { ids, door: await describeDoor(at, browser) };
}

/** Ids of the same shape that were never given out. */
function absent(ids: Ids): Ids {
  const entries = Object.entries(ids).map(([name, value]) => {
    if (name === 'list') return [name, '5'];
    if (name === 'redirectUri') return [name, value];
    // One that says the same, and that nobody signed.
    if (name === 'idToken') return [name, value.replace(/[^.]+$/, randomToken(64))];
    const prefix = /^[a-z]{3}_/.exec(value)?.[0] ?? '';
    return [name, prefix + randomToken(64).slice(0, Math.min(value.length - prefix.length, 80))];
  });
  return Object.fromEntries(entries) as Ids;
}

async function send(asked: Asked, door: Door, cookies: string = door.cookies): Promise<RawResponse> {
  const { form, ...request } = asked;
  const posted = form && formOf({ ...form, form_token: door.formToken });
  return door.at.send({ ...request, ...posted, headers: { Accept: 'text/html', Cookie: cookies, ...request.headers, ...posted?.headers } });
}

/** What differs from one answer to the next anyway, and the ids themselves. */
function withoutNames({ status, text }: RawResponse, ids: Ids): string {
  const values = Object.values(ids).filter((value) => value.length > 2);
  const plain = values.reduce((rest, value) => rest.replaceAll(value, 'ID').replaceAll(encodeURIComponent(value), 'ID'), text);
  const same = plain.replaceAll(/req_[\w-]+/g, 'REQUEST').replaceAll(/name="form_token" value="[^"]+"/g, 'FORM');
  return `${status} ${same.replaceAll(/"now":"[^"]+"/g, 'NOW')}`;
}

const paramsOf = (path: string) => [...path.matchAll(/:(\w+)/g)].length;

describe('the route table', () => {
  it('ABUSE-64: says of each route whose it is', () => {
    expect([...Object.keys(declared), ...open].toSorted()).toEqual(names.toSorted());
    const shareable = new Set(['asset', 'status-list-preflight', 'selection-preflight']);
    for (const { name, path, access } of table) {
      if (paramsOf(path) > 0 && !shareable.has(name)) expect([name, name in declared]).toEqual([name, true]);
      if (access !== 'anyone') expect([name, name in declared]).toEqual([name, true]);
    }
  });

  it('ABUSE-67: says of each route that knows callers by more than their browser what crosses no border there', () => {
    const servers = table.filter(({ access }) => access === 'server').map(({ name }) => name);
    const browsers = new Set(['protocol-resume', 'protocol-signOutConfirm']);
    const protocol = Object.keys(declared).filter((name) => name.startsWith('protocol-') && !browsers.has(name));
    expect(Object.keys(crossings).toSorted()).toEqual([...servers, ...protocol].toSorted());
  });
});

describe.each(Object.keys(declared))('%s', (name) => {
  it('ABUSE-64, ABUSE-67: is refused to everyone else as if there were nothing, and goes on for its owner', async () => {
    const { request, own, others, isShared, signsOut } = declared[name] as Declared;
    const { ids, door } = await prepare();
    for (const stranger of strangers) {
      const theirs = doors[stranger];
      const expected = typeof others === 'number' ? others : others[stranger];
      // At another tenant, the owner's cookies come along: under their own names, and under those of that tenant.
      const stolen = `${door.cookies}; ${door.cookies.replaceAll('-home=', '-away=').replaceAll(/toolgrant-form-away=[^;]+/g, 'x=y')}`;
      const cookies = stranger === 'another tenant' ? `${theirs.cookies}; ${stolen}` : theirs.cookies;
      const answer = await send(request(ids), theirs, cookies);
      expect([stranger, answer.status]).toEqual([stranger, expected]);
      expect([stranger, answer.text.includes(home.owner.email)]).toEqual([
        stranger,
        isShared === true && theirs.at.tenant.id === home.at.tenant.id && name.startsWith('link'),
      ]);
      if (isShared && theirs.at.tenant.id === home.at.tenant.id) continue;
      const neverWere = absent(ids);
      if (signsOut) doors = await openDoors();
      const nothing = await send(request(neverWere), doors[stranger], signsOut ? doors[stranger].cookies : cookies);
      if (signsOut) doors = await openDoors();
      expect([stranger, withoutNames(answer, ids)]).toEqual([stranger, withoutNames(nothing, neverWere)]);
      expect(answer.text).not.toContain(agentName);
    }
    expect((await send(request(ids), door)).status).toBe(own);
  });
});

/** Tries at the other tenant all that somebody there may try with the home tenant's things. */
async function expectNothingCrosses(name: string, { theirs, own, door }: { theirs: Ids; own: Ids; door: Door }): Promise<void> {
  const neverWere = absent(theirs);
  const unknown = crossings[name]?.(neverWere, own) ?? {};
  for (const [what, { request, status, leadsTo, says }] of Object.entries(crossings[name]?.(theirs, own) ?? {})) {
    const answer = await send(request, door);
    expect([what, answer.status]).toEqual([what, status]);
    if (leadsTo !== undefined) expect(answer.headers.location).toContain(leadsTo);
    if (typeof says === 'string') expect([what, answer.text]).toEqual([what, says]);
    else if (says) expect(answer.json()).toMatchObject(says);
    const nothing = await send(unknown[what]?.request as Asked, door);
    expect([what, answer.headers.location]).toEqual([what, nothing.headers.location]);
    expect([what, withoutNames(answer, theirs)]).toEqual([what, withoutNames(nothing, neverWere)]);
  }
}

/** What a client was given is as good as ever; uses it up. */
async function expectGood({ at, server }: Scene, client: AskingClient, ids: Ids): Promise<void> {
  expect(await isActive(at, server, ids.accessToken)).toBe(true);
  expect((await redeem(at, client, ids)).status).toBe(200);
  expect((await refresh(at, client, ids.refreshToken)).status).toBe(200);
}

const countEvents = ({ at }: Scene) => at.runtime.store.auditEvent.count({ where: { tenantId: at.tenant.id } });

describe('somebody with credentials that are good at another tenant', () => {
  let theirs: Ids;
  let own: Ids;
  let homeDoor: Door;
  let door: Door;
  let events: number;

  beforeAll(async () => {
    ({ ids: theirs, door: homeDoor } = await prepare(home));
    ({ ids: own, door } = await prepare(away));
    events = await countEvents(home);
  });

  it.each(Object.keys(crossings))('ABUSE-64, ABUSE-67: gets as far with this tenant’s things as with none: %s', async (name) => {
    await expectNothingCrosses(name, { theirs, own, door });
  });

  it('ABUSE-53, ABUSE-67: changes nothing by it: at both tenants everything is as good as before, for those whose it is', async () => {
    expect(await countEvents(home)).toBe(events);
    for (const [scene, ids, ownDoor] of [[home, theirs, homeDoor] as const, [away, own, door] as const]) {
      const { at, server, client } = scene;
      const managed = await send((declared['protocol-management'] as Declared).request(ids), ownDoor);
      expect(managed.json()).toMatchObject({ client_name: client.registration['client_name'], redirect_uris: [client.redirectUri] });
      const reports = await postReports(at, server, [reportAbout(ids), reportAbout(ids, { client: ids.keyId, consent: undefined })]);
      expect(reports.json<ReportsAnswer>()).toMatchObject({ accepted: 2, refused: [] });
      expect(await isActive(at, server, ids.apiKey)).toBe(true);
      await expectGood(scene, client, ids);
      for (const name of Object.keys(crossings)) {
        const { request, own: status } = declared[name] as Declared;
        expect([name, (await send(request(ids), ownDoor)).status]).toEqual([name, status]);
      }
    }
  });
});

describe('a client that is a document, with one id at both tenants', () => {
  it('ABUSE-53, ABUSE-67, MCP-28: is two clients: what it was given at one is nothing at the other, and stays good', async () => {
    const { client } = publishClient(host);
    const { ids: theirs } = await prepare(home);
    const { ids: own, door } = await prepare(away);
    Object.assign(theirs, (await giveTo(client, home)).ids);
    Object.assign(own, (await giveTo(client, away)).ids);
    expect(own.clientId).toBe(theirs.clientId);
    for (const name of ['protocol-token', 'protocol-introspect', 'protocol-revoke']) {
      await expectNothingCrosses(name, { theirs, own, door });
    }
    await expectGood(home, client, theirs);
    await expectGood(away, client, own);
  });
});

describe('what belongs to nobody', () => {
  it.each([...open].filter((name) => name !== 'protocol-register' && name !== 'sign-in'))('%s is the same for all', async (name) => {
    const route = table.find((one) => one.name === name);
    const path = route?.path ?? Object.values(paths).find((one) => protocolRouteName(one) === name) ?? '';
    const request = { method: route?.method ?? 'GET', path: path.replace(':name', 'base.css').replace(/:\w+/, '0') };
    const { door } = await prepare();
    const [owned, plain] = await Promise.all([
      home.at.send({ ...request, headers: { Cookie: door.cookies } }),
      home.at.send({ ...request, headers: {} }),
    ]);
    expect(owned.text.replaceAll(/req_[\w-]+/g, '')).toBe(plain.text.replaceAll(/req_[\w-]+/g, ''));
    expect(owned.status).toBeLessThan(400);
  });
});
