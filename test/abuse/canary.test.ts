/** A whole life with canaries: whatever is secret in it is in no line that was logged, in no audit event, and in no row. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerId, UserId } from '../../src/domain/ids.ts';
import { createVerifier } from '../../src/resource-server/index.ts';
import { addServer } from '../../src/services/add-server.ts';
import { createManualClient } from '../../src/services/create-client.ts';
import { createUser } from '../../src/services/create-user.ts';
import { issueFirstAdminLink, issueLink } from '../../src/services/issue-link.ts';
import { rotateServerCredential } from '../../src/services/rotate-server-credential.ts';
import { ensureSigningKeys } from '../../src/services/signing-keys.ts';
import { keepTools } from '../../src/store/tools.ts';
import { Canaries, dumpDatabase } from '../support/canaries.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { fillIn } from '../support/fill-in.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import type { TestIssuer, TestServer } from '../support/issuer.ts';
import { askToken, makeApiKey } from '../support/machine.ts';
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
let client: TestClient;
let confidential: TestClient;

beforeAll(async () => {
  watched = await startWatchedIssuer();
  ({ issuer, canaries } = watched);
});
afterAll(() => watched.stop());

/** Fills in the first form of a page. */
async function submit(browser: Browser, page: RawResponse, typed: Record<string, string>): Promise<RawResponse> {
  const [form] = readForms(page.text);
  for (const [name, value] of form?.fields ?? []) if (name === 'form_token') canaries.add('form token', value);
  const answer = await browser.post(form?.action ?? '', fillIn(form, typed));
  canaries.addCookies(browser);
  return answer;
}

describe('ABUSE-74: a whole life', () => {
  const email = 'canary@example.com';
  const password = 'canary-password-Kx7 first';
  const newPassword = 'canary-password-Qm2 second';
  const wrongPassword = 'canary-password-Zr9 wrong';
  const linkPassword = 'canary-password-Lw4 link';
  let userId: UserId;
  let tokens: Tokens;
  let session: Browser;
  let apiKey: string;

  it('begins: keys, an account, a server with a secret header, clients of each kind, links', async () => {
    for (const each of [password, newPassword, wrongPassword, linkPassword]) canaries.add('password', each);
    const { current } = await ensureSigningKeys(issuer.runtime, issuer.tenant);
    canaries.add('private key', String(current.privateJwk.d));
    canaries.add('key-encryption key', issuer.secret);
    const created = await createUser(issuer.runtime, issuer.tenant, { email, password, isAdmin: false, origin: operator });
    if (!created.ok) throw new Error(created.problem);
    userId = created.user.id;
    const upstream = canaries.add('catalogue header', 'canary-upstream-credential');
    const added = await addServer(issuer.runtime, issuer.tenant, {
      resource: 'https://canary.example/mcp',
      name: 'Tracker',
      headers: { Authorization: `Bearer ${upstream}`, 'X-Api-Key': canaries.add('catalogue key', 'canary-upstream-key-value') },
      origin: operator,
    });
    if (!added.ok) throw new Error(added.problem.kind);
    canaries.add('server credential', added.credential);
    await keepTools(issuer.runtime.store, issuer.tenant.id, added.server.id, [
      toolNamed('list_issues'),
      toolNamed('create_issue', 'write'),
    ]);
    server = { serverId: added.server.id, credential: added.credential, resource: 'https://canary.example/mcp' };
    client = await registerTestClient(issuer);
    confidential = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const request = { name: 'Console', redirectUris: ['https://console.example/cb'] };
    const made = await createManualClient(issuer.runtime, issuer.tenant, { request, origin: operator });
    if (!made.ok) throw new Error(made.problem.reason);
    canaries.add('secret of a client made by hand', made.secret);
    canaries.add('client secret', confidential.secret);
    for (const each of [client, confidential]) canaries.add('management token', each.managementToken);
    await watched.dump();
    expect(watched.findings()).toEqual([]);
  });

  it('goes through links: an invitation, a reset, the first administrator', async () => {
    const invited = await createUser(issuer.runtime, issuer.tenant, { email: 'invited@example.com', isAdmin: false, origin: operator });
    if (!invited.ok) throw new Error(invited.problem);
    const invitation = await issueLink(issuer.runtime, issuer.tenant, { purpose: 'invitation', userId: invited.user.id, origin: operator });
    const reset = await issueLink(issuer.runtime, issuer.tenant, { purpose: 'password-reset', userId, origin: operator });
    const first = await issueFirstAdminLink(issuer.runtime, issuer.tenant, operator);
    const links = [invitation, reset].map((issued) => (issued.ok ? issued.link.url : ''));
    for (const url of [...links, first?.url ?? '']) canaries.add('link', url.split('/').at(-1));
    await watched.dump();
    for (const url of [...links, first?.url ?? '']) {
      const browser = new Browser(issuer.origin);
      const page = await browser.get(url);
      expect(page.status).toBe(200);
      await submit(browser, page, { password: 'short', email: 'admin@example.com' });
      const answer = await submit(browser, await browser.get(url), {
        password: url === links[1] ? password : linkPassword,
        email: 'admin@example.com',
      });
      expect(answer.status).toBe(303);
      expect((await browser.get(url)).status).toBe(404);
      expect((await browser.get(`${url}x`)).status).toBe(404);
    }
    await watched.dump();
    expect(watched.findings()).toEqual([]);
  });

  it('signs in, wrongly and rightly, and allows', async () => {
    session = new Browser(issuer.origin);
    const { verifier, challenge } = newPkce();
    canaries.add('code verifier', verifier);
    const asked = {
      resource: server.resource,
      code_challenge: challenge,
      scope: 'openid email tools',
      state: 'canary-state-of-the-client',
      nonce: 'n',
    };
    let page = await session.follow(await session.get(authorizationUrl(issuer, client, asked)));
    canaries.addCookies(session);
    await watched.dump();
    page = await submit(session, page, { email, password: wrongPassword });
    // Typed into the wrong field, as people do.
    page = await submit(session, page, { email: wrongPassword, password: wrongPassword });
    page = await submit(session, page, { email: `${wrongPassword.replaceAll(' ', '')}@example.com`, password: 'x' });
    const consent = await signInOn(session, page, { email, password });
    canaries.addCookies(session);
    expect(consent.text).toContain('name="shown"');
    await watched.dump();
    const away = await answerConsent(session, consent, { tools: ['list_issues'] });
    const code = canaries.add('code', new URL(away.headers.location ?? '').searchParams.get('code') ?? '');
    canaries.addCookies(session);
    await watched.dump();
    const wrong = await redeem(issuer, client, { code, verifier: newPkce().verifier });
    expect(wrong.status).toBe(400);
    tokens = (await redeem(issuer, client, { code, verifier })).json<Tokens>();
    for (const name of ['access_token', 'refresh_token', 'id_token'] as const) canaries.add(name, tokens[name]);
    await watched.dump();
    expect(watched.findings()).toEqual([]);
  });

  it('refreshes, repeats, introspects, announces, revokes, replays', async () => {
    const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    const same = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    for (const each of [next, same]) {
      canaries.add('refreshed access token', each.access_token);
      canaries.add('successor', each.refresh_token);
    }
    const credentials = basic(server.serverId, server.credential);
    expect((await postForm(issuer, '/introspect', { token: next.access_token }, credentials)).json().active).toBe(true);
    await postForm(issuer, '/introspect', { token: next.refresh_token, client_id: server.serverId, client_secret: server.credential });
    await postForm(issuer, '/introspect', { token: tokens.id_token }, basic(server.serverId, wrongPassword));
    await postJson(issuer, '/servers/hello', { library: 'canary', version: '1' }, credentials);
    await postJson(issuer, '/servers/hello', { library: 'canary', version: '1' }, basic(server.serverId, next.access_token));
    const verifier = createVerifier({
      issuer: issuer.url,
      resource: server.resource,
      credential: { id: server.serverId, secret: server.credential },
    });
    expect((await verifier.verify(`Bearer ${next.access_token}`)).allows('list_issues')).toBe(true);
    await watched.dump();
    await postForm(issuer, '/revoke', { token: next.access_token, client_id: client.clientId });
    const third = (await refresh(issuer, client, next.refresh_token)).json<Tokens>();
    canaries.add('third refresh token', third.refresh_token);
    canaries.add('third access token', third.access_token);
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(400);
    expect((await refresh(issuer, client, third.refresh_token)).status).toBe(400);
    const rotated = await rotateServerCredential(issuer.runtime, issuer.tenant, {
      serverId: server.serverId as ServerId,
      origin: operator,
    });
    if (!rotated.ok) throw new Error(rotated.problem);
    canaries.add('new server credential', rotated.credential);
    server = { ...server, credential: rotated.credential };
    await watched.dump();
    expect(watched.findings()).toEqual([]);
  });

  it('manages its registration', async () => {
    const path = `/register/${confidential.clientId}`;
    const bearer = { Authorization: `Bearer ${confidential.managementToken}`, 'Content-Type': 'application/json' };
    expect((await issuer.send({ path, headers: bearer })).status).toBe(200);
    const body = {
      client_id: confidential.clientId,
      client_name: 'Changed',
      redirect_uris: [confidential.redirectUri],
      client_secret: confidential.secret,
    };
    const put = await issuer.send({ method: 'PUT', path, headers: bearer, body: JSON.stringify(body) });
    const text = JSON.stringify({ ...body, client_secret: wrongPassword });
    await issuer.send({ method: 'PUT', path, headers: bearer, body: text });
    await issuer.send({ method: 'PUT', path, headers: { ...bearer, Authorization: `Bearer ${wrongPassword}` }, body: text });
    await postJson(issuer, '/register', {
      ...body,
      client_secret: wrongPassword,
      registration_access_token: wrongPassword,
      jwks: { keys: [] },
    });
    const renewed = put.json().client_secret;
    if (typeof renewed === 'string') canaries.add('renewed client secret', renewed);
    await watched.dump();
    expect((await issuer.send({ method: 'DELETE', path, headers: bearer })).status).toBe(204);
    await watched.dump();
    expect(watched.findings()).toEqual([]);
  });

  it('looks at its account, changes its password, signs out in both ways', async () => {
    const page = await session.get(`${issuer.url}/account/password`);
    expect(page.status).toBe(200);
    await submit(session, page, { current: wrongPassword, password: newPassword });
    await submit(session, page, { current: password, password: 'short' });
    const changed = await submit(session, await session.get(`${issuer.url}/account/password`), {
      current: password,
      password: newPassword,
    });
    expect(changed.status).toBe(303);
    await watched.dump();
    const out = await session.get(authorizationOut({ id_token_hint: tokens.id_token ?? '', client_id: client.clientId }));
    for (const [name, value] of readForms(out.text)[0]?.fields ?? []) if (name === 'xsrf') canaries.add('sign-out token', value);
    await watched.dump();
    await submit(session, await session.get(`${issuer.url}/account/sign-out`), {});
    const again = new Browser(issuer.origin);
    const signedIn = await submit(again, await again.get(`${issuer.url}/account`), { email, password: newPassword });
    expect(signedIn.status).toBe(303);
    await watched.dump();
    const asked = await again.get(`${issuer.url}/logout`);
    await submit(again, asked, { logout: 'yes' });
    await watched.dump();
    expect(watched.findings()).toEqual([]);
  });

  it('makes an API key for herself, and one acts as a service account; they are used, replaced, exchanged, revoked', async () => {
    const browser = new Browser(issuer.origin);
    await signInOn(browser, await browser.get(`${issuer.url}/account`), { email, password: newPassword });
    canaries.addCookies(browser);
    const told = (page: RawResponse) => canaries.add('API key', /tgk_\w+/.exec(page.text)?.[0]);
    const page = await browser.get(`${issuer.url}/account/keys/new?server=${server.serverId}`);
    apiKey = told(await submit(browser, page, { name: 'Of a canary', tool: 'list_issues', do: 'save' }));
    const { id } = await issuer.runtime.store.apiKey.findFirstOrThrow({ where: { userId } });
    const other = await makeApiKey(issuer, { server, tools: ['list_issues'] });
    canaries.add('API key of an account', other.secret);
    const credential = { id: server.serverId, secret: server.credential };
    const verifier = createVerifier({ issuer: issuer.url, resource: server.resource, credential });
    expect((await verifier.verify(`Bearer ${apiKey}`)).tools).toEqual(['list_issues']);
    const exchanged = await askToken(issuer, { clientId: id, secret: apiKey });
    canaries.add('token of a key', exchanged.json<Tokens>().access_token);
    await askToken(issuer, { clientId: other.id, secret: apiKey });
    await watched.dump();
    const next = told(await submit(browser, await browser.get(`${issuer.url}/account/keys/${id}/replace`), {}));
    await postForm(issuer, '/revoke', { token: next }, basic(id, next));
    await postForm(issuer, '/introspect', { token: next }, basic(server.serverId, server.credential));
    await browser.get(`${issuer.url}/account`);
    await watched.dump();
    expect(watched.findings()).toEqual([]);
  });

  it('is sent to every place where a secret does not belong', async () => {
    const secrets = [apiKey, tokens.access_token, tokens.refresh_token, newPassword, confidential.secret ?? '', server.credential];
    for (const secret of secrets) {
      const inUrl = encodeURIComponent(secret);
      const paths = [
        `/token?code=${inUrl}&client_secret=${inUrl}`,
        `/authorize?client_id=${inUrl}&access_token=${inUrl}&redirect_uri=${inUrl}&state=${inUrl}&id_token_hint=${inUrl}`,
        `/authorize?client_id=${client.clientId}&redirect_uri=${inUrl}&login_hint=${inUrl}`,
        `/authorize/${inUrl}`,
        `/interaction/${inUrl}`,
        `/register/${inUrl}`,
        `/link/${inUrl}`,
        `/status/${inUrl}`,
        `/selections/${inUrl}`,
        `/account/consents/${inUrl}`,
        `/account/consents/${inUrl}/revoke?token=${inUrl}`,
        `/account/keys/${inUrl}/revoke`,
        `/account/keys/new?server=${inUrl}`,
        `/widen?consent=${inUrl}&tool=${inUrl}`,
        `/assets/${inUrl}`,
        `/${inUrl}`,
        `//${inUrl}/${inUrl}`,
        `/logout?id_token_hint=${inUrl}&post_logout_redirect_uri=${inUrl}&state=${inUrl}`,
        `/jwks?${inUrl}`,
      ];
      const headers = {
        Authorization: `Bearer ${secret}`,
        Cookie: `toolgrant-session-root=${inUrl}; toolgrant-form-root=${inUrl}; toolgrant-known-root=${inUrl}; ${inUrl}`,
        Referer: `https://client.example/?code=${inUrl}`,
        'User-Agent': secret,
        'X-Request-Id': secret,
        'X-Forwarded-For': secret,
        'X-Toolgrant': secret,
      };
      for (const path of paths) {
        for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) await issuer.send({ method, path, headers });
      }
      const form = {
        client_id: secret,
        code: secret,
        grant_type: secret,
        token: secret,
        scope: secret,
        resource: secret,
        redirect_uri: secret,
      };
      for (const path of ['/token', '/revoke', '/introspect', '/logout/confirm', '/sign-in', '/account/password']) {
        await postForm(issuer, path, form);
        await postForm(issuer, path, { ...form, client_id: [secret, secret] });
        await postForm(issuer, path, { ...form, client_id: client.clientId, grant_type: 'refresh_token', refresh_token: secret });
        await postForm(issuer, path, { ...form, client_id: client.clientId, grant_type: 'authorization_code', code_verifier: secret });
        await postJson(issuer, path, form, headers);
      }
      await postJson(issuer, '/register', {
        redirect_uris: [secret, `https://x.example/?${inUrl}`],
        logo_uri: secret,
        scope: secret,
        client_secret: secret,
      });
      await postJson(issuer, '/servers/hello', { library: secret.slice(0, 90), version: secret }, basic(secret, secret));
    }
    await watched.dump();
    expect(watched.findings()).toEqual([]);
  });
});

function authorizationOut(parameters: Record<string, string>): string {
  return `${issuer.url}/logout?${new URLSearchParams(parameters)}`;
}

describe('the search itself', () => {
  it('finds what is there, in each place and spelling', async () => {
    const present = new Canaries();
    present.add('a client’s id', client.clientId);
    expect(present.findIn(await dumpDatabase(issuer.database.ownerUrl))).not.toEqual([]);
    const secret = 'a secret/with+characters=that-change';
    present.add('secret', secret);
    const bytes = Buffer.from(secret);
    for (const text of [secret, encodeURIComponent(secret), bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')]) {
      expect(present.findIn(`before ${text} after`)).not.toEqual([]);
    }
    expect(issuer.log.some((line) => line.includes('"message":"request"'))).toBe(true);
    expect(canaries.size).toBeGreaterThan(30);
  });
});
