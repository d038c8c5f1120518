import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { syncInBackground } from '../../src/compose/sync-in-background.ts';
import { syncCatalogue } from '../../src/services/sync-catalogue.ts';
import { takeDueServer } from '../../src/services/take-due-server.ts';
import { hastenCatalogue } from '../../src/store/due-catalogues.ts';
import { findServer } from '../../src/store/servers.ts';
import { type DriftingServer, startDriftingServer } from '../support/drifting-server.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

let t: TestRuntime;
let server: DriftingServer;
beforeAll(async () => {
  t = await createTestRuntime();
});
afterAll(() => t.end());
beforeEach(async () => {
  server = await startDriftingServer(t, [{ name: 'look', annotations: { readOnlyHint: true, openWorldHint: false } }]);
});
afterEach(async () => {
  await t.runtime.store.server.deleteMany();
  await server.stop();
});

const dueIn = async () => {
  const row = await t.runtime.store.server.findFirstOrThrow({ where: { id: server.serverId } });
  return (row.catalogueDueAt.getTime() - Date.now()) / 1_000;
};
const makeDue = () => hastenCatalogue(t.runtime.store, t.tenant.id, server.serverId, new Date(Date.now() - 1_000));
const until = async (isSo: () => boolean | Promise<boolean>) => {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe('the schedule', () => {
  it('reads a server about a quarter of an hour after it was read', async () => {
    expect(await dueIn()).toBeGreaterThan(13 * 60);
    expect(await dueIn()).toBeLessThan(17 * 60);
    expect(await takeDueServer(t.runtime)).toBeUndefined();
  });

  it('gives a server that is due to one of those who ask, however many', async () => {
    await makeDue();
    const taken = await Promise.all(Array.from({ length: 8 }, () => takeDueServer(t.runtime)));
    expect(taken.filter((due) => due !== undefined)).toMatchObject([{ serverId: server.serverId, tenant: { id: t.tenant.id } }]);
  });

  it('gives one server at a time, those that are due for longest first, and leaves the others to be taken', async () => {
    const { store } = t.runtime;
    const row = await store.server.findFirstOrThrow({ where: { id: server.serverId } });
    const ids = Array.from({ length: 30 }, (_, n) => `srv_due-${n}`);
    await store.server.createMany({
      data: ids.map((id, n) => ({
        ...{ tenantId: t.tenant.id, id, resource: `https://h.example/${n}`, resourceKey: `https://h.example/${n}`, name: id },
        ...{ credentialDigest: row.credentialDigest, createdAt: row.createdAt, catalogueDueAt: new Date(Date.now() - (100 - n) * 1_000) },
      })),
    });
    const taken = [await takeDueServer(t.runtime), await takeDueServer(t.runtime)];
    expect(taken.map((due) => due?.serverId)).toEqual(ids.slice(0, 2));
    expect(await store.server.count({ where: { catalogueDueAt: { lte: new Date() } } })).toBe(28);
  });

  it('hands it to another one when whoever took it is gone', async () => {
    await makeDue();
    await takeDueServer(t.runtime);
    const later = { ...t.runtime, clock: { now: () => new Date(Date.now() + 121_000) } };
    expect(await takeDueServer(later)).toMatchObject({ serverId: server.serverId });
  });

  it('tries a server that cannot be read less and less often, keeps what stands, and says why', async () => {
    const { listTools } = server.behaviour;
    server.behaviour.listTools = () => null;
    const sync = () =>
      syncCatalogue(t.runtime, t.tenant, { serverId: server.serverId, fetch: server.fetch, origin: { actorType: 'issuer' } });
    for (const failures of [1, 2, 3]) {
      expect(await sync()).toMatchObject({ ok: false });
      expect(await dueIn()).toBeGreaterThan(2 ** (failures - 1) * 13 * 60);
      const known = await findServer(t.runtime.store, t.tenant.id, server.serverId);
      expect(known?.catalogueProblem).toMatchObject({ reason: 'not-mcp', failures });
    }
    expect((await server.issue()).scope).toBe('tool:look');
    server.behaviour.listTools = listTools;
    expect(await sync()).toMatchObject({ ok: true });
    expect((await findServer(t.runtime.store, t.tenant.id, server.serverId))?.catalogueProblem).toBeUndefined();
    expect(await dueIn()).toBeLessThan(17 * 60);
  });

  it('works beside the requests: what changed at the server counts without anybody asking', async () => {
    server.tools[0] = { name: 'look', annotations: {} };
    const token = await server.issue();
    await makeDue();
    const reading = syncInBackground(t.runtime, { fetch: server.fetch, pauseMs: 10 });
    await until(() => server.isDead(token));
    await until(() => reading.progress.changed === 1);
    await reading.stop();
    expect((await server.issue()).scope).toBe('');
    expect(reading.progress).toEqual({ unchanged: 0, changed: 1, failed: 0 });
  });

  it('ends at once when it is told to, even while a server takes its time, and counts nothing against that server', async () => {
    let isAsked = false;
    server.behaviour.intercept = () => {
      isAsked = true;
      return true;
    };
    await makeDue();
    const reading = syncInBackground(t.runtime, { fetch: server.fetch, pauseMs: 10 });
    await until(() => isAsked);
    await reading.stop();
    expect((await findServer(t.runtime.store, t.tenant.id, server.serverId))?.catalogueProblem).toBeUndefined();
  });
});
