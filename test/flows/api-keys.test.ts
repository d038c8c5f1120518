import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiKeyId, ServerId, ServiceAccountId, UserId } from '../../src/domain/ids.ts';
import { createVerifier } from '../../src/resource-server/index.ts';
import { assignTools } from '../../src/services/assign-tools.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { enableUser } from '../../src/services/enable-user.ts';
import { endAllConsents } from '../../src/services/end-all-consents.ts';
import { revokeApiKey, rotateApiKey } from '../../src/services/manage-api-keys.ts';
import { overrideToolRisk } from '../../src/services/override-tool-risk.ts';
import { setServiceAccountStanding } from '../../src/services/service-accounts.ts';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { askToken, makeApiKey, makeMachine } from '../support/machine.ts';
import { moveTime } from '../support/moved-time.ts';
import { basic, claimsOf, isActive, postForm, type Tokens } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  server = await issuer.addServer();
});
afterAll(() => issuer.stop());

const origin = { actorType: 'operator' } as const;
const inactive = '{"active":false}';
const some = { tools: ['list_issues', 'create_issue'] };

function introspect(token: string, by: TestServer = server, parameters: Record<string, string> = {}) {
  return postForm(issuer, '/introspect', { token, ...parameters }, basic(by.serverId, by.credential));
}

describe('an API key at introspection', () => {
  it('ABUSE-63: is told to its server, by its credential, as a token whose client it is itself', async () => {
    const key = await makeApiKey(issuer, { server, ...some, resources: true });
    const answer = await introspect(key.secret);
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    const { iat, exp, ...told } = answer.json();
    expect(told).toEqual({
      active: true,
      iss: issuer.url,
      aud: server.resource,
      sub: key.subject,
      client_id: key.id,
      jti: key.id,
      token_type: 'Bearer',
      scope: 'tool:create_issue tool:list_issues resources',
    });
    expect(Number(exp) - Number(iat)).toBe(86_400);
    const { serverId, credential } = server;
    const posted = await postForm(issuer, '/introspect', { token: key.secret, client_id: serverId, client_secret: credential });
    expect(posted.json()).toEqual(answer.json());
  });

  it('a person’s key acts as her', async () => {
    const { userId } = await issuer.addPerson();
    const key = await makeApiKey(issuer, { server, tools: ['list_issues'], owner: { userId } });
    expect((await introspect(key.secret)).json()).toMatchObject({ active: true, sub: userId, scope: 'tool:list_issues' });
  });

  it('lists every tool, however many', async () => {
    const { toolNamed } = await import('../support/consent-scene.ts');
    const names = Array.from({ length: 400 }, (_, index) => `read_a_rather_long_thing_${index}`);
    const many = await issuer.addServer(names.map((name) => toolNamed(name)));
    const key = await makeApiKey(issuer, { server: many, tools: names });
    const verifier = createVerifier({ issuer: issuer.url, resource: many.resource, credential: `${many.serverId}:${many.credential}` });
    expect((await verifier.verify(`Bearer ${key.secret}`)).tools.length).toBe(400);
  });

  it('notes its use, with an event, once in ten minutes', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const uses = () => issuer.runtime.store.auditEvent.findMany({ where: { type: 'api-key.used', apiKeyId: key.id } });
    const time = moveTime();
    try {
      for (let times = 0; times < 3; times += 1) await introspect(key.secret);
      expect(await uses()).toMatchObject([
        { actorType: 'server', actorId: server.serverId, userId: key.subject, serverId: server.serverId },
      ]);
      time.forward(601);
      await Promise.all([introspect(key.secret), introspect(key.secret)]);
      expect((await uses()).length).toBe(2);
      const row = await issuer.runtime.store.apiKey.findFirstOrThrow({ where: { id: key.id } });
      expect(Math.abs(Date.now() - (row.lastUsedAt?.getTime() ?? 0))).toBeLessThan(60_000);
    } finally {
      time.restore();
    }
  });
});

describe('whoever is not the key’s server', () => {
  it('ABUSE-52, ABUSE-63: another server, a machine client, the key itself learn nothing; nobody at all gets 401', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const other = await issuer.addServer();
    const machine = await makeMachine(issuer, { assigned: { server, ...some } });
    const callers = [basic(other.serverId, other.credential), basic(machine.clientId, machine.secret), basic(key.id, key.secret)];
    for (const caller of callers) expect((await postForm(issuer, '/introspect', { token: key.secret }, caller)).text).toBe(inactive);
    const nobody = [
      {},
      basic(server.serverId, 'wrong'),
      { Authorization: `Bearer ${key.secret}` },
      basic('srv_nobody', 'x'),
      basic(key.id, 'x'),
    ];
    for (const caller of nobody) expect((await postForm(issuer, '/introspect', { token: key.secret }, caller)).status).toBe(401);
  });

  it('ABUSE-63, ABUSE-67: a key of one tenant is unknown at another', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const away = await issuer.addTenant('away-keys');
    const there = await away.addServer(undefined, server.resource);
    const answer = await postForm(away, '/introspect', { token: key.secret }, basic(there.serverId, there.credential));
    expect(answer.text).toBe(inactive);
    expect((await askToken(away, { clientId: key.id, secret: key.secret })).status).toBe(401);
  });

  it('ABUSE-52: what only looks like a key is as unknown as noise', async () => {
    const { id, secret } = await makeApiKey(issuer, { server, ...some });
    const row = await issuer.runtime.store.apiKey.findFirstOrThrow({ where: { id } });
    const others = [
      id,
      row.digest,
      secret.slice(0, -1),
      `${secret}x`,
      secret.toLowerCase(),
      secret.replace('tgk_', 'tgk-'),
      'tgk_',
      'tgk_\0',
    ];
    for (const token of others) expect([token, (await introspect(token)).text]).toEqual([token, inactive]);
  });
});

describe('what ends or narrows a key, as introspection tells it at once', () => {
  const scopeOf = async (secret: string) => (await introspect(secret)).json().scope;

  it('ABUSE-63: revocation, and time', async () => {
    const key = await makeApiKey(issuer, { server, ...some, lifetimeSeconds: 3_600 });
    const short = await makeApiKey(issuer, { server, ...some, lifetimeSeconds: 3_600 });
    await revokeApiKey(issuer.runtime, issuer.tenant, { id: key.id as ApiKeyId, reason: 'revoked-by-admin', origin });
    expect((await introspect(key.secret)).text).toBe(inactive);
    const time = moveTime();
    try {
      time.forward(3_599);
      expect((await introspect(short.secret)).json().active).toBe(true);
      time.forward(2);
      expect((await introspect(short.secret)).text).toBe(inactive);
      expect((await askToken(issuer, { clientId: short.id, secret: short.secret })).status).toBe(401);
    } finally {
      time.restore();
    }
  });

  it('ABUSE-61: its person is disabled, until she is enabled', async () => {
    const { userId } = await issuer.addPerson();
    const key = await makeApiKey(issuer, { server, ...some, owner: { userId } });
    await disableUser(issuer.runtime, issuer.tenant, { userId, origin });
    expect((await introspect(key.secret)).text).toBe(inactive);
    expect((await askToken(issuer, { clientId: key.id, secret: key.secret })).status).toBe(401);
    await enableUser(issuer.runtime, issuer.tenant, { userId, origin });
    expect((await introspect(key.secret)).json().active).toBe(true);
  });

  it('ABUSE-61: its service account is disabled, or assigned less; and is never assigned more than the key was made for', async () => {
    const own = await issuer.addServer();
    const key = await makeApiKey(issuer, { server: own, ...some });
    const serviceAccountId = key.subject as ServiceAccountId;
    const told = async () => (await introspect(key.secret, own)).json();
    const assign = (tools: string[]) => {
      const choice = { serverId: own.serverId as ServerId, tools, resources: true, prompts: true };
      return assignTools(issuer.runtime, issuer.tenant, { serviceAccountId, choice, origin });
    };
    await assign(['list_issues', 'delete_issue']);
    expect((await told()).scope).toBe('tool:list_issues');
    const nothing = { serverId: own.serverId as ServerId, tools: [], resources: false, prompts: false };
    await assignTools(issuer.runtime, issuer.tenant, { serviceAccountId, choice: nothing, origin });
    expect(await told()).toMatchObject({ active: true, scope: '' });
    await assign(['create_issue', 'delete_issue', 'list_issues']);
    expect((await told()).scope).toBe('tool:create_issue tool:list_issues');
    await setServiceAccountStanding(issuer.runtime, issuer.tenant, { id: serviceAccountId, isDisabled: true, origin });
    expect(await told()).toEqual({ active: false });
    await setServiceAccountStanding(issuer.runtime, issuer.tenant, { id: serviceAccountId, isDisabled: false, origin });
    expect((await told()).active).toBe(true);
  });

  it('ABUSE-61: a tool that became riskier or is gone', async () => {
    const { applyCatalogue } = await import('../../src/services/apply-catalogue.ts');
    const { transact } = await import('../../src/store/client.ts');
    const own = await issuer.addServer();
    const serverId = own.serverId as ServerId;
    const key = await makeApiKey(issuer, { server: own, ...some });
    expect((await introspect(key.secret, own)).json().scope).toBe('tool:create_issue tool:list_issues');
    const override = { risk: 'destructive', openWorld: false } as const;
    await overrideToolRisk(issuer.runtime, issuer.tenant, { serverId, tool: 'create_issue', override, origin });
    expect((await introspect(key.secret, own)).json().scope).toBe('tool:list_issues');
    await transact(issuer.runtime.store, (db) => applyCatalogue(issuer.runtime, db, { tenant: issuer.tenant, serverId, read: [], origin }));
    expect((await introspect(key.secret, own)).json()).toMatchObject({ active: true, scope: '' });
  });

  it('rotation: the old key works for the overlap and no longer; there are never more than two', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const rotate = (overlapSeconds: number) =>
      rotateApiKey(issuer.runtime, issuer.tenant, { id: key.id as ApiKeyId, overlapSeconds, origin });
    const time = moveTime();
    try {
      const second = await rotate(3_600);
      if (!second.ok) throw new Error(second.problem);
      for (const secret of [key.secret, second.secret]) expect(await scopeOf(secret)).toBe('tool:create_issue tool:list_issues');
      const lives = await Promise.all(
        [key.secret, second.secret].map(async (secret) => (await introspect(secret)).json<{ iat: number; exp: number }>()),
      );
      const row = await issuer.runtime.store.apiKey.findFirstOrThrow({ where: { id: key.id } });
      const inSeconds = (at: Date | null) => Math.floor((at?.getTime() ?? Number.NaN) / 1_000);
      expect(lives.map(({ exp }) => exp)).toEqual([inSeconds(row.previousUntil), inSeconds(row.expiresAt)]);
      expect((lives[0]?.iat ?? 0) <= (lives[1]?.iat ?? 0)).toBe(true);
      time.forward(3_601);
      expect((await introspect(key.secret)).text).toBe(inactive);
      const third = await rotate(3_600);
      const fourth = await rotate(0);
      if (!third.ok || !fourth.ok) throw new Error('not rotated');
      const standing = await Promise.all([second, third, fourth].map(async ({ secret }) => (await introspect(secret)).json().active));
      expect(standing).toEqual([false, false, true]);
      expect(fourth.key.expiresAt.getTime() - Date.now()).toBeGreaterThan(86_000_000);
    } finally {
      time.restore();
    }
    await revokeApiKey(issuer.runtime, issuer.tenant, { id: key.id as ApiKeyId, reason: 'revoked-by-admin', origin });
    expect(await rotate(0)).toEqual({ ok: false, problem: 'revoked' });
  });

  it('after a restore, all keys of the tenant end', async () => {
    const tenant = await issuer.addTenant('restored');
    const there = await tenant.addServer();
    const key = await makeApiKey(tenant, { server: there, ...some });
    await endAllConsents(tenant.runtime, tenant.tenant, { origin });
    expect((await postForm(tenant, '/introspect', { token: key.secret }, basic(there.serverId, there.credential))).text).toBe(inactive);
  });
});

describe('an API key that is exchanged at /token', () => {
  it('ABUSE-63: gives a short-lived at+jwt of its owner, with a status index of its own', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const answer = await askToken(issuer, { clientId: key.id, secret: key.secret });
    expect(answer.status).toBe(200);
    const { access_token: token, ...rest } = answer.json<Tokens>();
    expect(rest).toEqual({ token_type: 'Bearer', expires_in: 900, scope: 'tool:create_issue tool:list_issues' });
    expect(claimsOf(token)).toMatchObject({ aud: server.resource, sub: key.subject, client_id: key.id });
    expect(claimsOf(token)).not.toHaveProperty('consent');
    const access = await createVerifier({ issuer: issuer.url, resource: server.resource }).verify(`Bearer ${token}`);
    expect([access.clientId, access.tools]).toEqual([key.id, ['create_issue', 'list_issues']]);
    const again = claimsOf((await askToken(issuer, { clientId: key.id, secret: key.secret })).json<Tokens>().access_token);
    expect(again.status).toEqual(claimsOf(token).status);
    const event = await issuer.runtime.store.auditEvent.findFirstOrThrow({ where: { type: 'token.issued', apiKeyId: key.id } });
    expect(event).toMatchObject({ userId: key.subject, serverId: server.serverId, actorType: 'client', actorId: key.id });
  });

  it('takes the key in the body as well, the one before while it works, and a narrower scope', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const body = { grant_type: 'client_credentials', client_id: key.id, client_secret: key.secret, scope: 'tools.read' };
    expect((await postForm(issuer, '/token', body)).json()).toMatchObject({ scope: 'tool:list_issues' });
    const rotated = await rotateApiKey(issuer.runtime, issuer.tenant, { id: key.id as ApiKeyId, overlapSeconds: 60, origin });
    if (!rotated.ok) throw new Error(rotated.problem);
    for (const secret of [key.secret, rotated.secret]) expect((await askToken(issuer, { clientId: key.id, secret })).status).toBe(200);
  });

  it('ABUSE-59, ABUSE-62, ABUSE-63: not for another server, nor for what it was not made for, nor for another key’s id', async () => {
    const other = await issuer.addServer();
    const key = await makeApiKey(issuer, { server, ...some });
    const foreign = await makeApiKey(issuer, { server: other, ...some });
    const { id: clientId, secret } = key;
    const refused = [
      await askToken(issuer, { clientId, secret }, { resource: other.resource }),
      await askToken(issuer, { clientId, secret }, { scope: 'tool:delete_issue' }),
      await askToken(issuer, { clientId: foreign.id, secret }),
      await askToken(issuer, { clientId, secret: foreign.secret }),
      await askToken(issuer, { clientId: 'key_nobody', secret }),
      await postForm(issuer, '/token', { grant_type: 'refresh_token', refresh_token: secret }, basic(clientId, secret)),
    ];
    expect(refused.map((answer) => answer.json().error)).toEqual([
      'invalid_target',
      'invalid_scope',
      'invalid_client',
      'invalid_client',
      'invalid_client',
      'invalid_request',
    ]);
    const query = new URLSearchParams({ response_type: 'code', client_id: clientId, redirect_uri: 'https://a.example/cb' });
    expect((await issuer.send({ path: `/authorize?${query}` })).status).toBe(400);
  });

  it('ABUSE-61: its tokens end with the key, its owner, its tools, and its server, as introspection and status list say', async () => {
    const ends: [string, (key: { id: string; subject: string }, own: TestServer) => Promise<unknown>][] = [
      ['revoked', ({ id }) => revokeApiKey(issuer.runtime, issuer.tenant, { id: id as ApiKeyId, reason: 'revoked-by-admin', origin })],
      ['rotated at once', ({ id }) => rotateApiKey(issuer.runtime, issuer.tenant, { id: id as ApiKeyId, overlapSeconds: 0, origin })],
      [
        'owner disabled',
        ({ subject }) =>
          setServiceAccountStanding(issuer.runtime, issuer.tenant, { id: subject as ServiceAccountId, isDisabled: true, origin }),
      ],
      [
        'assigned less',
        ({ subject }, own) =>
          assignTools(issuer.runtime, issuer.tenant, {
            serviceAccountId: subject as ServiceAccountId,
            choice: { serverId: own.serverId as ServerId, tools: ['list_issues'], resources: false, prompts: false },
            origin,
          }),
      ],
    ];
    for (const [name, end] of ends) {
      const own = await issuer.addServer();
      const key = await makeApiKey(issuer, { server: own, ...some });
      const { access_token: token } = (await askToken(issuer, { clientId: key.id, secret: key.secret })).json<Tokens>();
      expect([name, await isActive(issuer, own, token)]).toEqual([name, true]);
      await end(key, own);
      expect([name, await isActive(issuer, own, token)]).toEqual([name, false]);
      const { idx } = (claimsOf(token).status as { status_list: { idx: number } }).status_list;
      expect(await issuer.runtime.store.statusEntry.findFirst({ where: { tenantId: issuer.tenant.id, index: idx } })).toMatchObject({
        installationId: key.id,
        invalidAt: expect.any(Date),
      });
    }
    const { userId } = await issuer.addPerson();
    const key = await makeApiKey(issuer, { server, ...some, owner: { userId: userId as UserId } });
    const { access_token: token } = (await askToken(issuer, { clientId: key.id, secret: key.secret })).json<Tokens>();
    await disableUser(issuer.runtime, issuer.tenant, { userId, origin });
    expect(await isActive(issuer, server, token)).toBe(false);
  });

  it('lives no longer than the key', async () => {
    const key = await makeApiKey(issuer, { server, ...some, lifetimeSeconds: 120 });
    const answer = (await askToken(issuer, { clientId: key.id, secret: key.secret })).json<Tokens>();
    expect(answer.expires_in).toBeLessThanOrEqual(120);
    expect(answer.expires_in).toBeGreaterThan(60);
  });
});

describe('revocation (RFC 7009)', () => {
  it('ABUSE-53: a key by itself, and by the client that acts as the same account; with the tokens it was exchanged for', async () => {
    const machine = await makeMachine(issuer, { assigned: { server, ...some } });
    const owner = { serviceAccountId: machine.serviceAccountId };
    for (const by of ['itself', 'its account’s client'] as const) {
      const key = await makeApiKey(issuer, { server, ...some, owner });
      const { access_token: token } = (await askToken(issuer, { clientId: key.id, secret: key.secret })).json<Tokens>();
      const caller = by === 'itself' ? basic(key.id, key.secret) : basic(machine.clientId, machine.secret);
      const answer = await postForm(issuer, '/revoke', { token: key.secret }, caller);
      expect([by, answer.status, answer.text]).toEqual([by, 200, '']);
      expect((await introspect(key.secret)).text).toBe(inactive);
      expect(await isActive(issuer, server, token)).toBe(false);
      const event = await issuer.runtime.store.auditEvent.findFirstOrThrow({ where: { type: 'api-key.revoked', apiKeyId: key.id } });
      expect(event.detail).toEqual({ reason: 'revoked-by-client' });
    }
  });

  it('ABUSE-53: a token of a key by the key; which goes on', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const { access_token: token } = (await askToken(issuer, { clientId: key.id, secret: key.secret })).json<Tokens>();
    await postForm(issuer, '/revoke', { token }, basic(key.id, key.secret));
    expect(await isActive(issuer, server, token)).toBe(false);
    expect((await introspect(key.secret)).json().active).toBe(true);
  });

  it('ABUSE-53: by another client, another key, a server: no effect, and nothing is said; an unknown one is 200', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const stranger = await makeApiKey(issuer, { server, ...some });
    const machine = await makeMachine(issuer, { assigned: { server, ...some } });
    const { access_token: token } = (await askToken(issuer, { clientId: key.id, secret: key.secret })).json<Tokens>();
    const callers = [
      basic(stranger.id, stranger.secret),
      basic(machine.clientId, machine.secret),
      basic(server.serverId, server.credential),
    ];
    for (const caller of callers) {
      for (const shown of [key.secret, token, 'tgk_unknown']) {
        const answer = await postForm(issuer, '/revoke', { token: shown }, caller);
        expect([answer.status, answer.text]).toEqual([200, '']);
      }
    }
    expect((await postForm(issuer, '/revoke', { token: key.secret, client_id: key.id })).status).toBe(401);
    expect((await introspect(key.secret)).json().active).toBe(true);
    expect(await isActive(issuer, server, token)).toBe(true);
  });
});
