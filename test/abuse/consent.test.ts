/** ABUSE-38, ABUSE-39: nothing is allowed that its own person did not see, whoever else is busy at the same moment. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerId } from '../../src/domain/ids.ts';
import { createManualClient } from '../../src/services/create-client.ts';
import { type Database, transact } from '../../src/store/client.ts';
import { lockConsentsOfServer } from '../../src/store/consents.ts';
import { lockServer } from '../../src/store/servers.ts';
import { invalidateStatusOfServer } from '../../src/store/status.ts';
import { keepTools } from '../../src/store/tools.ts';
import { toolNamed } from '../support/consent-scene.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorizationUrl, authorize, connect, newPkce, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { Browser, consentFields, readForms, signedIn, signInOn } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  client = await registerTestClient(issuer);
});
afterAll(() => issuer.stop());

function urlFor(server: TestServer): string {
  return authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge, scope: 'tools' });
}

function consentForm(page: RawResponse) {
  const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
  if (!form) throw new Error(`no consent page: ${page.status} ${page.text.slice(0, 300)}`);
  return form;
}

describe('ABUSE-39: a proven client that may go on silently', () => {
  it('learns nothing of the person that she was not told of', async () => {
    const created = await createManualClient(issuer.runtime, issuer.tenant, {
      request: { name: 'Console', redirectUris: ['https://console.example/cb'], authMethod: 'none' },
      origin: { actorType: 'operator' },
    });
    if (!created.ok) throw new Error(created.problem.reason);
    const proven = { clientId: created.client.id, redirectUri: 'https://console.example/cb' };
    const server = await issuer.addServer();
    const { browser } = await connect(issuer, { client: proven, person, server, scope: 'tools' });
    const pageFor = async (scope: string) => {
      const asked = { resource: server.resource, code_challenge: newPkce().challenge, scope };
      return browser.follow(await browser.get(authorizationUrl(issuer, proven, asked)));
    };
    expect((await pageFor('tools')).status).toBe(303);
    const asked = await pageFor('openid email tools');
    expect([asked.status, asked.text.includes('your email address')]).toEqual([200, true]);
    const form = consentForm(asked);
    await browser.follow(await browser.post(form.action, consentFields(form, {})));
    expect((await pageFor('openid email tools')).status).toBe(303);
    expect((await pageFor('openid tools')).status).toBe(303);
    expect((await pageFor('openid email profile tools')).status).toBe(200);
  });
});

describe('ABUSE-38: a page that was shown to one person', () => {
  it('is not answered by the one who signed in after her in the same browser', async () => {
    const server = await issuer.addServer();
    const second = await issuer.addPerson();
    const browser = new Browser(issuer.origin);
    const login = await browser.follow(await browser.get(urlFor(server)));
    const interaction = readForms(login.text)[0]?.action ?? '';
    await signInOn(browser, await browser.get('/account'), person);
    const shown = await browser.get(interaction);
    expect(shown.text).toContain(person.email);
    const [signOut] = readForms((await browser.get('/account/sign-out')).text);
    await browser.post(signOut?.action ?? '', signOut?.fields ?? []);
    await signInOn(browser, await browser.get('/account'), second);
    const form = consentForm(shown);
    const answered = await browser.post(form.action, consentFields(form, {}));
    expect([answered.status, answered.text.includes('Something changed')]).toEqual([200, true]);
    expect(answered.text).toContain(second.email);
  });
});

describe('ABUSE-38: a decision while the catalogue is being read anew', () => {
  /** Holds what a reading of the catalogue holds, with a tool that has become riskier, until told to commit. */
  function readAnew(server: TestServer): { commit(): void; done: Promise<void> } {
    const gate = Promise.withResolvers<void>();
    const serverId = server.serverId as ServerId;
    const work = async (db: Database) => {
      await lockServer(db, issuer.tenant.id, serverId, 'change');
      await lockConsentsOfServer(db, issuer.tenant.id, serverId);
      await invalidateStatusOfServer(db, issuer.tenant.id, serverId, new Date());
      await keepTools(db, issuer.tenant.id, serverId, [toolNamed('list_issues', 'destructive', { version: 2 })]);
      await gate.promise;
    };
    return { commit: gate.resolve, done: transact(issuer.runtime.store, work) };
  }

  async function isAnyoneWaiting(): Promise<boolean> {
    const rows = await issuer.runtime.store.$queryRaw<unknown[]>`SELECT 1 FROM pg_locks WHERE NOT granted LIMIT 1`;
    return rows.length > 0;
  }

  it('waits for it, and is taken over what it says then', async () => {
    const server = await issuer.addServer([toolNamed('list_issues')]);
    const browser = await signedIn(issuer, person);
    const form = consentForm(await browser.follow(await browser.get(urlFor(server))));
    const reading = readAnew(server);
    let isAnswered = false;
    const answer = browser.post(form.action, consentFields(form, { tools: ['list_issues'] })).finally(() => {
      isAnswered = true;
    });
    while (!isAnswered && !(await isAnyoneWaiting())) await new Promise((resolve) => setTimeout(resolve, 20));
    reading.commit();
    await reading.done;
    const answered = await answer;
    expect([answered.status, answered.text.includes('Something changed')]).toEqual([200, true]);
  });
});

describe('ABUSE-86: names that no database keeps', () => {
  it.each([
    '/account/consents/%00',
    '/account/consents/con_%00x/revoke',
    '/widen?consent=%00&tool=x',
    '/widen?consent=x%00y&scope=prompts',
  ])('%s is not found', async (path) => {
    const browser = await signedIn(issuer, person);
    expect((await browser.get(path)).status).toBe(404);
  });
});

describe('ABUSE-23: a redirect URI that brings the answer’s own parameters', () => {
  it('has each of them once, as the issuer says', async () => {
    const redirectUri = 'https://app.example/cb?iss=https://evil.example&code=stolen&state=old&keep=1';
    const sly = await registerTestClient(issuer, { redirect_uris: [redirectUri] });
    const { location, code } = await authorize(issuer, { client: sly, person, server: await issuer.addServer() });
    const each = (name: string) => location.searchParams.getAll(name);
    expect([each('iss'), each('code'), each('state').length, each('keep')]).toEqual([[issuer.url], [code], 1, ['1']]);
    expect(code).not.toBe('stolen');
  });
});
