/** Requests of machine clients go a short way; whatever changes meanwhile must count as much as on the long one. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId, ServerId } from '../../src/domain/ids.ts';
import { assignTools } from '../../src/services/assign-tools.ts';
import { blockClient } from '../../src/services/block-client.ts';
import { quarantineClient } from '../../src/services/judge-client.ts';
import { overrideToolRisk } from '../../src/services/override-tool-risk.ts';
import { type PreparedMachineRequest, prepareMachineRequest, settleMachineRequest } from '../../src/services/prepare-machine-request.ts';
import { removeServer } from '../../src/services/remove-server.ts';
import { revokeAccessToken } from '../../src/services/revoke-token.ts';
import { setServiceAccountStanding } from '../../src/services/service-accounts.ts';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { askToken, makeMachine, type TestMachine } from '../support/machine.ts';
import { moveTime } from '../support/moved-time.ts';
import { claimsOf, isActive, type Tokens } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let second: TestIssuer;

beforeAll(async () => {
  issuer = await startIssuer();
  second = await startIssuer({ beside: issuer });
});
afterAll(async () => {
  await second.stop();
  await issuer.stop();
});

const origin = { actorType: 'operator' } as const;
const choiceOn = ({ serverId }: TestServer, tools: string[]) => ({
  serverId: serverId as ServerId,
  tools,
  resources: false,
  prompts: false,
});

interface Scene {
  server: TestServer;
  machine: TestMachine;
  /** Its first token, which took the status index. */
  token: string;
}

async function setScene(): Promise<Scene> {
  const server = await issuer.addServer();
  const machine = await makeMachine(issuer, { assigned: { server, tools: ['list_issues', 'create_issue'] } });
  const first = await askToken(issuer, machine, { resource: server.resource });
  return { server, machine, token: first.json<Tokens>().access_token };
}

function prepare({ server, machine }: Scene, requestedScope?: string): Promise<PreparedMachineRequest | undefined> {
  return prepareMachineRequest(issuer.runtime, issuer.tenant, {
    clientId: machine.clientId as ClientId,
    resource: server.resource,
    requestedScope,
  });
}

describe('what goes the short way', () => {
  it('is a request after the first, and says the same as the long way did', async () => {
    const scene = await setScene();
    const prepared = await prepare(scene);
    const { scope, status } = claimsOf(scene.token);
    expect(prepared?.grant).toMatchObject({
      scope,
      subject: scene.machine.serviceAccountId,
      status: (status as { status_list: object }).status_list,
    });
    const again = (await askToken(issuer, scene.machine, { resource: scene.server.resource })).json<Tokens>();
    const differ = { iat: expect.any(Number), exp: expect.any(Number), jti: expect.any(String) };
    expect(claimsOf(again.access_token)).toEqual({ ...claimsOf(scene.token), ...differ });
    expect(claimsOf(again.access_token).jti).not.toBe(claimsOf(scene.token).jti);
    expect((await prepare(scene, 'tools.read'))?.grant.scope).toBe('tool:list_issues');
  });

  it('is not the first, nor one with nothing granted, nor anybody else’s, nor the first after a while', async () => {
    const server = await issuer.addServer();
    const machine = await makeMachine(issuer, { assigned: { server, tools: ['list_issues'] } });
    expect(await prepare({ server, machine, token: '' })).toBeUndefined();
    const scene = await setScene();
    expect(await prepare(scene, 'tool:delete_issue')).toBeUndefined();
    for (const clientId of ['cli_nobody', 'key_nobody', scene.server.serverId, 'a\0b', '', scene.machine.serviceAccountId]) {
      expect(await prepare({ ...scene, machine: { ...scene.machine, clientId } })).toBeUndefined();
    }
    for (const resource of [server.resource, 'https://nobody.example/mcp', 'mcp', 'a\0b']) {
      expect(await prepare({ ...scene, server: { ...scene.server, resource } })).toBeUndefined();
    }
    const time = moveTime();
    try {
      time.forward(601);
      expect(await prepare(scene)).toBeUndefined();
      expect((await askToken(issuer, scene.machine, { resource: scene.server.resource })).status).toBe(200);
      expect(await prepare(scene)).toBeDefined();
    } finally {
      time.restore();
    }
  });

  it('ABUSE-44: proves nothing: a wrong secret is refused as ever, and leaves no event', async () => {
    const scene = await setScene();
    const where = { type: 'token.issued', clientId: scene.machine.clientId };
    const before = await issuer.runtime.store.auditEvent.count({ where });
    const answer = await askToken(issuer, { ...scene.machine, secret: 'wrong' }, { resource: scene.server.resource });
    expect([answer.status, answer.json().error]).toEqual([401, 'invalid_client']);
    expect(await issuer.runtime.store.auditEvent.count({ where })).toBe(before);
  });
});

describe('what changes between the look and the event', () => {
  const changes: [string, (scene: Scene) => Promise<unknown>][] = [
    [
      'another assignment',
      ({ server, machine: { serviceAccountId } }) =>
        assignTools(issuer.runtime, issuer.tenant, { serviceAccountId, choice: choiceOn(server, ['list_issues']), origin }),
    ],
    [
      'no assignment',
      ({ server, machine: { serviceAccountId } }) =>
        assignTools(issuer.runtime, issuer.tenant, { serviceAccountId, choice: choiceOn(server, []), origin }),
    ],
    [
      'the account disabled',
      ({ machine: { serviceAccountId: id } }) => setServiceAccountStanding(issuer.runtime, issuer.tenant, { id, isDisabled: true, origin }),
    ],
    ['a block', ({ machine }) => blockClient(issuer.runtime, issuer.tenant, { clientId: machine.clientId as ClientId, origin })],
    ['a quarantine', ({ machine }) => quarantineClient(issuer.runtime, issuer.tenant, { clientId: machine.clientId as ClientId, origin })],
    [
      'a riskier tool',
      ({ server }) =>
        overrideToolRisk(issuer.runtime, issuer.tenant, {
          serverId: server.serverId as ServerId,
          tool: 'create_issue',
          override: { risk: 'destructive', openWorld: true },
          origin,
        }),
    ],
    [
      'the end of the server',
      ({ server }) => removeServer(issuer.runtime, issuer.tenant, { serverId: server.serverId as ServerId, origin }),
    ],
    [
      'a revocation',
      ({ machine, token }) => {
        const { idx } = (claimsOf(token).status as { status_list: { idx: number } }).status_list;
        const status = { list: 0, index: idx };
        return revokeAccessToken(issuer.runtime, issuer.tenant, { clientId: machine.clientId as ClientId, status, origin });
      },
    ],
  ];

  it.each(changes)('ABUSE-61: %s: nothing is recorded, and the token that there was has ended', async (_name, change) => {
    const scene = await setScene();
    const prepared = await prepare(scene);
    if (!prepared) throw new Error('it does not go the short way');
    await change(scene);
    const { store } = issuer.runtime;
    const before = await store.auditEvent.count();
    expect(await settleMachineRequest(issuer.runtime, issuer.tenant, { prepared, origin })).toBe(false);
    expect(await store.auditEvent.count()).toBe(before);
    const { list, index } = prepared.status;
    const entry = await store.statusEntry.findUnique({ where: { tenantId_list_index: { tenantId: issuer.tenant.id, list, index } } });
    expect(entry?.invalidAt).toBeInstanceOf(Date);
  });
});

describe('many at once, on two instances', () => {
  it('ABUSE-75, ABUSE-84: as many events as tokens, and no token outlives a change that was committed', async () => {
    const scene = await setScene();
    const { server, machine } = scene;
    const ask = (at: TestIssuer) => askToken(at, machine, { resource: server.resource });
    const store = issuer.runtime.store;
    const where = { type: 'token.issued', clientId: machine.clientId };
    const before = await store.auditEvent.count({ where });
    const asking = Promise.all(Array.from({ length: 60 }, (_, n) => ask(n % 2 === 0 ? issuer : second)));
    const narrowed = assignTools(second.runtime, second.tenant, {
      serviceAccountId: machine.serviceAccountId,
      choice: choiceOn(server, ['list_issues']),
      origin,
    });
    const [answers] = await Promise.all([asking, narrowed]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await store.auditEvent.count({ where })).toBe(before + 60);
    for (const answer of answers) {
      const { access_token: token, scope } = answer.json<Tokens>();
      // What was made for the wider assignment has ended; what counts says what stands.
      expect([scope, await isActive(second, server, token)]).toEqual([scope, scope === 'tool:list_issues']);
    }
  });
});
