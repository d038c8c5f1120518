import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createDemoServer } from '../../src/demo/demo-server.ts';
import { createGuardedFetch, type GuardedFetch } from '../../src/platform/guarded-fetch.ts';
import { addServer } from '../../src/services/add-server.ts';
import { announceLibrary } from '../../src/services/announce-library.ts';
import { authenticateServer } from '../../src/services/authenticate-server.ts';
import { findServerByName, listServers } from '../../src/services/list-servers.ts';
import { removeServer } from '../../src/services/remove-server.ts';
import { rotateServerCredential } from '../../src/services/rotate-server-credential.ts';
import type { Origin } from '../../src/services/runtime.ts';
import { syncCatalogue } from '../../src/services/sync-catalogue.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { findFreePort } from '../support/free-port.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { type RawMcpServer, startRawMcpServer } from '../support/raw-mcp-server.ts';

const origin: Origin = { actorType: 'operator' };
const inputSchema = { type: 'object' };

let t: TestIssuer;
let fetch: GuardedFetch;
beforeAll(async () => {
  t = await startIssuer();
  fetch = createGuardedFetch({ profile: 'admin', issuerIsLoopback: true });
});
afterAll(async () => {
  await fetch.close();
  await t.stop();
});

let raw: RawMcpServer;
beforeEach(async () => {
  raw = await startRawMcpServer({
    listTools: () => ({ tools: [{ name: 'list_issues', title: 'List issues', inputSchema, annotations: { readOnlyHint: true } }] }),
  });
});
afterEach(() => raw.stop());

const add = (options: { resource?: string; name?: string; headers?: Record<string, string>; fetch?: GuardedFetch } = {}) =>
  addServer(t.runtime, t.tenant, { resource: raw.resource, name: 'Tracker', fetch, origin, ...options });
const added = async (options: Parameters<typeof add>[0] = {}) => {
  const outcome = await add(options);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problem));
  return outcome;
};
const newestEvent = async () => (await listAuditEvents(t.runtime.store, t.tenant.id, 1))[0];

describe('adding a server', () => {
  it.each(['legacy', 'modern'] as const)('reads its catalogue, %s revision', async (era) => {
    raw.behaviour.era = era;
    const { server, credential, change } = await added();
    expect(server).toMatchObject({ resource: raw.resource, name: 'Tracker', demo: false });
    expect(change).toEqual({ tools: 1, added: ['list_issues'], changed: [], riskier: [], cosmetic: [], removed: [], leftOut: [] });
    expect(server.id).toMatch(/^srv_[\w-]{20}$/);
    expect(credential).toMatch(/^[\w-]{43}$/);
    const found = await findServerByName(t.runtime, t.tenant, raw.resource.toUpperCase().replace('/MCP', '/mcp'));
    expect(found?.server.id).toBe(server.id);
    expect(found?.tools).toMatchObject([
      {
        name: 'list_issues',
        title: 'List issues',
        risk: 'read',
        openWorld: true,
        position: 0,
        digest: expect.stringMatching(/^[\w-]{43}$/),
      },
    ]);
    expect(raw.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it.each(['legacy', 'modern'] as const)('finds tools that are listed to able clients only, %s revision', async (era) => {
    const needs = { ask_person: 'elicitation', ask_model: 'sampling', list_roots: 'roots', ask_later: 'tasks' };
    raw.behaviour.era = era;
    raw.behaviour.listTools = () => {
      const able = Object.entries(needs).filter(([, capability]) => capability in raw.declared);
      return { tools: able.map(([name]) => ({ name, inputSchema })) };
    };
    expect((await added()).change?.added).toEqual(Object.keys(needs));
  });

  it('reads answers that come as events', async () => {
    raw.behaviour.asEvents = true;
    expect((await added()).change?.tools).toBe(1);
  });

  it('ends the session that an older server opened', async () => {
    raw.behaviour.session = 'session-1';
    await added();
    expect(raw.endedSessions).toEqual(['session-1']);
  });

  it('reads all pages, 2,000 tools', async () => {
    raw.behaviour.listTools = (cursor) => {
      const page = Number(cursor ?? 0);
      const tools = Array.from({ length: 100 }, (_, index) => ({ name: `tool_${page * 100 + index}`, inputSchema }));
      return { tools, ...(page < 19 && { nextCursor: `${page + 1}` }) };
    };
    const { server, change } = await added();
    expect(change?.tools).toBe(2_000);
    const found = await findServerByName(t.runtime, t.tenant, server.id);
    expect(found?.tools.map(({ name }) => name)).toEqual(Array.from({ length: 2_000 }, (_, index) => `tool_${index}`));
  });

  it('shows a server behind our own library a token that only opens the list', async () => {
    const port = await findFreePort();
    const resource = `http://localhost:${port}/mcp`;
    const demo = createDemoServer({ issuer: t.url, resource });
    await demo.listen(port);
    try {
      const { change, server } = await added({ resource });
      expect(change?.tools).toBeGreaterThanOrEqual(8);
      const { tools = [] } = (await findServerByName(t.runtime, t.tenant, server.id)) ?? {};
      expect(new Set(tools.map(({ risk }) => risk))).toEqual(new Set(['read', 'write', 'destructive']));
      expect(new Set(tools.map(({ openWorld }) => openWorld))).toEqual(new Set([true, false]));
    } finally {
      await demo.close();
    }
  });

  it('sends the headers it was given, keeps them sealed, and then never a token', async () => {
    raw.behaviour.intercept = ({ authorization }, response) => {
      if (authorization === 'Bearer canary-of-the-server') return false;
      response.writeHead(401).end();
      return true;
    };
    expect(await add()).toMatchObject({ ok: false, problem: { kind: 'catalogue', problem: { reason: 'unauthorized' } } });
    expect(raw.requests.some(({ authorization }) => authorization?.startsWith('Bearer eyJ'))).toBe(true);
    raw.requests.length = 0;
    expect(await add({ headers: { Authorization: 'Bearer wrong' } })).toMatchObject({ ok: false });
    expect(new Set(raw.requests.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer wrong']));
    const { server } = await added({ headers: { Authorization: 'Bearer canary-of-the-server' } });
    expect(JSON.stringify(await t.runtime.store.server.findMany())).not.toContain('canary-of-the-server');
    expect(await syncCatalogue(t.runtime, t.tenant, { serverId: server.id, fetch, origin })).toMatchObject({ ok: true });
  });

  it('happens once for one resource, whatever its spelling', async () => {
    const { server } = await added();
    const spelled = raw.resource.replace('http:', 'HTTP:');
    expect(await add({ resource: spelled })).toEqual({ ok: false, problem: { kind: 'resource-taken', serverId: server.id } });
  });

  it('happens once when many try at the same time', async () => {
    const tries = await Promise.all(Array.from({ length: 6 }, () => add()));
    expect(tries.filter(({ ok }) => ok)).toHaveLength(1);
    expect((await listServers(t.runtime, t.tenant)).filter(({ server }) => server.resource === raw.resource)).toHaveLength(1);
  });

  it.each([
    ['not a url', { kind: 'resource', problem: 'not-absolute' }],
    ['ftp://files.example/mcp', { kind: 'resource', problem: 'not-http' }],
    ['http://mcp.example/mcp', { kind: 'resource', problem: 'plain-http' }],
    ['https://user:pass@mcp.example/mcp', { kind: 'resource', problem: 'has-userinfo' }],
    ['https://mcp.example/mcp#part', { kind: 'resource', problem: 'has-fragment' }],
  ])('is refused for %s', async (resource, problem) => {
    expect(await add({ resource })).toEqual({ ok: false, problem });
  });

  it('is refused with a name or a header that cannot be one', async () => {
    for (const name of ['', '   ', 'x'.repeat(101), 'a\u202eb', 'a\nb'])
      expect(await add({ name })).toEqual({ ok: false, problem: { kind: 'bad-name' } });
    for (const [header, value] of [
      ['X y', 'a'],
      ['X', 'a\r\nB: c'],
      ['', 'a'],
    ] as const) {
      expect(await add({ headers: { [header]: value } })).toEqual({ ok: false, problem: { kind: 'bad-header', header } });
    }
  });

  it('leaves nothing behind when the catalogue cannot be read', async () => {
    const gone = raw.resource;
    await raw.stop();
    expect(await add({ resource: gone })).toMatchObject({ ok: false, problem: { kind: 'catalogue', problem: { reason: 'unreachable' } } });
    expect(await findServerByName(t.runtime, t.tenant, gone)).toBeUndefined();
  });

  it('without a fetch, adds a server that has no tools yet', async () => {
    const { server, change } = await addServer(t.runtime, t.tenant, { resource: 'https://later.example/mcp', name: 'Later', origin }).then(
      (outcome) => {
        if (!outcome.ok) throw new Error(outcome.problem.kind);
        return outcome;
      },
    );
    expect(change).toBeUndefined();
    expect((await findServerByName(t.runtime, t.tenant, server.id))?.tools).toEqual([]);
  });
});

describe('ABUSE-89: a hostile catalogue', () => {
  const failing = async () => {
    const outcome = await add();
    return outcome.ok || outcome.problem.kind !== 'catalogue' ? outcome : outcome.problem.problem;
  };

  it('of odd tools is read, and what is unfit is left out with its reason', async () => {
    raw.behaviour.listTools = () => ({
      tools: [
        { name: '__proto__', inputSchema },
        { name: 'constructor', inputSchema },
        { name: '<script>alert(1)</script>', description: '<img src=x onerror=alert(1)>', inputSchema },
        { name: 'twice', inputSchema, annotations: { readOnlyHint: true } },
        { name: 'twice', inputSchema },
        { name: 'huge', description: 'x'.repeat(1 << 20), inputSchema },
        { name: '', inputSchema },
        { name: 'nul', description: 'a\0b', inputSchema },
        { name: 'good', inputSchema },
      ],
    });
    const { change, server } = await added();
    expect(change?.added).toEqual(['__proto__', 'constructor', '<script>alert(1)</script>', 'good']);
    expect(change?.leftOut.map(({ name, reason }) => `${name}: ${reason}`).sort()).toEqual([
      ': bad-name',
      'huge: too-large',
      'nul: bad-text',
      'twice: ambiguous',
    ]);
    const { tools = [] } = (await findServerByName(t.runtime, t.tenant, server.id)) ?? {};
    expect(tools.map(({ name }) => name)).toEqual(['__proto__', 'constructor', '<script>alert(1)</script>', 'good']);
  });

  it('that never ends is given up', async () => {
    let page = 0;
    raw.behaviour.listTools = () => {
      page += 1;
      return { tools: [{ name: `t${page}`, inputSchema }], nextCursor: `${page}` };
    };
    expect(await failing()).toMatchObject({ reason: 'too-large' });
    expect(page).toBeLessThanOrEqual(200);
  });

  it('that goes round in a circle is given up', async () => {
    raw.behaviour.listTools = () => ({ tools: [{ name: 'a', inputSchema }], nextCursor: 'again' });
    expect(await failing()).toMatchObject({ reason: 'not-mcp' });
  });

  it('of too many tools is given up', async () => {
    raw.behaviour.listTools = () => ({ tools: Array.from({ length: 5_001 }, (_, index) => ({ name: `t${index}`, inputSchema })) });
    expect(await failing()).toMatchObject({ reason: 'too-large' });
  });

  it('of too many bytes is given up', async () => {
    raw.behaviour.listTools = (cursor) => ({
      tools: [{ name: `t${cursor ?? 0}`, description: 'x'.repeat(7 << 20), inputSchema }],
      nextCursor: `${Number(cursor ?? 0) + 1}`,
    });
    expect(await failing()).toMatchObject({ reason: 'too-large' });
    raw.behaviour.listTools = () => ({ tools: [{ name: 't', description: 'x'.repeat(9 << 20), inputSchema }] });
    expect(await failing()).toMatchObject({ reason: 'too-large' });
  });

  it('of a tool far too deep is refused', async () => {
    const schema = `{"type":"object","properties":{"a":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}}`;
    raw.behaviour.listTools = () => `{"tools":[{"name":"deep","inputSchema":${schema}}]}`;
    expect(await failing()).toMatchObject({ reason: 'not-mcp' });
  });

  it.each<[string, unknown]>([
    ['no result', null],
    ['no list', { tools: 'none' }],
    ['a list of words', { tools: ['list_issues'] }],
    ['a name that is a number', { tools: [{ name: 7, inputSchema }] }],
    ['an endless depth', `{"tools":[${'{"name":'.repeat(50_000)}1${'}'.repeat(50_000)}]}`],
  ])('of %s is refused', async (_, result) => {
    raw.behaviour.listTools = () => result;
    expect(await failing()).toMatchObject({ reason: 'not-mcp' });
  });

  it.each<[string, number, Record<string, string>, string, string]>([
    ['a redirect', 302, { location: 'http://169.254.169.254/latest/' }, '', 'not-mcp'],
    ['a page', 200, { 'content-type': 'text/html' }, '<h1>Hello</h1>', 'not-mcp'],
    ['an error', 500, {}, 'sorry', 'not-mcp'],
    ['nothing', 204, {}, '', 'not-mcp'],
    ['a refusal', 403, {}, '', 'not-mcp'],
    ['a demand', 401, { 'www-authenticate': 'Bearer resource_metadata="http://169.254.169.254/"' }, '', 'unauthorized'],
  ])('behind %s is refused, and nothing else is asked', async (_, status, headers, body, reason) => {
    raw.behaviour.intercept = (__, response) => {
      response.writeHead(status, headers).end(body);
      return true;
    };
    expect(await failing()).toMatchObject({ reason });
    expect(await findServerByName(t.runtime, t.tenant, raw.resource)).toBeUndefined();
  });

  it('at an address that is none of ours is not asked', async () => {
    const remote = createGuardedFetch({ profile: 'admin', issuerIsLoopback: false });
    expect(await add({ fetch: remote })).toMatchObject({ ok: false, problem: { kind: 'catalogue', problem: { reason: 'not-allowed' } } });
    expect(raw.requests).toEqual([]);
    const metadata = await add({ resource: 'https://169.254.169.254/mcp' });
    expect(metadata).toMatchObject({ ok: false, problem: { kind: 'catalogue', problem: { reason: 'not-allowed' } } });
    await remote.close();
  });
});

describe('a server credential', () => {
  const holds = async (id: string, secret: string) => (await authenticateServer(t.runtime, t.tenant, { id, secret }))?.id;

  it('is right for its server alone, and stored as a digest', async () => {
    const { server, credential } = await added();
    const other = await startRawMcpServer();
    const second = await added({ resource: other.resource });
    await other.stop();
    expect(await holds(server.id, credential)).toBe(server.id);
    expect(await holds(second.server.id, credential)).toBeUndefined();
    expect(await holds(server.id, second.credential)).toBeUndefined();
    expect(await holds('srv_nobody', credential)).toBeUndefined();
    expect(await holds('', '')).toBeUndefined();
    expect(await holds(`srv_${'x'.repeat(10_000)}`, '')).toBeUndefined();
    const rows = JSON.stringify([await t.runtime.store.server.findMany(), await t.runtime.store.auditEvent.findMany()]);
    expect(rows).not.toContain(credential);
  });

  it('is refused once it was replaced', async () => {
    const { server, credential } = await added();
    const rotation = await rotateServerCredential(t.runtime, t.tenant, { serverId: server.id, origin });
    if (!rotation.ok) throw new Error(rotation.problem);
    expect(await holds(server.id, credential)).toBeUndefined();
    expect(await holds(server.id, rotation.credential)).toBe(server.id);
    expect(await newestEvent()).toMatchObject({ type: 'server.credential-rotated', serverId: server.id });
  });

  it('lets a library announce itself; the trail tells the first time and each new version', async () => {
    const { server, credential } = await added();
    const hello = (secret: string, version: string) =>
      announceLibrary(t.runtime, t.tenant, { serverId: server.id, secret, library: '@toolgrant/resource-server', version });
    expect(await hello('wrong', '1.0.0')).toBe(false);
    expect((await findServerByName(t.runtime, t.tenant, server.id))?.server.librarySeenAt).toBeUndefined();
    expect([await hello(credential, '1.0.0'), await hello(credential, '1.0.0'), await hello(credential, '1.1.0')]).toEqual([
      true,
      true,
      true,
    ]);
    expect((await findServerByName(t.runtime, t.tenant, server.id))?.server).toMatchObject({
      libraryName: '@toolgrant/resource-server',
      libraryVersion: '1.1.0',
      librarySeenAt: expect.any(Date),
    });
    const events = (await listAuditEvents(t.runtime.store, t.tenant.id, 100)).filter(
      ({ type, serverId }) => type === 'server.library-announced' && serverId === server.id,
    );
    expect(events).toHaveLength(2);
  });
});

describe('removing a server', () => {
  it('takes its catalogue and credential along; the resource is free again', async () => {
    const { server, credential } = await added();
    expect(await removeServer(t.runtime, t.tenant, { serverId: server.id, origin })).toEqual({ ok: true, consents: 0 });
    expect(await newestEvent()).toMatchObject({ type: 'server.removed', serverId: server.id, detail: { resource: raw.resource } });
    expect(await authenticateServer(t.runtime, t.tenant, { id: server.id, secret: credential })).toBeUndefined();
    expect(await removeServer(t.runtime, t.tenant, { serverId: server.id, origin })).toEqual({ ok: false, problem: 'unknown-server' });
    expect(await syncCatalogue(t.runtime, t.tenant, { serverId: server.id, fetch, origin })).toMatchObject({ ok: false });
    await added();
  });
});
