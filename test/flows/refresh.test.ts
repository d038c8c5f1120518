import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sha256 } from '../../src/platform/digest.ts';
import { endConsent } from '../../src/services/end-consent.ts';
import { keepTools } from '../../src/store/tools.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import {
  claimsOf,
  connect,
  isActive,
  postForm,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';

let issuer: TestIssuer;
let second: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  second = await startIssuer({ beside: issuer });
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(async () => {
  await second.stop();
  await issuer.stop();
});

const invalidGrant = { error: 'invalid_grant' };

async function refreshed(token: string, at = issuer): Promise<Tokens> {
  const response = await refresh(at, client, token);
  expect(response.status).toBe(200);
  return response.json<Tokens>();
}

/** The refresh tokens of a family that have not been used. */
async function countLiveTokens(token: string): Promise<number> {
  const { store } = issuer.runtime;
  const row = await store.artifact.findFirst({ where: { model: 'RefreshToken', digest: sha256(token) } });
  return store.artifact.count({ where: { model: 'RefreshToken', grantId: row?.grantId ?? '', consumedAt: null } });
}

describe('rotation', () => {
  it('MCP-23, MCP-27: each refresh gives a new refresh token, and access stays what the person allowed', async () => {
    const tokens = await connect(issuer, { client, person, server, decision: { tools: ['list_issues'] } });
    const next = await refreshed(tokens.refresh_token);
    expect(next.refresh_token).not.toBe(tokens.refresh_token);
    expect(next.scope).toBe('tool:list_issues');
    const after = await refreshed(next.refresh_token);
    expect(after.refresh_token).not.toBe(next.refresh_token);
    const [first, last] = [claimsOf(tokens.access_token), claimsOf(after.access_token)];
    expect(last).toMatchObject({ aud: server.resource, sub: person.userId, consent: first.consent, auth_time: first.auth_time });
    expect(last.jti).not.toBe(first.jti);
  });

  it('ABUSE-49, MCP-23: a client whose answer got lost is served again, with the same successor', async () => {
    const { refresh_token: token } = await connect(issuer, { client, person, server });
    const lost = await refreshed(token);
    const again = await refreshed(token, second);
    expect(again.refresh_token).toBe(lost.refresh_token);
    expect(await countLiveTokens(token)).toBe(1);
    await refreshed(again.refresh_token);
  });

  it('ABUSE-48, ENG-1: 20 refreshes at once over two instances all get the same successor, and there is one', async () => {
    const { refresh_token: token } = await connect(issuer, { client, person, server });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => refresh(index % 2 ? issuer : second, client, token)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    const tokens = answers.map((answer) => answer.json<Tokens>());
    expect(new Set(tokens.map(({ refresh_token }) => refresh_token)).size).toBe(1);
    expect(await countLiveTokens(token)).toBe(1);
    for (const { access_token } of tokens) expect(await isActive(issuer, server, access_token)).toBe(true);
  });

  it('ABUSE-48, ENG-5: outside the window it is reuse, and the family dies with its access tokens; the audit trail says so', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const next = await refreshed(tokens.refresh_token);
    const time = moveTime();
    try {
      time.forward(30);
      const reuse = await refresh(second, client, tokens.refresh_token);
      expect(reuse.status).toBe(400);
      expect(reuse.json()).toMatchObject(invalidGrant);
    } finally {
      time.restore();
    }
    expect((await refresh(issuer, client, next.refresh_token)).json()).toMatchObject(invalidGrant);
    for (const { access_token } of [tokens, next]) expect(await isActive(issuer, server, access_token)).toBe(false);
    const event = await issuer.runtime.store.auditEvent.findFirst({ where: { type: 'token.refresh-reused' }, orderBy: { at: 'desc' } });
    expect(event).toMatchObject({ outcome: 'denied', clientId: client.clientId, userId: person.userId });
  });

  it('ABUSE-48: inside the window, once the successor was used, it is reuse', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const next = await refreshed(tokens.refresh_token);
    const last = await refreshed(next.refresh_token);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject(invalidGrant);
    expect((await refresh(issuer, client, last.refresh_token)).json()).toMatchObject(invalidGrant);
    expect(await isActive(issuer, server, last.access_token)).toBe(false);
  });

  it('ABUSE-48: reuse ends one installation, not the person’s others', async () => {
    const one = await connect(issuer, { client, person, server });
    const other = await connect(issuer, { client, person, server });
    const next = await refreshed(one.refresh_token);
    await refreshed(next.refresh_token);
    expect((await refresh(issuer, client, one.refresh_token)).status).toBe(400);
    expect(await isActive(issuer, server, other.access_token)).toBe(true);
    await refreshed(other.refresh_token);
  });

  it('MCP-23: with a window of 0 every repeat is reuse', async () => {
    const strict = await startIssuer({ beside: issuer, lifetimes: { refreshGraceSeconds: 0 } });
    try {
      const tokens = await connect(strict, { client, person, server });
      const next = (await refresh(strict, client, tokens.refresh_token)).json<Tokens>();
      expect((await refresh(strict, client, tokens.refresh_token)).json()).toMatchObject(invalidGrant);
      expect((await refresh(strict, client, next.refresh_token)).json()).toMatchObject(invalidGrant);
    } finally {
      await strict.stop();
    }
  });

  it('ENG-3, ABUSE-74: neither tokens nor what derives them lie in the database', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const next = await refreshed(tokens.refresh_token);
    const dump = JSON.stringify(await issuer.runtime.store.artifact.findMany());
    for (const secret of [tokens.refresh_token, next.refresh_token, tokens.code, tokens.access_token]) expect(dump).not.toContain(secret);
  });
});

describe('what a refresh may ask for', () => {
  it('ABUSE-50, ENG-28, MCP-24: repeats of what was asked or given mean nothing, a foreign name is refused, and the token stays good', async () => {
    const tokens = await connect(issuer, {
      client,
      person,
      server,
      scope: 'tools made:up offline_access',
      decision: { tools: ['list_issues'] },
    });
    let token = tokens.refresh_token;
    for (const scope of ['tools', 'tools made:up offline_access', 'tool:list_issues', ' tools  made:up ', 'tools.listed', '']) {
      const response = await refresh(issuer, client, token, { scope });
      expect(response.status).toBe(200);
      expect(response.json<Tokens>().scope).toBe('tool:list_issues');
      token = response.json<Tokens>().refresh_token;
    }
    for (const scope of ['tool:delete_issue', 'tools tool:delete_issue', 'openid', 'toolgrant', 'catalogue']) {
      const response = await refresh(issuer, client, token, { scope });
      expect(response.status).toBe(400);
      expect(response.json()).toMatchObject({ error: 'invalid_scope' });
    }
    await refreshed(token);
  });

  it('ENG-28, MCP-12: who asked for nothing by name asked for tools, and may say so afterwards', async () => {
    const { refresh_token: token } = await connect(issuer, { client, person, server });
    expect((await refresh(issuer, client, token, { scope: 'tools' })).status).toBe(200);
  });

  it('ABUSE-50, ENG-4: another resource is an invalid target, and the refresh token still works', async () => {
    const otherServer = await issuer.addServer();
    const { refresh_token: token } = await connect(issuer, { client, person, server });
    for (const resource of [
      otherServer.resource,
      'nonsense',
      [server.resource, otherServer.resource],
      [server.resource, server.resource],
    ]) {
      const response = await refresh(issuer, client, token, { resource });
      expect(response.status).toBe(400);
      expect(response.json()).toMatchObject({ error: 'invalid_target' });
    }
    const loud = server.resource.replace('https://', 'HTTPS://');
    const response = await refresh(issuer, client, token, { resource: loud });
    expect(claimsOf(response.json<Tokens>().access_token).aud).toBe(server.resource);
  });

  it('ABUSE-51: is refused to another client, and tokens of one kind are not taken for another', async () => {
    const other = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client, person, server, scope: 'openid tools' });
    expect((await refresh(issuer, other, tokens.refresh_token)).json()).toMatchObject(invalidGrant);
    for (const wrong of [tokens.access_token, tokens.id_token ?? '', tokens.code]) {
      expect((await refresh(issuer, client, wrong)).json()).toMatchObject(invalidGrant);
    }
    const asCode = await postForm(issuer, '/token', {
      grant_type: 'authorization_code',
      client_id: client.clientId,
      redirect_uri: client.redirectUri,
      code: tokens.refresh_token,
      code_verifier: tokens.verifier,
    });
    expect(asCode.json()).toMatchObject(invalidGrant);
    expect(await isActive(issuer, server, tokens.refresh_token)).toBe(false);
    expect(await isActive(issuer, server, tokens.id_token ?? '')).toBe(false);
    await refreshed(tokens.refresh_token);
  });
});

describe('what a refresh gives', () => {
  it('MCP-24, ENG-27: the consent as it stands, wider or narrower', async () => {
    const other = await issuer.addPerson();
    const tokens = await connect(issuer, { client, person: other, server, decision: { tools: ['list_issues', 'create_issue'] } });
    await connect(issuer, { client, person: other, server, browser: tokens.browser, decision: { tools: ['delete_issue', 'list_issues'] } });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    const next = await refreshed(tokens.refresh_token);
    expect(next.scope).toBe('tool:delete_issue tool:list_issues');
    expect(await isActive(issuer, server, next.access_token)).toBe(true);
  });

  it('ENG-29, MCP-22: no token outlives the consent, and one of a moment is not made', async () => {
    const other = await issuer.addPerson();
    const tokens = await connect(issuer, { client, person: other, server, decision: { duration: '1h' } });
    const time = moveTime();
    try {
      time.forward(3_600 - 300);
      const short = await refreshed(tokens.refresh_token);
      expect(short.expires_in).toBeGreaterThan(290);
      expect(short.expires_in).toBeLessThanOrEqual(300);
      const { exp, iat } = claimsOf(short.access_token);
      expect(Number(exp) - Number(iat)).toBe(short.expires_in);
      time.forward(245);
      expect((await refresh(issuer, client, short.refresh_token)).json()).toMatchObject(invalidGrant);
    } finally {
      time.restore();
    }
  });

  it('ENG-29: with nothing effective left, refresh succeeds without tools', async () => {
    const lonely = await issuer.addServer([toolNamed('look')]);
    const tokens = await connect(issuer, { client, person, server: lonely });
    expect(tokens.scope).toBe('tool:look');
    await keepTools(issuer.runtime.store, issuer.tenant.id, lonely.serverId as never, [toolNamed('look', 'destructive', { version: 2 })]);
    const next = await refreshed(tokens.refresh_token);
    expect(next.scope).toBe('');
    expect(claimsOf(next.access_token).scope).toBe('');
  });

  it('ABUSE-40: nothing, once the person ended the consent', async () => {
    const other = await issuer.addPerson();
    const tokens = await connect(issuer, { client, person: other, server });
    const consentId = claimsOf(tokens.access_token).consent as never;
    await endConsent(issuer.runtime, issuer.tenant, { consentId, reason: 'revoked-by-user', origin: { actorType: 'user' } });
    expect((await refresh(second, client, tokens.refresh_token)).json()).toMatchObject(invalidGrant);
    expect(await isActive(second, server, tokens.access_token)).toBe(false);
  });

  it('ABUSE-35: nothing, once the person was disabled or the client blocked', async () => {
    const [disabled, stays] = [await issuer.addPerson(), await issuer.addPerson()];
    const blocked = await registerTestClient(issuer);
    const first = await connect(issuer, { client, person: disabled, server });
    const second = await connect(issuer, { client: blocked, person: stays, server });
    const { store } = issuer.runtime;
    await store.user.updateMany({ where: { id: disabled.userId }, data: { disabledAt: new Date() } });
    await store.client.updateMany({ where: { id: blocked.clientId }, data: { blockedAt: new Date() } });
    expect((await refresh(issuer, client, first.refresh_token)).json()).toMatchObject(invalidGrant);
    expect((await refresh(issuer, blocked, second.refresh_token)).json()).toMatchObject(invalidGrant);
    await store.user.updateMany({ where: { id: disabled.userId }, data: { disabledAt: null } });
    expect((await refresh(issuer, client, first.refresh_token)).status).toBe(200);
  });

  it('ENG-9: a family lives on as long as it is used, to its own end, and not beyond', async () => {
    let { refresh_token: token } = await connect(issuer, { client, person, server, decision: { duration: 'until-revoked' } });
    const time = moveTime();
    try {
      for (let month = 0; month < 3; month += 1) {
        time.forward(29 * 86_400);
        token = (await refreshed(token)).refresh_token;
      }
      time.forward(3 * 86_400 - 60);
      const last = await refreshed(token);
      time.forward(120);
      expect((await refresh(issuer, client, last.refresh_token)).json()).toMatchObject(invalidGrant);
    } finally {
      time.restore();
    }
  });

  it('ENG-9: a refresh token that goes unused runs out', async () => {
    const { refresh_token: token } = await connect(issuer, { client, person, server, decision: { duration: 'until-revoked' } });
    const time = moveTime();
    try {
      time.forward(30 * 86_400);
      expect((await refresh(issuer, client, token)).json()).toMatchObject(invalidGrant);
    } finally {
      time.restore();
    }
  });
});
