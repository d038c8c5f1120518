import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import type { Risk } from '../../src/domain/risk.ts';
import { createGuardedFetch, type GuardedFetch } from '../../src/platform/guarded-fetch.ts';
import { randomToken } from '../../src/platform/random.ts';
import { addServer } from '../../src/services/add-server.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { enableUser } from '../../src/services/enable-user.ts';
import { type AccessGrant, issueAccess } from '../../src/services/issue-access.ts';
import { findServerByName } from '../../src/services/list-servers.ts';
import { overrideToolRisk } from '../../src/services/override-tool-risk.ts';
import { prepareConsent } from '../../src/services/prepare-consent.ts';
import { DemoConflict, demoAccount, prepareDemo } from '../../src/services/prepare-demo.ts';
import { recordConsent } from '../../src/services/record-consent.ts';
import { removeDemo } from '../../src/services/remove-demo.ts';
import { removeServer } from '../../src/services/remove-server.ts';
import type { Origin } from '../../src/services/runtime.ts';
import { signIn } from '../../src/services/sign-in.ts';
import { syncCatalogue } from '../../src/services/sync-catalogue.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { transact } from '../../src/store/client.ts';
import { isIndexInvalid } from '../../src/store/status.ts';
import { setConsentScene } from '../support/consent-scene.ts';
import { type RawMcpServer, startRawMcpServer } from '../support/raw-mcp-server.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

const origin: Origin = { actorType: 'operator' };
const reading = { readOnlyHint: true, openWorldHint: false };
const writing = { destructiveHint: false, openWorldHint: false };

let t: TestRuntime;
let fetch: GuardedFetch;
beforeAll(async () => {
  t = await createTestRuntime();
  fetch = createGuardedFetch({ profile: 'admin', issuerIsLoopback: true });
});
afterAll(async () => {
  await fetch.close();
  await t.end();
});

interface ListedTool {
  name: string;
  description?: string;
  annotations: object;
}

let raw: RawMcpServer;
let tools: ListedTool[];
let serverId: Awaited<ReturnType<typeof addTracker>>;
let userId: UserId;
let grantId: string;
beforeEach(async () => {
  tools = [
    { name: 'list_issues', annotations: reading },
    { name: 'create_issue', annotations: writing },
  ];
  raw = await startRawMcpServer({ listTools: () => ({ tools: tools.map((tool) => ({ inputSchema: { type: 'object' }, ...tool })) }) });
  serverId = await addTracker();
  ({ userId, grantId } = await allowAll());
});
afterEach(() => raw.stop());

async function addTracker() {
  const outcome = await addServer(t.runtime, t.tenant, { resource: raw.resource, name: 'Tracker', fetch, origin });
  if (!outcome.ok) throw new Error(outcome.problem.kind);
  return outcome.server.id;
}

/** Somebody allows every tool of the server to some client. */
async function allowAll() {
  const scene = await setConsentScene(t, []);
  const request = { userId: scene.userId, clientId: scene.clientId, resource: raw.resource, requestedScope: 'tools' };
  const page = await prepareConsent(t.runtime, t.tenant, request);
  if (!page.ok) throw new Error(page.failure.kind);
  const answer = {
    tickedTools: page.value.tools.map(({ tool }) => tool.name),
    resources: false,
    prompts: false,
    duration: '30d' as const,
    shownDigest: page.value.shownDigest,
  };
  const made = randomToken(16);
  const recorded = await recordConsent(t.runtime, t.tenant, { ...request, answer, grantId: made, origin });
  if (!recorded.ok) throw new Error(recorded.failure.kind);
  return { userId: scene.userId, grantId: made };
}

const issue = () => transact(t.runtime.store, (db) => issueAccess(t.runtime, db, { tenant: t.tenant, grantId, origin }));
const issued = async (): Promise<AccessGrant> => {
  const outcome = await issue();
  if (!outcome.ok) throw new Error(outcome.failure.kind);
  return outcome.value;
};
const isDead = ({ status }: AccessGrant) =>
  isIndexInvalid(t.runtime.store, t.tenant.id, { list: Number(status.uri.split('/').at(-1)), index: status.idx });
const sync = async () => {
  const outcome = await syncCatalogue(t.runtime, t.tenant, { serverId, fetch, origin });
  if (!outcome.ok) throw new Error(outcome.problem.detail);
  return outcome.change;
};
const override = (tool: string, risk: Risk | null) =>
  overrideToolRisk(t.runtime, t.tenant, { serverId, tool, override: risk && { risk, openWorld: false }, origin });
const toolNow = async (name: string) => (await findServerByName(t.runtime, t.tenant, serverId))?.tools.find((tool) => tool.name === name);

describe('reading a catalogue again', () => {
  it('that is the same changes nothing and leaves tokens alone', async () => {
    const token = await issued();
    expect(await sync()).toEqual({ tools: 2, added: [], changed: [], riskier: [], cosmetic: [], removed: [], leftOut: [] });
    expect(await isDead(token)).toBe(false);
    const [newest] = await listAuditEvents(t.runtime.store, t.tenant.id, 1);
    expect(newest?.type).toBe('token.issued');
  });

  it('in another order follows it, and leaves tokens alone', async () => {
    const token = await issued();
    tools.reverse();
    expect(await sync()).toMatchObject({ added: [], changed: [], removed: [] });
    expect(await isDead(token)).toBe(false);
    const found = await findServerByName(t.runtime, t.tenant, serverId);
    expect(found?.tools.map(({ name }) => name)).toEqual(['create_issue', 'list_issues']);
  });

  it('with a new tool gives it to nobody', async () => {
    const token = await issued();
    tools.push({ name: 'delete_issue', annotations: {} });
    expect(await sync()).toMatchObject({ added: ['delete_issue'] });
    expect(await isDead(token)).toBe(false);
    expect((await issued()).scope).toBe('tool:create_issue tool:list_issues');
  });

  it('that claims worse of a tool ends tokens, and the tool waits', async () => {
    const token = await issued();
    tools[0] = { name: 'list_issues', annotations: {} };
    expect(await sync()).toMatchObject({ changed: ['list_issues'] });
    expect(await isDead(token)).toBe(true);
    expect((await issued()).scope).toBe('tool:create_issue');
  });

  it('with other words ends tokens, so that the next ones follow what stands', async () => {
    const token = await issued();
    tools[0] = { name: 'list_issues', description: 'Lists issues.', annotations: reading };
    const before = (await toolNow('list_issues'))?.digest;
    expect(await sync()).toMatchObject({ changed: ['list_issues'] });
    expect(await isDead(token)).toBe(true);
    expect((await toolNow('list_issues'))?.digest).not.toBe(before);
  });

  it('without a tool takes it away; when it comes back it is what it was', async () => {
    const token = await issued();
    const [first] = tools.splice(0, 1);
    expect(await sync()).toMatchObject({ removed: ['list_issues'], tools: 1 });
    expect(await isDead(token)).toBe(true);
    expect((await issued()).scope).toBe('tool:create_issue');
    if (first) tools.push(first);
    expect(await sync()).toMatchObject({ added: ['list_issues'], tools: 2 });
    expect((await issued()).scope).toBe('tool:create_issue tool:list_issues');
  });

  it('that cannot be read now keeps what stands', async () => {
    const token = await issued();
    raw.behaviour.listTools = () => null;
    expect(await syncCatalogue(t.runtime, t.tenant, { serverId, fetch, origin })).toMatchObject({
      ok: false,
      problem: { reason: 'not-mcp' },
    });
    expect(await isDead(token)).toBe(false);
    expect((await issued()).scope).toBe('tool:create_issue tool:list_issues');
  });

  it('leaves no token with the old terms alive, however both race', async () => {
    for (let round = 0; round < 10; round += 1) {
      tools[0] = { name: 'list_issues', description: `Round ${round}.`, annotations: round % 2 === 0 ? {} : reading };
      const [, ...tokens] = await Promise.all([sync(), ...Array.from({ length: 4 }, issued)]);
      const now = (await issued()).scope;
      for (const token of tokens) expect(token.scope === now || (await isDead(token))).toBe(true);
    }
  });
});

describe('what an administrator says of a risk', () => {
  it('counts instead of the claim: a riskier tool waits, a milder one does not', async () => {
    const token = await issued();
    expect(await override('list_issues', 'destructive')).toMatchObject({
      ok: true,
      tool: { risk: 'destructive', override: { risk: 'destructive' } },
    });
    expect(await isDead(token)).toBe(true);
    expect((await issued()).scope).toBe('tool:create_issue');
    expect(await override('list_issues', null)).toMatchObject({ ok: true, tool: { risk: 'read', openWorld: false } });
    expect((await toolNow('list_issues'))?.override).toBeUndefined();
    expect((await issued()).scope).toBe('tool:create_issue tool:list_issues');
  });

  it('holds while the claim is no worse, and is over when it is', async () => {
    await override('create_issue', 'read');
    tools[1] = { name: 'create_issue', description: 'Other words.', annotations: writing };
    await sync();
    expect(await toolNow('create_issue')).toMatchObject({ risk: 'read', override: { risk: 'read' } });
    tools[1] = { name: 'create_issue', annotations: { openWorldHint: false } };
    await sync();
    expect(await toolNow('create_issue')).toMatchObject({ risk: 'destructive' });
    expect((await toolNow('create_issue'))?.override).toBeUndefined();
  });

  it('cannot be said of a tool that is not there', async () => {
    expect(await override('no_such_tool', 'read')).toEqual({ ok: false, problem: 'unknown-tool' });
  });
});

describe('what ends with a server or an account', () => {
  it('removing the server ends every token for it', async () => {
    const token = await issued();
    expect(await removeServer(t.runtime, t.tenant, { serverId, origin })).toEqual({ ok: true, consents: 1 });
    expect(await isDead(token)).toBe(true);
    expect(await issue()).toMatchObject({ ok: false });
  });

  it('ABUSE-35: disabling the account ends its tokens; enabling it lets them be renewed', async () => {
    const token = await issued();
    await disableUser(t.runtime, t.tenant, { userId, origin });
    expect(await isDead(token)).toBe(true);
    expect(await issue()).toEqual({ ok: false, failure: { kind: 'user-disabled' } });
    await enableUser(t.runtime, t.tenant, { userId, origin });
    const fresh = await issued();
    expect(await isDead(fresh)).toBe(false);
    expect(await isDead(token)).toBe(true);
  });

  it('ABUSE-35: no token outlives the disabling, however both race', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [, ...outcomes] = await Promise.all([
        disableUser(t.runtime, t.tenant, { userId, origin }),
        ...Array.from({ length: 4 }, issue),
      ]);
      for (const outcome of outcomes) if (outcome.ok) expect(await isDead(outcome.value)).toBe(true);
      await enableUser(t.runtime, t.tenant, { userId, origin });
    }
  });
});

describe('the demo', () => {
  const resource = 'http://localhost:4001/mcp';
  const enter = () => signIn(t.runtime, t.tenant, { ...demoAccount, origin: { actorType: 'user' } });

  it('can be prepared again and again: same rows, a new credential', async () => {
    const first = await prepareDemo(t.runtime, t.tenant, { resource, serverName: 'Tracker' });
    const second = await prepareDemo(t.runtime, t.tenant, { resource, serverName: 'Tracker' });
    expect(second.serverId).toBe(first.serverId);
    expect(second.credential).not.toBe(first.credential);
    expect(await enter()).toMatchObject({ ok: true, user: { demo: true, isAdmin: false } });
  });

  it('loses every credential when an issuer starts without it, and is back with it', async () => {
    await prepareDemo(t.runtime, t.tenant, { resource, serverName: 'Tracker' });
    expect(await removeDemo(t.runtime, t.tenant)).toBe(true);
    expect(await enter()).toEqual({ ok: false, problem: 'no-match' });
    const row = await t.runtime.store.user.findFirstOrThrow({ where: { demo: true } });
    expect(row).toMatchObject({ passwordHash: null, disabledAt: expect.any(Date) });
    await prepareDemo(t.runtime, t.tenant, { resource, serverName: 'Tracker' });
    expect(await enter()).toMatchObject({ ok: true });
  });

  it('takes over nothing that is somebody’s own', async () => {
    await expect(prepareDemo(t.runtime, t.tenant, { resource: raw.resource, serverName: 'Tracker' })).rejects.toThrow(DemoConflict);
  });
});
