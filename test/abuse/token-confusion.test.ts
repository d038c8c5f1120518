/** Each secret opens the one door that it was made for: tried at every other. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createVerifier } from '../../src/resource-server/index.ts';
import { issueLink } from '../../src/services/issue-link.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  authorize,
  basic,
  connect,
  isActive,
  newPkce,
  postForm,
  postJson,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { Browser } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;
let confidential: TestClient;
let tokens: Tokens;
/** Every kind of secret that this issuer makes, all of them good. */
let secrets: Record<string, string>;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
  confidential = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
  const connected = await connect(issuer, { client, person, server, scope: 'openid email tools' });
  tokens = connected;
  const unused = await authorize(issuer, { client, person, server });
  const link = await issueLink(issuer.runtime, issuer.tenant, {
    purpose: 'password-reset',
    userId: person.userId,
    origin: { actorType: 'operator' },
  });
  const pending = new Browser(issuer.origin);
  await pending.get(authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge }));
  secrets = {
    'access token': tokens.access_token,
    'refresh token': tokens.refresh_token,
    'ID token': tokens.id_token ?? '',
    code: unused.code,
    verifier: unused.verifier,
    'status list': (await issuer.send({ path: '/status/0' })).text,
    'client secret': confidential.secret ?? '',
    'management token': client.managementToken,
    'server credential': server.credential,
    'session cookie': connected.browser.cookies.get('toolgrant-session-root')?.value ?? '',
    'interaction cookie': pending.cookies.get('toolgrant-interaction-root')?.value ?? '',
    'form cookie': connected.browser.cookies.get('toolgrant-form-root')?.value ?? '',
    link: link.ok ? (link.link.url.split('/').at(-1) ?? '') : '',
    'client id': client.clientId,
    password: person.password,
  };
  for (const [kind, secret] of Object.entries(secrets)) if (secret === '') throw new Error(`no ${kind}`);
});
afterAll(() => issuer.stop());

/** All secrets but those of some kinds. */
function allBut(...kinds: string[]): [string, string][] {
  return Object.entries(secrets).filter(([kind]) => !kinds.includes(kind));
}

describe('ABUSE-51: none is accepted as', () => {
  it('a refresh token', async () => {
    for (const [kind, secret] of allBut('refresh token')) {
      const answer = await refresh(issuer, client, secret);
      expect([kind, answer.status, answer.json().error]).toEqual([kind, 400, 'invalid_grant']);
    }
  });

  it('a code', async () => {
    for (const [kind, secret] of allBut('code')) {
      const answer = await redeem(issuer, client, { code: secret, verifier: secrets['verifier'] ?? '' });
      expect([kind, answer.status, answer.json().error]).toEqual([kind, 400, 'invalid_grant']);
    }
  });

  it('an access token: by introspection, and by the library with its real issuer', async () => {
    const verifier = createVerifier({ issuer: issuer.url, resource: server.resource });
    for (const [kind, secret] of allBut('access token')) {
      expect([kind, await isActive(issuer, server, secret)]).toEqual([kind, false]);
      const refused = verifier.verify(`Bearer ${secret}`).then(
        () => 'accepted',
        (error: { code: string }) => error.code,
      );
      expect([kind, await refused]).toEqual([kind, expect.stringMatching(/^invalid_token$|^missing_token$/)]);
    }
  });

  it('a management token', async () => {
    for (const [kind, secret] of allBut('management token')) {
      const answer = await issuer.send({ path: `/register/${client.clientId}`, headers: { Authorization: `Bearer ${secret}` } });
      expect([kind, answer.status]).toEqual([kind, 401]);
    }
    // Nor is it one for another client.
    const path = `/register/${confidential.clientId}`;
    expect((await issuer.send({ path, headers: { Authorization: `Bearer ${client.managementToken}` } })).status).toBe(401);
  });

  it('a client secret, or a server’s credential', async () => {
    for (const [kind, secret] of allBut('client secret')) {
      const answer = await refresh(issuer, confidential, 'x', { client_secret: secret });
      expect([kind, answer.status]).toEqual([kind, 401]);
    }
    for (const [kind, secret] of allBut('server credential')) {
      const answer = await postForm(issuer, '/introspect', {
        token: tokens.access_token,
        client_id: server.serverId,
        client_secret: secret,
      });
      expect([kind, answer.status]).toEqual([kind, 401]);
      const hello = await postJson(issuer, '/servers/hello', { library: 'x', version: '1' }, basic(server.serverId, secret));
      expect([kind, hello.status]).toEqual([kind, 401]);
    }
  });

  it('a session', async () => {
    for (const [kind, secret] of allBut('session cookie')) {
      const page = await issuer.send({
        path: '/account',
        headers: { Accept: 'text/html', Cookie: `toolgrant-session-root=${encodeURIComponent(secret)}` },
      });
      expect([kind, page.status, page.text.includes('name="password"')]).toEqual([kind, 200, true]);
    }
  });

  it('an interaction, or the way back from one', async () => {
    for (const [kind, secret] of allBut('interaction cookie')) {
      if (!/^[\w-]{1,100}$/.test(secret)) continue;
      for (const [cookie, path] of [
        ['interaction', '/interaction'],
        ['resume', '/authorize'],
      ]) {
        const answer = await issuer.send({
          path: `${path}/${secret}`,
          headers: { Accept: 'text/html', Cookie: `toolgrant-${cookie}-root=${secret}` },
        });
        expect([kind, answer.status, answer.headers['location']]).toEqual([kind, 400, undefined]);
      }
    }
  });

  it('a one-time link', async () => {
    for (const [kind, secret] of allBut('link')) {
      expect([kind, (await issuer.send({ path: `/link/${encodeURIComponent(secret)}` })).status]).toEqual([kind, 404]);
    }
  });

  it('an ID token that hints at who signs out or in', async () => {
    for (const [kind, secret] of allBut('ID token')) {
      const out = await issuer.send({ path: `/logout?id_token_hint=${encodeURIComponent(secret)}`, headers: { Accept: 'text/html' } });
      expect([kind, out.status, out.headers['location']]).toEqual([kind, 400, undefined]);
      const url = authorizationUrl(issuer, client, {
        resource: server.resource,
        code_challenge: newPkce().challenge,
        scope: 'openid tools',
        id_token_hint: secret,
      });
      const refused = await new Browser(issuer.origin).get(url);
      expect([kind, refused.status, refused.headers['location']]).toEqual([kind, 400, undefined]);
      expect(refused.text).toContain('invalid_request');
    }
  });

  it('and each still opens its own door', async () => {
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
    const code = { code: secrets['code'] ?? '', verifier: secrets['verifier'] ?? '' };
    expect((await redeem(issuer, client, code)).status).toBe(200);
    expect((await issuer.send({ path: `/link/${secrets['link']}` })).status).toBe(200);
  });
});
