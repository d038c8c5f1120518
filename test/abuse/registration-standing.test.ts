import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { neverAllowedSeconds } from '../../src/domain/client-use.ts';
import type { ServerId } from '../../src/domain/ids.ts';
import { reapClients } from '../../src/services/reap-clients.ts';
import { removeServer } from '../../src/services/remove-server.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
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
  type Tokens,
} from '../support/oauth-client.ts';
import { answerConsent, Browser, readForms, signInOn } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(() => issuer.stop());

function manage(method: string, client: TestClient, body?: object, token = client.managementToken): Promise<RawResponse> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  return issuer.send({ method, path: `/register/${client.clientId}`, headers, ...(body && { body: JSON.stringify(body) }) });
}

function changeOf(client: TestClient, members: object = {}): object {
  return { client_id: client.clientId, redirect_uris: [client.redirectUri], token_endpoint_auth_method: 'none', ...members };
}

function countEvents(client: TestClient, type: string): Promise<number> {
  return issuer.runtime.store.auditEvent.count({ where: { clientId: client.clientId, type } });
}

async function block(client: TestClient): Promise<void> {
  await issuer.runtime.store.client.updateMany({ where: { id: client.clientId }, data: { blockedAt: new Date() } });
}

/** A consent page, opened and not yet answered. */
async function openConsent(client: TestClient, { resource } = server): Promise<{ browser: Browser; page: RawResponse; verifier: string }> {
  const browser = new Browser(issuer.origin);
  const { verifier, challenge } = newPkce();
  const url = authorizationUrl(issuer, client, { resource, code_challenge: challenge });
  const page = await signInOn(browser, await browser.follow(await browser.get(url)), person);
  expect(readForms(page.text).some(({ boxes }) => boxes.length > 0)).toBe(true);
  return { browser, page, verifier };
}

describe('management by somebody else', () => {
  it.each([
    ['no header', undefined],
    ['an empty token', 'Bearer '],
    ['a token of another scheme', 'Basic x'],
    ['a token of 4 KB', `Bearer ${'a'.repeat(4_096)}`],
    ['a token with NUL spelled out', 'Bearer a%00b'],
    ['the name of a member', 'Bearer __proto__'],
  ])('ABUSE-11: with %s is 401', async (_, authorization) => {
    const client = await registerTestClient(issuer);
    const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
    for (const method of ['GET', 'DELETE']) {
      const response = await issuer.send({ method, path: `/register/${client.clientId}`, headers });
      expect(response.status).toBe(401);
      expect(response.headers['www-authenticate']).toMatch(/^Bearer realm="[^"]+", error="invalid_token"$/);
      expect(response.headers['cache-control']).toBe('no-store');
    }
    expect((await manage('GET', client)).status).toBe(200);
  });

  it('ABUSE-11: by another client’s token, secret or access token is the same 401 as for a client that is not there', async () => {
    const [own, other] = [
      await registerTestClient(issuer),
      await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' }),
    ];
    const { access_token, refresh_token } = await connect(issuer, { client: own, person, server });
    const absent = { ...own, clientId: 'cli_AAAAAAAAAAAAAAAAAAAA' };
    const unknown = (await manage('GET', absent)).text;
    for (const token of [other.managementToken, other.secret, access_token, refresh_token, server.credential, own.clientId]) {
      for (const [method, body] of [['GET'], ['PUT', changeOf(own, { client_name: 'Taken' })], ['DELETE']] as const) {
        const response = await manage(method, own, body, token);
        expect(response.status).toBe(401);
        expect(response.text).toBe(unknown);
      }
    }
    expect((await manage('GET', own)).json()).toEqual(own.registration);
    expect(await isActive(issuer, server, access_token)).toBe(true);
  });

  it('ABUSE-11: nobody takes over another client by naming it in the body', async () => {
    const [own, other] = [await registerTestClient(issuer), await registerTestClient(issuer)];
    expect((await manage('PUT', other, changeOf(own, { client_name: 'Taken' }))).status).toBe(400);
    expect((await manage('GET', own)).json()).toEqual(own.registration);
  });

  it('ABUSE-11: a management token is no access token, and opens no other endpoint', async () => {
    const client = await registerTestClient(issuer);
    expect(await isActive(issuer, server, client.managementToken)).toBe(false);
    expect((await refresh(issuer, client, client.managementToken)).json()).toMatchObject({ error: 'invalid_grant' });
  });

  it('ABUSE-8: a change makes a client no more than a client', async () => {
    const client = await registerTestClient(issuer);
    const members = { kind: 'manual', tenantId: 'other', demo: true, trusted: true, blockedAt: '2000-01-01', secretDigest: 'x' };
    expect((await manage('PUT', client, changeOf(client, members))).status).toBe(200);
    const row = await issuer.runtime.store.client.findFirst({ where: { id: client.clientId } });
    expect(row).toMatchObject({ tenantId: 'root', kind: 'dynamic', demo: false, blockedAt: null, secretDigest: null });
  });
});

describe('a blocked client', () => {
  it('gets nothing: no page, no code, no token', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client, person, server });
    const unused = await authorize(issuer, { client, person, server });
    const open = await openConsent(client);
    await block(client);

    for (const response of [await refresh(issuer, client, tokens.refresh_token), await redeem(issuer, client, unused)]) {
      expect(response.status).toBe(400);
      expect(response.json()).toMatchObject({ error: 'invalid_grant' });
    }
    const answered = await answerConsent(open.browser, open.page, {});
    expect(answered.status).toBe(403);
    expect(answered.headers['location']).toBeUndefined();
    const url = authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge });
    const again = await open.browser.follow(await open.browser.get(url));
    expect(again.status).toBe(403);
    expect(again.headers['location']).toBeUndefined();
  });

  it('can neither read, change nor remove what it was blocked as', async () => {
    const client = await registerTestClient(issuer);
    await block(client);
    for (const [method, body] of [['GET'], ['PUT', changeOf(client)], ['DELETE']] as const) {
      const response = await manage(method, client, body);
      expect(response.status).toBe(403);
      expect(response.json()).toMatchObject({ error: 'access_denied' });
    }
    const row = await issuer.runtime.store.client.findFirst({ where: { id: client.clientId } });
    expect(row?.blockedAt).toBeInstanceOf(Date);
    expect(await countEvents(client, 'client.removed')).toBe(0);
  });
});

describe('a client that was removed', () => {
  it('ABUSE-19, MCP-25: is unknown everywhere: a page without redirect, 401 for its code and its tokens', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client, person, server });
    const unused = await authorize(issuer, { client, person, server });
    const open = await openConsent(client);
    expect((await manage('DELETE', client)).status).toBe(204);

    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    for (const response of [await refresh(issuer, client, tokens.refresh_token), await redeem(issuer, client, unused)]) {
      expect(response.status).toBe(401);
      expect(response.json()).toMatchObject({ error: 'invalid_client' });
      expect(response.headers['www-authenticate']).toBeDefined();
    }
    const answered = await answerConsent(open.browser, open.page, {});
    expect(answered.status).toBe(400);
    expect(answered.headers['location']).toBeUndefined();
    const url = authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge });
    const page = await open.browser.get(url);
    expect(page.status).toBe(400);
    expect(page.headers['location']).toBeUndefined();
    expect(page.text).toContain('id is not accepted here');
  });

  it('a redirect URI that was taken away while the person decides gets no code', async () => {
    const client = await registerTestClient(issuer);
    const open = await openConsent(client);
    expect((await manage('PUT', client, changeOf(client, { redirect_uris: ['https://elsewhere.example/cb'] }))).status).toBe(200);
    const answered = await answerConsent(open.browser, open.page, {});
    expect(answered.status).toBe(400);
    expect(answered.headers['location']).toBeUndefined();
  });
});

describe('at the same time', () => {
  const rounds = [1, 2, 3, 4];

  it('changes and removals end in one removal, and no answer is a 500', async () => {
    for (const _ of rounds) {
      const client = await registerTestClient(issuer);
      const answers = await Promise.all([
        manage('PUT', client, changeOf(client)),
        manage('DELETE', client),
        manage('PUT', client, changeOf(client)),
        manage('DELETE', client),
        manage('GET', client),
      ]);
      const [, firstRemoval, , secondRemoval] = answers.map(({ status }) => status);
      expect([firstRemoval, secondRemoval].sort()).toEqual([204, 401]);
      for (const { status } of answers) expect([200, 204, 401]).toContain(status);
      expect(await countEvents(client, 'client.removed')).toBe(1);
      expect(await issuer.runtime.store.client.count({ where: { id: client.clientId } })).toBe(0);
      const updates = answers.filter(({ status }, index) => status === 200 && index !== 4).length;
      expect(await countEvents(client, 'client.updated')).toBe(updates);
    }
  });

  it('ENG-3: of several changes that ask for a secret one is told it, and that one works', async () => {
    const client = await registerTestClient(issuer);
    const change = changeOf(client, { token_endpoint_auth_method: 'client_secret_post' });
    const answers = await Promise.all(Array.from({ length: 5 }, () => manage('PUT', client, change)));
    const secrets = answers.flatMap((answer) => answer.json()['client_secret'] ?? []);
    expect(secrets).toHaveLength(1);
    const authorized = await authorize(issuer, { client, person, server });
    expect((await redeem(issuer, client, authorized, { client_secret: String(secrets[0]) })).status).toBe(200);
  });

  it('a removal and a refresh leave no token that counts', async () => {
    for (const _ of rounds) {
      const client = await registerTestClient(issuer);
      const tokens = await connect(issuer, { client, person, server });
      const [refreshed, removed] = await Promise.all([refresh(issuer, client, tokens.refresh_token), manage('DELETE', client)]);
      expect(removed.status).toBe(204);
      expect([200, 400, 401]).toContain(refreshed.status);
      const issued = [tokens.access_token, ...(refreshed.status === 200 ? [refreshed.json<Tokens>().access_token] : [])];
      for (const token of issued) expect(await isActive(issuer, server, token)).toBe(false);
    }
  });

  it('a removal and a redeemed code leave no token that counts', async () => {
    for (const _ of rounds) {
      const client = await registerTestClient(issuer);
      const authorized = await authorize(issuer, { client, person, server });
      const [redeemed, removed] = await Promise.all([redeem(issuer, client, authorized), manage('DELETE', client)]);
      expect(removed.status).toBe(204);
      expect([200, 400, 401]).toContain(redeemed.status);
      if (redeemed.status === 200) expect(await isActive(issuer, server, redeemed.json<Tokens>().access_token)).toBe(false);
    }
  });

  it('a removal and a person’s answer leave nothing that counts', async () => {
    for (const _ of rounds) {
      const client = await registerTestClient(issuer);
      const open = await openConsent(client);
      const [answered, removed] = await Promise.all([answerConsent(open.browser, open.page, {}), manage('DELETE', client)]);
      expect(removed.status).toBe(204);
      expect([303, 400]).toContain(answered.status);
      const location = answered.headers['location'];
      const code = location === undefined ? '' : (new URL(location).searchParams.get('code') ?? '');
      expect((await redeem(issuer, client, { code, verifier: open.verifier })).status).toBe(401);
      expect(await issuer.runtime.store.consent.count({ where: { clientId: client.clientId } })).toBe(0);
    }
  });

  it('MCP-33: the clean-up and a person’s first answer: one of them comes too late', async () => {
    for (const _ of rounds) {
      const client = await registerTestClient(issuer);
      const open = await openConsent(client);
      const createdAt = new Date(Date.now() - (neverAllowedSeconds + 60) * 1_000);
      await issuer.runtime.store.client.updateMany({ where: { id: client.clientId }, data: { createdAt, reapAfter: createdAt } });
      const [answered] = await Promise.all([answerConsent(open.browser, open.page, {}), reapClients(issuer.runtime)]);
      const isLeft = (await issuer.runtime.store.client.count({ where: { id: client.clientId } })) === 1;
      expect(answered.status).toBe(isLeft ? 303 : 400);
      const code = isLeft ? (new URL(answered.headers['location'] ?? '').searchParams.get('code') ?? '') : '';
      expect((await redeem(issuer, client, { code, verifier: open.verifier })).status).toBe(isLeft ? 200 : 401);
    }
  });

  it('the removal of a server and a person’s answer leave nothing that counts either', async () => {
    const client = await registerTestClient(issuer);
    for (const _ of rounds) {
      const shortLived = await issuer.addServer();
      const open = await openConsent(client, shortLived);
      const removal = { serverId: shortLived.serverId as ServerId, origin: { actorType: 'operator' as const } };
      const [answered, removed] = await Promise.all([
        answerConsent(open.browser, open.page, {}),
        removeServer(issuer.runtime, issuer.tenant, removal),
      ]);
      expect(removed).toMatchObject({ ok: true });
      expect([303, 400]).toContain(answered.status);
      const location = answered.headers['location'];
      const code = location === undefined ? '' : (new URL(location).searchParams.get('code') ?? '');
      expect((await redeem(issuer, client, { code, verifier: open.verifier })).status).toBe(400);
      expect(await issuer.runtime.store.consent.count({ where: { serverId: shortLived.serverId } })).toBe(0);
    }
  });
});
