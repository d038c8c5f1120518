import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type HeardTools, hearOfTools } from '../../src/services/hear-of-tools.ts';
import { overrideToolRisk } from '../../src/services/override-tool-risk.ts';
import { takeDueServer } from '../../src/services/take-due-server.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { type DriftingServer, type ListedTool, startDriftingServer } from '../support/drifting-server.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { basic } from '../support/oauth-client.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

const reading = { readOnlyHint: true, openWorldHint: false };
const look: ListedTool = { name: 'look', description: 'Looks.', annotations: reading };
const find: ListedTool = { name: 'find', annotations: reading };

describe('what a library sees its server list', () => {
  let t: TestRuntime;
  let server: DriftingServer;
  let time: MovedTime;
  beforeAll(async () => {
    t = await createTestRuntime();
  });
  afterAll(() => t.end());
  beforeEach(async () => {
    time = moveTime();
    server = await startDriftingServer(t, [look, find]);
  });
  afterEach(async () => {
    await t.runtime.store.server.deleteMany();
    await server.stop();
    time.restore();
  });

  const hear = (...tools: readonly unknown[]): Promise<HeardTools> =>
    hearOfTools(t.runtime, t.tenant, {
      serverId: server.serverId,
      tools: tools.map((tool) => ({ inputSchema: { type: 'object' }, ...(tool as object) })),
    });
  const wild = { ...look, annotations: {} };
  /** Reads what is due, as background work does, once half a minute has passed. */
  const readWhenDue = async () => {
    time.forward(31);
    const due = await takeDueServer(t.runtime);
    if (due) await server.sync();
    return due !== undefined;
  };

  it('changes nothing where the catalogue says the same', async () => {
    const token = await server.issue();
    expect(await hear(look, find)).toEqual({ differing: [], doubted: [] });
    expect(await server.isDead(token)).toBe(false);
    expect(await readWhenDue()).toBe(false);
  });

  it('changes nothing where a tool has annotations that no specification knows', async () => {
    server.tools[0] = { ...look, annotations: { ...reading, category: 'debugging' } };
    await server.sync();
    expect(await hear(...server.tools)).toEqual({ differing: [], doubted: [] });
  });

  it('ABUSE-61: makes a riskier tool wait at once, and for good when the issuer has read it itself', async () => {
    const token = await server.issue();
    server.tools[0] = wild;
    expect(await hear(wild)).toEqual({ differing: ['look'], doubted: ['look'] });
    expect(await server.isDead(token)).toBe(true);
    const meanwhile = await server.issue();
    expect([meanwhile.scope, meanwhile.issued.leftOut]).toEqual(['tool:find', [{ name: 'look', reason: 'reported-riskier' }]]);
    expect((await server.page()).tools.map(({ tool, ticked }) => [tool.name, ticked])).toEqual([
      ['look', false],
      ['find', true],
    ]);
    expect(await readWhenDue()).toBe(true);
    expect((await server.issue()).issued.leftOut).toEqual([{ name: 'look', reason: 'riskier-than-consented' }]);
  });

  it('is over when the issuer reads something else, which is then not looked into again for a while', async () => {
    await hear(wild);
    expect((await server.issue()).scope).toBe('tool:find');
    const token = await server.issue();
    await readWhenDue();
    expect(await server.isDead(token)).toBe(true);
    expect((await server.issue()).scope).toBe('tool:find tool:look');
    expect(await hear(wild)).toEqual({ differing: [], doubted: [] });
    expect((await server.issue()).scope).toBe('tool:find tool:look');
    time.forward(601);
    expect(await hear(wild)).toEqual({ differing: ['look'], doubted: ['look'] });
  });

  it('makes nothing looser: what is milder, new or gone counts when the issuer has read it', async () => {
    server.tools = [wild, find];
    await server.sync();
    expect((await server.issue()).scope).toBe('tool:find');
    const token = await server.issue();
    expect(await hear(look, { name: 'fresh', annotations: reading })).toEqual({ differing: ['look', 'fresh'], doubted: [] });
    expect(await server.isDead(token)).toBe(false);
    expect((await server.issue()).scope).toBe('tool:find');
    server.tools = [look, find, { name: 'fresh', annotations: reading }];
    expect(await readWhenDue()).toBe(true);
    expect((await server.issue()).scope).toBe('tool:find tool:look');
  });

  it('counts other words as a reason to read, not to wait', async () => {
    expect(await hear({ ...look, description: 'Looks around.' })).toEqual({ differing: ['look'], doubted: [] });
    expect((await server.issue()).scope).toBe('tool:find tool:look');
    expect(await readWhenDue()).toBe(true);
  });

  it('does not overrule an administrator whose word is no milder', async () => {
    await overrideToolRisk(t.runtime, t.tenant, {
      serverId: server.serverId,
      tool: 'look',
      override: { risk: 'destructive', openWorld: true },
      origin: { actorType: 'operator' },
    });
    expect(await hear(wild)).toEqual({ differing: ['look'], doubted: [] });
  });

  it('that comes while the issuer is reading is not settled by that reading', async () => {
    server.behaviour.intercept = () => {
      server.behaviour.intercept = () => false;
      return false;
    };
    const listed = server.behaviour.listTools;
    let reported: Promise<HeardTools> | undefined;
    server.behaviour.listTools = (cursor) => {
      reported ??= hear(wild);
      return listed(cursor);
    };
    await server.sync();
    await reported;
    expect((await server.issue()).scope).toBe('tool:find');
    expect(await readWhenDue()).toBe(true);
    expect((await server.issue()).scope).toBe('tool:find tool:look');
  });

  it('that is of the very list that the issuer is reading, as a door reports it, is settled by that reading', async () => {
    server.tools[0] = wild;
    const { listTools } = server.behaviour;
    let heard: Promise<HeardTools> | undefined;
    // The list leaves when the report is in, as it may on any busy day.
    server.behaviour.intercept = (_, response) => {
      const end = response.end.bind(response) as (body?: string) => typeof response;
      response.end = ((body?: string) => {
        Promise.resolve(heard).then(
          () => end(body),
          () => response.destroy(),
        );
        return response;
      }) as typeof response.end;
      return false;
    };
    server.behaviour.listTools = (cursor) => {
      heard ??= hear(wild, find);
      return listTools(cursor);
    };
    await server.sync();
    expect(await heard).toEqual({ differing: ['look'], doubted: ['look'] });
    expect((await server.issue()).issued.leftOut).toEqual([{ name: 'look', reason: 'riskier-than-consented' }]);
    await server.allow(['look', 'find']);
    expect((await server.issue()).scope).toBe('tool:find tool:look');
    expect(await readWhenDue()).toBe(false);
  });

  it('ABUSE-89: is bounded, and nothing in it is believed', async () => {
    const odd = [null, 7, 'look', { name: 'look' }, { name: '__proto__', inputSchema: {} }, { name: 'x'.repeat(1e6), inputSchema: {} }];
    const heard = await hearOfTools(t.runtime, t.tenant, { serverId: server.serverId, tools: odd });
    expect(heard).toEqual({ differing: ['__proto__'], doubted: [] });
    const event = await t.runtime.store.auditEvent.findFirst({ where: { serverId: server.serverId, type: 'server.tools-reported' } });
    expect(event).toMatchObject({ assurance: 'reported', actorType: 'server', actorId: server.serverId });
  });
});

describe('POST /servers/tools', () => {
  let issuer: TestIssuer;
  beforeAll(async () => {
    issuer = await startIssuer();
  });
  afterAll(() => issuer.stop());

  const post = (headers: Record<string, string>, body: string) =>
    issuer.send({ method: 'POST', path: '/servers/tools', headers: { 'Content-Type': 'application/json', ...headers }, body });

  it('takes the tools of the server whose credential is shown, and of no other', async () => {
    const tools = [{ ...toolNamed('list_issues'), annotations: reading }];
    const [one, other] = [await issuer.addServer(tools), await issuer.addServer(tools)];
    const wild = { name: 'list_issues', inputSchema: { type: 'object' }, annotations: {} };
    const answer = await post(
      basic(one.serverId, one.credential),
      JSON.stringify({ tools: [wild], server: other.serverId, serverId: other.serverId }),
    );
    expect([answer.status, answer.text, answer.headers['cache-control']]).toEqual([204, '', 'no-store']);
    const doubted = await issuer.runtime.store.tool.findMany({ where: { doubtedAt: { not: null } } });
    expect(doubted.map(({ serverId, name }) => [serverId, name])).toEqual([[one.serverId, 'list_issues']]);
  });

  it('refuses whoever shows none, or another one’s', async () => {
    const [one, other] = [await issuer.addServer(), await issuer.addServer()];
    for (const headers of [{}, basic(one.serverId, other.credential), basic('srv_nobody', one.credential)]) {
      expect((await post(headers, '{"tools":[]}')).status).toBe(401);
    }
  });

  it.each([
    ['no list', '{"tools":{}}', 400],
    ['too many', JSON.stringify({ tools: Array.from({ length: 501 }, () => ({})) }), 400],
    ['too large', JSON.stringify({ tools: ['x'.repeat(600_000)] }), 400],
    ['no JSON', 'tools', 400],
  ])('refuses %s', async (_, body, status) => {
    const { serverId, credential } = await issuer.addServer();
    expect((await post(basic(serverId, credential), body)).status).toBe(status);
  });
});
