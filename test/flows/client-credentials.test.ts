import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId, ServerId } from '../../src/domain/ids.ts';
import { createVerifier } from '../../src/resource-server/index.ts';
import { assignTools } from '../../src/services/assign-tools.ts';
import { removeServer } from '../../src/services/remove-server.ts';
import { setServiceAccountStanding } from '../../src/services/service-accounts.ts';
import { byAssertion, makeClientKey, signAssertion } from '../support/client-assertion.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { askToken, makeMachine, type TestMachine } from '../support/machine.ts';
import { basic, claimsOf, isActive, postForm, type Tokens } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let server: TestServer;
let machine: TestMachine;

beforeAll(async () => {
  issuer = await startIssuer();
  server = await issuer.addServer();
  machine = await makeMachine(issuer, { assigned: { server, tools: ['list_issues', 'create_issue'], resources: true } });
});
afterAll(() => issuer.stop());

const origin = { actorType: 'operator' } as const;
const resourceOf = (of: TestServer) => ({ resource: of.resource });

async function tokenOf(by: Pick<TestMachine, 'clientId' | 'secret'>, parameters: Record<string, string> = resourceOf(server)) {
  const answer = await askToken(issuer, by, parameters);
  if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.text}`);
  return answer.json<Tokens>();
}

describe('client credentials', () => {
  it('ENG-34, MCP-41, MCP-20, MCP-27: gives an at+jwt that names the service account, with a status, without consent and refresh token', async () => {
    const answer = await askToken(issuer, machine, resourceOf(server));
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    const { access_token: token, ...rest } = answer.json<Tokens>();
    const scope = 'tool:create_issue tool:list_issues resources';
    expect(rest).toEqual({ token_type: 'Bearer', expires_in: 900, scope });
    const { iat, exp, jti, ...claims } = claimsOf(token);
    expect(claims).toEqual({
      iss: issuer.url,
      aud: server.resource,
      sub: machine.serviceAccountId,
      client_id: machine.clientId,
      scope,
      status: { status_list: { idx: expect.any(Number), uri: `${issuer.url}/status/0` } },
    });
    expect([Number(exp) - Number(iat), typeof jti]).toEqual([900, 'string']);
    const access = await createVerifier({ issuer: issuer.url, resource: server.resource }).verify(`Bearer ${token}`);
    expect([access.tools, access.subject, access.consentId]).toEqual([
      ['create_issue', 'list_issues'],
      machine.serviceAccountId,
      undefined,
    ]);
  });

  it('MCP-41: takes client_secret_post, and private_key_jwt with the client id in the assertion alone', async () => {
    const assigned = { server, tools: ['list_issues'] };
    const poster = await makeMachine(issuer, { assigned, authMethod: 'client_secret_post' });
    const body = { grant_type: 'client_credentials', resource: server.resource };
    const posted = await postForm(issuer, '/token', { ...body, client_id: poster.clientId, client_secret: poster.secret });
    expect(posted.json()).toMatchObject({ scope: 'tool:list_issues' });
    const key = await makeClientKey();
    const signer = await makeMachine(issuer, { assigned, authMethod: 'private_key_jwt', jwks: { keys: [key.publicJwk] } });
    for (const aud of [issuer.url, `${issuer.url}/token`]) {
      const assertion = await signAssertion({ clientId: signer.clientId, issuer: aud, key });
      const signed = await postForm(issuer, '/token', { ...body, ...byAssertion(assertion) });
      expect(signed.json()).toMatchObject({ scope: 'tool:list_issues', token_type: 'Bearer' });
      // ABUSE-45: each assertion is used once.
      expect((await postForm(issuer, '/token', { ...body, ...byAssertion(assertion) })).json()).toMatchObject({ error: 'invalid_client' });
    }
  });

  it.each([
    ['tools', 'tool:create_issue tool:list_issues'],
    ['tools.read', 'tool:list_issues'],
    ['tool:create_issue', 'tool:create_issue'],
    ['  tool:list_issues  tool:nothing resources', 'tool:list_issues resources'],
    ['resources', 'resources'],
    ['openid offline_access', 'tool:create_issue tool:list_issues resources'],
    ['', 'tool:create_issue tool:list_issues resources'],
  ])('narrows what is assigned to the scope %j', async (scope, granted) => {
    expect((await tokenOf(machine, { ...resourceOf(server), scope })).scope).toBe(granted);
  });

  it('MCP-21: takes the resource in another spelling, and writes the registered one', async () => {
    const resource = server.resource.replace('https://', 'HTTPS://');
    expect(claimsOf((await tokenOf(machine, { resource })).access_token).aud).toBe(server.resource);
  });

  it('MCP-21: without a resource, means the only server on which it is assigned anything', async () => {
    expect(claimsOf((await tokenOf(machine, {})).access_token).aud).toBe(server.resource);
    const other = await issuer.addServer();
    const two = await makeMachine(issuer, { assigned: { server, tools: ['list_issues'] } });
    const choice = { serverId: other.serverId as ServerId, tools: ['list_issues'], resources: false, prompts: false };
    await assignTools(issuer.runtime, issuer.tenant, { serviceAccountId: two.serviceAccountId, choice, origin });
    const answer = await askToken(issuer, two);
    expect([answer.status, answer.json().error]).toEqual([400, 'invalid_target']);
  });

  it('a selection that is too large to list has a document', async () => {
    const names = Array.from({ length: 400 }, (_, index) => `read_a_rather_long_thing_${index}`);
    const many = await issuer.addServer(names.map((name) => toolNamed(name)));
    const reader = await makeMachine(issuer, { assigned: { server: many, tools: names } });
    const token = (await tokenOf(reader, resourceOf(many))).access_token;
    expect(claimsOf(token)).toMatchObject({ scope: 'tools.listed', selection: expect.stringMatching(/^[\w-]{43}$/) });
    const access = await createVerifier({ issuer: issuer.url, resource: many.resource }).verify(`Bearer ${token}`);
    expect(access.tools.length).toBe(400);
  });

  it('ABUSE-75: each token leaves its event, in the transaction that made it', async () => {
    const { store } = issuer.runtime;
    const where = { type: 'token.issued', clientId: machine.clientId };
    const before = await store.auditEvent.count({ where });
    await tokenOf(machine);
    await askToken(issuer, machine, { ...resourceOf(server), scope: 'tool:delete_issue' });
    expect(await store.auditEvent.count({ where })).toBe(before + 1);
    const event = await store.auditEvent.findFirstOrThrow({ where, orderBy: { at: 'desc' } });
    expect(event).toMatchObject({
      actorType: 'client',
      actorId: machine.clientId,
      userId: machine.serviceAccountId,
      serverId: server.serverId,
      consentId: null,
      outcome: 'success',
      detail: { tools: 2, grant: 'client_credentials' },
    });
  });

  it('the metadata names the grant', async () => {
    const metadata = (await issuer.send({ path: '/.well-known/oauth-authorization-server' })).json();
    expect(metadata.grant_types_supported).toContain('client_credentials');
  });
});

describe('a machine asks for too much', () => {
  it('ABUSE-62: with nothing assigned it gets nothing, at any server', async () => {
    const bare = await makeMachine(issuer);
    for (const parameters of [{}, resourceOf(server), { ...resourceOf(server), scope: 'tools' }]) {
      const answer = await askToken(issuer, bare, parameters);
      expect([answer.status, answer.json().error]).toEqual([400, 'invalid_target']);
    }
  });

  it('ABUSE-62: a scope that is not assigned is not granted, alone or beside one that is', async () => {
    for (const scope of ['tool:delete_issue', 'prompts', 'tool:%zz', 'catalogue', 'tools.listed', 'tool:LIST_ISSUES', 'admin']) {
      const answer = await askToken(issuer, machine, { ...resourceOf(server), scope });
      expect([scope, answer.status, answer.json().error]).toEqual([scope, 400, 'invalid_scope']);
    }
    const beside = await tokenOf(machine, { ...resourceOf(server), scope: 'tool:list_issues tool:delete_issue prompts' });
    expect(beside.scope).toBe('tool:list_issues');
  });

  it('ABUSE-59: an unknown, relative or fragment resource, several, and a server that it has nothing to do with', async () => {
    const other = await issuer.addServer();
    const resources = [
      'https://nobody.example/mcp',
      '/mcp',
      'mcp',
      `${server.resource}#x`,
      '',
      [server.resource, other.resource],
      other.resource,
    ];
    for (const resource of resources) {
      const answer = await askToken(issuer, machine, { resource });
      // An empty parameter is as good as none (RFC 6749 §3.2).
      if (resource === '') expect(answer.status).toBe(200);
      else expect([resource, answer.status, answer.json().error]).toEqual([resource, 400, 'invalid_target']);
    }
  });

  it('ABUSE-44: a wrong secret, none, another method, two at once, and a secret in the query', async () => {
    const body = { grant_type: 'client_credentials', resource: server.resource };
    const { clientId, secret } = machine;
    const wrong = [
      await askToken(issuer, { clientId, secret: 'wrong' }),
      await postForm(issuer, '/token', { ...body, client_id: clientId }),
      await postForm(issuer, `/token?client_id=${clientId}&client_secret=${secret}`, body),
      await postForm(issuer, '/token', { ...body, client_id: clientId, client_secret: secret }, basic(clientId, secret)),
      await askToken(issuer, { clientId: machine.serviceAccountId, secret }),
      await askToken(issuer, { clientId: server.serverId, secret: server.credential }),
    ];
    expect(wrong.map(({ status }) => status)).toEqual([401, 401, 400, 400, 401, 400]);
    for (const answer of wrong) expect(answer.text).not.toContain('access_token');
  });

  it('ABUSE-9, ENG-16: who registers itself gets no such grant', async () => {
    const metadata = {
      client_name: 'Sly',
      redirect_uris: ['https://sly.example/cb'],
      grant_types: ['authorization_code', 'client_credentials'],
    };
    const headers = { 'Content-Type': 'application/json' };
    const registered = await issuer.send({ method: 'POST', path: '/register', headers, body: JSON.stringify(metadata) });
    const { client_id: clientId, client_secret: secret, grant_types: grants } = registered.json();
    expect(grants).toEqual(['authorization_code']);
    const answer = await askToken(issuer, { clientId: String(clientId), secret: String(secret) }, resourceOf(server));
    expect([answer.status, answer.json().error]).toEqual([400, 'invalid_request']);
  });

  it('ABUSE-19: a machine sends nobody to sign in', async () => {
    const query = new URLSearchParams({ response_type: 'code', client_id: machine.clientId, redirect_uri: 'https://sly.example/cb' });
    const answer = await issuer.send({ path: `/authorize?${query}` });
    expect([answer.status, answer.headers.location]).toEqual([400, undefined]);
  });

  it('ABUSE-67: a machine of one tenant is nobody at another', async () => {
    const away = await issuer.addTenant('away');
    await away.addServer(undefined, server.resource);
    const answer = await askToken(away, machine, resourceOf(server));
    expect([answer.status, answer.json().error]).toEqual([401, 'invalid_client']);
  });
});

describe('what ends the tokens of a machine', () => {
  async function make() {
    const own = await issuer.addServer();
    const by = await makeMachine(issuer, { assigned: { server: own, tools: ['list_issues', 'create_issue'] } });
    const { access_token: token } = await tokenOf(by, resourceOf(own));
    expect(await isActive(issuer, own, token)).toBe(true);
    return { own, by, token };
  }

  it('ABUSE-61: another assignment; the next token is what it may do now', async () => {
    const { own, by, token } = await make();
    const choice = { serverId: own.serverId as ServerId, tools: ['delete_issue'], resources: false, prompts: false };
    await assignTools(issuer.runtime, issuer.tenant, { serviceAccountId: by.serviceAccountId, choice, origin });
    expect(await isActive(issuer, own, token)).toBe(false);
    const next = await tokenOf(by, resourceOf(own));
    expect(next.scope).toBe('tool:delete_issue');
    expect(await isActive(issuer, own, next.access_token)).toBe(true);
    await assignTools(issuer.runtime, issuer.tenant, { serviceAccountId: by.serviceAccountId, choice: { ...choice, tools: [] }, origin });
    expect(await isActive(issuer, own, next.access_token)).toBe(false);
    expect((await askToken(issuer, by, resourceOf(own))).json().error).toBe('invalid_target');
  });

  it('ABUSE-61: another assignment on one server ends no token for another: each has a status index of its own', async () => {
    const { own, by, token } = await make();
    const other = await issuer.addServer();
    const choice = { serverId: other.serverId as ServerId, tools: ['list_issues'], resources: false, prompts: false };
    const assign = (tools: string[]) =>
      assignTools(issuer.runtime, issuer.tenant, { serviceAccountId: by.serviceAccountId, choice: { ...choice, tools }, origin });
    await assign(['list_issues']);
    const { access_token: elsewhere } = await tokenOf(by, resourceOf(other));
    expect(claimsOf(elsewhere).status).not.toEqual(claimsOf(token).status);
    await assign(['create_issue']);
    expect([await isActive(issuer, other, elsewhere), await isActive(issuer, own, token)]).toEqual([false, true]);
  });

  it('ABUSE-61: a service account that is disabled, until it is enabled', async () => {
    const { own, by, token } = await make();
    const standing = (isDisabled: boolean) =>
      setServiceAccountStanding(issuer.runtime, issuer.tenant, { id: by.serviceAccountId, isDisabled, origin });
    await standing(true);
    expect(await isActive(issuer, own, token)).toBe(false);
    const refused = await askToken(issuer, by, resourceOf(own));
    expect([refused.status, refused.json().error]).toEqual([400, 'unauthorized_client']);
    await standing(false);
    expect(await isActive(issuer, own, token)).toBe(false);
    expect(await isActive(issuer, own, (await tokenOf(by, resourceOf(own))).access_token)).toBe(true);
  });

  it('ABUSE-61, ABUSE-84: a block, a quarantine, and the removal of its client', async () => {
    const { blockClient, unblockClient } = await import('../../src/services/block-client.ts');
    const { quarantineClient } = await import('../../src/services/judge-client.ts');
    const { removeClient } = await import('../../src/services/remove-client.ts');
    const { own, by, token } = await make();
    const about = { clientId: by.clientId as ClientId, origin };
    await quarantineClient(issuer.runtime, issuer.tenant, about);
    expect(await isActive(issuer, own, token)).toBe(false);
    const quiet = await tokenOf(by, resourceOf(own));
    expect(quiet.scope).toBe('tool:list_issues');
    await blockClient(issuer.runtime, issuer.tenant, about);
    expect(await isActive(issuer, own, quiet.access_token)).toBe(false);
    expect((await askToken(issuer, by, resourceOf(own))).json()).toMatchObject({ error: 'invalid_client' });
    await unblockClient(issuer.runtime, issuer.tenant, about);
    const again = await tokenOf(by, resourceOf(own));
    await removeClient(issuer.runtime, issuer.tenant, about);
    expect(await isActive(issuer, own, again.access_token)).toBe(false);
    expect((await askToken(issuer, by, resourceOf(own))).status).toBe(401);
    expect(await issuer.runtime.store.serviceAccount.count({ where: { id: by.serviceAccountId } })).toBe(0);
  });

  it('ABUSE-61: a tool that became riskier, and the end of the server', async () => {
    const { keepTools } = await import('../../src/store/tools.ts');
    const { overrideToolRisk } = await import('../../src/services/override-tool-risk.ts');
    const { own, by, token } = await make();
    const serverId = own.serverId as ServerId;
    const override = { risk: 'destructive', openWorld: true } as const;
    await overrideToolRisk(issuer.runtime, issuer.tenant, { serverId, tool: 'create_issue', override, origin });
    expect(await isActive(issuer, own, token)).toBe(false);
    const next = await tokenOf(by, resourceOf(own));
    expect(next.scope).toBe('tool:list_issues');
    await keepTools(issuer.runtime.store, issuer.tenant.id, serverId, [toolNamed('list_issues', 'write')]);
    expect((await askToken(issuer, by, resourceOf(own))).json().error).toBe('invalid_scope');
    await removeServer(issuer.runtime, issuer.tenant, { serverId, origin });
    expect((await askToken(issuer, by, resourceOf(own))).json().error).toBe('invalid_target');
    const status = claimsOf(next.access_token).status as { status_list: { idx: number } };
    const entry = await issuer.runtime.store.statusEntry.findFirst({
      where: { tenantId: issuer.tenant.id, index: status.status_list.idx },
    });
    expect(entry?.invalidAt).toBeInstanceOf(Date);
  });

  it('ABUSE-53: itself by revocation, and nobody else', async () => {
    const { own, by, token } = await make();
    const stranger = await makeMachine(issuer, { assigned: { server: own, tools: ['list_issues'] } });
    for (const other of [stranger, { clientId: own.serverId, secret: own.credential }]) {
      const answer = await postForm(issuer, '/revoke', { token }, basic(other.clientId, other.secret));
      expect([answer.status, answer.text]).toEqual([200, '']);
    }
    expect(await isActive(issuer, own, token)).toBe(true);
    expect((await postForm(issuer, '/revoke', { token }, basic(by.clientId, by.secret))).status).toBe(200);
    expect(await isActive(issuer, own, token)).toBe(false);
    const event = await issuer.runtime.store.auditEvent.findFirstOrThrow({ where: { type: 'token.revoked', clientId: by.clientId } });
    expect(event).toMatchObject({ userId: by.serviceAccountId, serverId: own.serverId });
    expect(await isActive(issuer, own, (await tokenOf(by, resourceOf(own))).access_token)).toBe(true);
  });

  it('ABUSE-52, ENG-15: introspection tells the server of the token alone', async () => {
    const { own, by, token } = await make();
    const told = await postForm(issuer, '/introspect', { token }, basic(own.serverId, own.credential));
    expect(told.json()).toMatchObject({ active: true, sub: by.serviceAccountId, client_id: by.clientId, aud: own.resource });
    expect(told.json()).not.toHaveProperty('consent');
    for (const [id, secret] of [
      [server.serverId, server.credential],
      [by.clientId, by.secret],
    ] as const) {
      expect((await postForm(issuer, '/introspect', { token }, basic(id, secret))).text).toBe('{"active":false}');
    }
  });
});

describe('tokens at the same time', () => {
  it('20 requests that come at once share one status index, and nothing fails', async () => {
    const own = await issuer.addServer();
    const by = await makeMachine(issuer, { assigned: { server: own, tools: ['list_issues'] } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => askToken(issuer, by, resourceOf(own))));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    const indices = answers.map((answer) => JSON.stringify(claimsOf(answer.json<Tokens>().access_token).status));
    expect(new Set(indices).size).toBe(1);
  });
});
