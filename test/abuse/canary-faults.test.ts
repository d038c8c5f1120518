/** Faults of the database with canaries in what was being done: they are logged, and say nothing of it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import type { ServerId } from '../../src/domain/ids.ts';
import { issueLink } from '../../src/services/issue-link.ts';
import { rotateServerCredential } from '../../src/services/rotate-server-credential.ts';
import type { Canaries } from '../support/canaries.ts';
import { fillIn } from '../support/fill-in.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import type { TestIssuer, TestPerson, TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  basic,
  newPkce,
  postForm,
  postJson,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { answerConsent, Browser, readForms, signInOn } from '../support/person.ts';
import { startWatchedIssuer, type WatchedIssuer } from '../support/watched-issuer.ts';

const operator = { actorType: 'operator' } as const;
let watched: WatchedIssuer;
let issuer: TestIssuer;
let canaries: Canaries;
let server: TestServer;

beforeAll(async () => {
  watched = await startWatchedIssuer();
  ({ issuer, canaries } = watched);
});
afterAll(() => watched.stop());

describe('ABUSE-74: when things break', () => {
  it('faults of every table are logged without what was being done with it', async () => {
    const person = await issuer.addPerson();
    server = await issuer.addServer();
    canaries.add('password', person.password);
    const owner = new Client({ connectionString: issuer.database.ownerUrl });
    await owner.connect();
    const logged = issuer.log.length;
    try {
      const tables = await owner.query<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`);
      for (const { name } of tables.rows) {
        if (name.startsWith('_')) continue;
        const scene = await setScene(person);
        await owner.query(`ALTER TABLE ${name} RENAME TO ${name}_away`);
        try {
          await doEverything(scene, person);
        } finally {
          await owner.query(`ALTER TABLE ${name}_away RENAME TO ${name}`);
        }
      }
      await watched.dump();
    } finally {
      await owner.end();
    }
    expect(issuer.log.slice(logged).filter((line) => line.includes('"level":"error"')).length).toBeGreaterThan(20);
    expect(watched.findings()).toEqual([]);
    expect(canaries.size).toBeGreaterThan(40);
  });

  interface Scene {
    own: TestClient;
    browser: Browser;
    login: RawResponse;
    code: string;
    verifier: string;
    tokens: Tokens;
    signedIn: Browser;
    credential: string;
    link: string;
  }

  async function setScene(person: TestPerson): Promise<Scene> {
    const own = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    canaries.add('client secret', own.secret);
    canaries.add('management token', own.managementToken);
    const signedIn = new Browser(issuer.origin);
    const codes: { code: string; verifier: string }[] = [];
    for (const _ of [1, 2]) {
      const { verifier, challenge } = newPkce();
      canaries.add('code verifier', verifier);
      const url = authorizationUrl(issuer, own, { resource: server.resource, code_challenge: challenge });
      let page = await signedIn.follow(await signedIn.get(url));
      if (page.text.includes('name="password"')) page = await signInOn(signedIn, page, person);
      const away = await answerConsent(signedIn, page, {});
      const code = canaries.add('code', new URL(away.headers.location ?? '').searchParams.get('code') ?? '');
      codes.push({ code, verifier });
    }
    const [first, second] = codes as [(typeof codes)[0], (typeof codes)[0]];
    const issued = (await redeem(issuer, own, first, { client_secret: own.secret })).json<Tokens>();
    canaries.add('access token', issued.access_token);
    canaries.add('refresh token', issued.refresh_token);
    const browser = new Browser(issuer.origin);
    const login = await browser.follow(
      await browser.get(authorizationUrl(issuer, own, { resource: server.resource, code_challenge: newPkce().challenge })),
    );
    for (const each of [browser, signedIn]) canaries.addCookies(each);
    const rotated = await rotateServerCredential(issuer.runtime, issuer.tenant, {
      serverId: server.serverId as ServerId,
      origin: operator,
    });
    const reset = await issueLink(issuer.runtime, issuer.tenant, { purpose: 'password-reset', userId: person.userId, origin: operator });
    if (!rotated.ok || !reset.ok) throw new Error('no scene');
    canaries.add('server credential', rotated.credential);
    canaries.add('link', reset.link.url.split('/').at(-1));
    return { own, browser, login, ...second, tokens: issued, signedIn, credential: rotated.credential, link: reset.link.url };
  }

  async function doEverything(scene: Scene, person: TestPerson): Promise<void> {
    const { own, browser, login, signedIn } = scene;
    const secret = { client_secret: own.secret };
    const credentials = basic(server.serverId, scene.credential);
    await redeem(issuer, own, scene, secret);
    await refresh(issuer, own, scene.tokens.refresh_token, secret);
    await postForm(issuer, '/introspect', { token: scene.tokens.access_token }, credentials);
    await postForm(issuer, '/revoke', { token: scene.tokens.access_token, client_id: own.clientId, ...secret });
    await postForm(issuer, '/revoke', { token: scene.tokens.refresh_token, client_id: own.clientId, ...secret });
    await postJson(issuer, '/servers/hello', { library: 'x', version: '1' }, credentials);
    await postJson(issuer, '/register', { redirect_uris: ['http://127.0.0.1/cb'] });
    const bearer = { Authorization: `Bearer ${own.managementToken}` };
    await issuer.send({ path: `/register/${own.clientId}`, headers: bearer });
    const [form] = readForms(login.text);
    await browser.post(form?.action ?? '', fillIn(form, { email: person.email, password: person.password }));
    for (const path of ['/account', '/account/password', '/widen?consent=x&tool=y', '/logout']) await signedIn.get(path);
    await signedIn.get(authorizationUrl(issuer, own, { resource: server.resource, code_challenge: newPkce().challenge }));
    await signedIn.get(scene.link);
    await signedIn.post('/account/password', [
      ['current', person.password],
      ['password', person.password],
      ['form_token', 'x'],
    ]);
    await issuer.send({ path: '/status/0' });
  }
});
