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
  type Declared,
  declaredRoutes as declared,
  formOf,
  type Ids,
  openRoutes as open,
  type Stranger,
  strangers,
} from '../support/declared-routes.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { makeApiKey } from '../support/machine.ts';
import { authorizationUrl, authorize, connect, newPkce, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { Browser, readForms, signInOn } from '../support/person.ts';

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

let home: TestIssuer;
let away: TestIssuer;
let owner: TestPerson;
let server: TestServer;
let client: TestClient;
let doors: Record<Stranger, Door>;

const agentName = 'Agent of nobody else';

beforeAll(async () => {
  const base = await startIssuer();
  home = await base.addTenant('home');
  away = await base.addTenant('away');
  owner = await home.addPerson();
  server = await home.addServer(undefined, 'https://tracker.example/mcp');
  client = await registerTestClient(home, { client_name: agentName, post_logout_redirect_uris: ['http://127.0.0.1:9/out'] });
  await away.addServer(undefined, 'https://tracker.example/mcp');
  await base.runtime.store.tenant.update({ where: { id: home.tenant.id }, data: { statusLists: 2 } });
  doors = await openDoors();
});
afterAll(() => home.stop());

async function openDoors(): Promise<Record<Stranger, Door>> {
  return {
    anonymous: await doorOf(home),
    'another person': await doorOf(home, await home.addPerson()),
    'an administrator': await doorOf(home, await home.addPerson({ isAdmin: true })),
    'another tenant': await doorOf(away),
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

/** Everything anew, because the owner uses it up. */
async function prepare(): Promise<{ ids: Ids; door: Door }> {
  const tokens = await connect(home, { client, person: owner, server });
  const { code, verifier } = await authorize(home, { client, person: owner, server });
  const consent = await home.runtime.store.consent.findFirstOrThrow({ where: { tenantId: home.tenant.id, userId: owner.userId } });
  const installation = await home.runtime.store.installation.findFirstOrThrow({
    where: { tenantId: home.tenant.id, consentId: consent.id, endedAt: null },
  });
  const link = await issueLink(home.runtime, home.tenant, {
    purpose: 'password-reset',
    userId: owner.userId,
    origin: { actorType: 'operator' },
  });
  if (!link.ok) throw new Error(link.problem);
  // A person has fifty good keys at most, and this is done for each route.
  await home.runtime.store.apiKey.deleteMany({ where: { userId: owner.userId } });
  const key = await makeApiKey(home, { server, tools: ['list_issues'], owner: { userId: owner.userId } });
  const sha256 = randomToken(32);
  await keepSelection(home.runtime.store, home.tenant.id, { sha256, document: '{}', expiresAt: new Date(Date.now() + 60_000) });
  const browser = tokens.browser;
  const asked = { code_challenge: newPkce().challenge, resource: server.resource, prompt: 'consent' };
  const pending = await browser.get(authorizationUrl(home, client, asked));
  const uid = /\/interaction\/([\w-]+)/.exec(pending.headers.location ?? '')?.[1] ?? '';
  const logout = await browser.get(`${home.url}/logout`);
  const xsrf =
    readForms(logout.text)
      .flatMap(({ fields }) => fields)
      .find(([name]) => name === 'xsrf')?.[1] ?? '';
  const ids = {
    uid,
    token: link.link.url.split('/').at(-1) ?? '',
    consentId: consent.id,
    installationId: installation.id,
    keyId: key.id,
    list: '1',
    sha256,
    clientId: client.clientId,
    managementToken: client.managementToken,
    serverId: server.serverId,
    credential: server.credential,
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    code,
    verifier,
    xsrf,
  };
  for (const [name, value] of Object.entries(ids)) if (value === '') throw new Error(`the owner has no ${name}`);
  return { ids, door: await describeDoor(home, browser) };
}

/** Ids of the same shape that were never given out. */
function absent(ids: Ids): Ids {
  const entries = Object.entries(ids).map(([name, value]) => {
    if (name === 'list') return [name, '5'];
    const prefix = /^[a-z]{3}_/.exec(value)?.[0] ?? '';
    return [name, prefix + randomToken(64).slice(0, Math.min(value.length - prefix.length, 80))];
  });
  return Object.fromEntries(entries) as Ids;
}

async function send(name: string, door: Door, { ids, cookies = door.cookies }: { ids: Ids; cookies?: string }): Promise<RawResponse> {
  const { form, ...request } = (declared[name] as Declared).request(ids);
  const posted = form && formOf({ ...form, form_token: door.formToken });
  return door.at.send({ ...request, ...posted, headers: { Accept: 'text/html', Cookie: cookies, ...request.headers, ...posted?.headers } });
}

/** What differs from one answer to the next anyway, and the ids themselves. */
function withoutNames({ status, text }: RawResponse, ids: Ids): string {
  const values = Object.values(ids).filter((value) => value.length > 2);
  const plain = values.reduce((rest, value) => rest.replaceAll(value, 'ID').replaceAll(encodeURIComponent(value), 'ID'), text);
  return `${status} ${plain.replaceAll(/req_[\w-]+/g, 'REQUEST').replaceAll(/name="form_token" value="[^"]+"/g, 'FORM')}`;
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
});

describe.each(Object.keys(declared))('%s', (name) => {
  it('ABUSE-64, ABUSE-67: is refused to everyone else as if there were nothing, and goes on for its owner', async () => {
    const { own, others, isShared, signsOut } = declared[name] as Declared;
    const { ids, door } = await prepare();
    for (const stranger of strangers) {
      const theirs = doors[stranger];
      const expected = typeof others === 'number' ? others : others[stranger];
      // At another tenant, the owner's cookies come along: under their own names, and under those of that tenant.
      const stolen = `${door.cookies}; ${door.cookies.replaceAll('-home=', '-away=').replaceAll(/toolgrant-form-away=[^;]+/g, 'x=y')}`;
      const cookies = stranger === 'another tenant' ? `${theirs.cookies}; ${stolen}` : theirs.cookies;
      const answer = await send(name, theirs, { ids, cookies });
      expect([stranger, answer.status]).toEqual([stranger, expected]);
      expect([stranger, answer.text.includes(owner.email)]).toEqual([
        stranger,
        isShared === true && stranger !== 'another tenant' && name.startsWith('link'),
      ]);
      if (isShared && stranger !== 'another tenant') continue;
      const neverWere = absent(ids);
      if (signsOut) doors = await openDoors();
      const nothing = await send(name, doors[stranger], { ids: neverWere, cookies: signsOut ? doors[stranger].cookies : cookies });
      expect([stranger, withoutNames(answer, ids)]).toEqual([stranger, withoutNames(nothing, neverWere)]);
      expect(answer.text).not.toContain(agentName);
    }
    expect((await send(name, door, { ids })).status).toBe(own);
  });
});

describe('what belongs to nobody', () => {
  it.each([...open].filter((name) => name !== 'protocol-register' && name !== 'sign-in'))('%s is the same for all', async (name) => {
    const route = table.find((one) => one.name === name);
    const path = route?.path ?? Object.values(paths).find((one) => protocolRouteName(one) === name) ?? '';
    const request = { method: route?.method ?? 'GET', path: path.replace(':name', 'base.css').replace(/:\w+/, '0') };
    const { door } = await prepare();
    const [owned, plain] = await Promise.all([
      home.send({ ...request, headers: { Cookie: door.cookies } }),
      home.send({ ...request, headers: {} }),
    ]);
    expect(owned.text.replaceAll(/req_[\w-]+/g, '')).toBe(plain.text.replaceAll(/req_[\w-]+/g, ''));
    expect(owned.status).toBeLessThan(400);
  });
});
