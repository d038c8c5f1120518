/** The audit trail, delivered to where it is watched: in order, whole, again where it failed, by one instance at a time. */
import { appendFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sealInBackground } from '../../src/compose/seal-in-background.ts';
import { streamInBackground } from '../../src/compose/stream-in-background.ts';
import type { TenantId } from '../../src/domain/ids.ts';
import { createGuardedFetch, type GuardedFetch } from '../../src/platform/guarded-fetch.ts';
import { readWebhookSecret } from '../../src/platform/standard-webhooks.ts';
import { type AuditSink, createFileSink, createWebhookSink } from '../../src/services/audit-sinks.ts';
import { exportAudit } from '../../src/services/export-audit.ts';
import { countUndeliveredSeals, type DeliveryTroubles, streamAudit } from '../../src/services/stream-audit.ts';
import { verifyAuditExport } from '../../src/services/verify-audit-export.ts';
import { obtainTenant } from '../../src/store/tenants.ts';
import { takeDelivery } from '../../src/store/trail-cursors.ts';
import { type AuditScene, otherTenant, setAuditScene } from '../support/audit-scene.ts';
import { startIssuer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { connect, refresh, registerTestClient, type Tokens } from '../support/oauth-client.ts';
import { sealTrail } from '../support/seal-trail.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

let scene: AuditScene;
let receiver: WebhookReceiver;
let send: GuardedFetch;

beforeAll(async () => {
  scene = await setAuditScene();
  await obtainTenant(scene.runtime.store, {
    ...{ id: otherTenant, slug: 'other', issuer: 'http://localhost:4000/t/other', name: 'Other', createdAt: new Date() },
  });
  send = createGuardedFetch({ profile: 'admin', issuerIsLoopback: true });
  receiver = await startWebhookReceiver();
});
afterAll(async () => {
  await send.close();
  await receiver.stop();
  await scene.end();
});
beforeEach(async () => {
  receiver.messages = [];
  receiver.answers = () => 204;
  await scene.clear();
  await scene.asOwner('TRUNCATE trail_cursors');
});

async function* linesOf(text: string) {
  yield* text.split('\n');
}
const key = () => readWebhookSecret(receiver.secret) as Buffer;
const webhook = () => createWebhookSink({ url: receiver.url, key: key(), send });
const stream = (sink = webhook(), troubles: DeliveryTroubles = new Map()) => streamAudit(scene.runtime, sink, { troubles });
const placesOf = (tenant: string) => receiver.messages.filter(({ data }) => data.tenant === tenant).map(({ place }) => place);

describe('a webhook', () => {
  it('gets every event once, each tenant’s in order, signed, with what proves it', async () => {
    await scene.recordSealed(3, 4);
    await scene.record(2, { tenantId: otherTenant });
    await sealTrail(scene.runtime, 2);
    expect(await countUndeliveredSeals(scene.runtime, webhook())).toBe(4);
    expect(await stream()).toBe(4);
    expect(await stream()).toBe(0);
    expect(await countUndeliveredSeals(scene.runtime, webhook())).toBe(0);
    expect(receiver.messages.every(({ isSigned, type }) => isSigned && type === 'audit.sealed')).toBe(true);
    expect(placesOf('root')).toEqual(['root_1_1', 'root_2_1', 'root_3_1']);
    expect(placesOf(otherTenant)).toEqual([`${otherTenant}_1_1`]);
    const all = await scene.asOwner(`SELECT id FROM audit_events WHERE tenant_id = 'root' ORDER BY tx, at, id COLLATE "C"`);
    expect(receiver.eventsOf('root')).toEqual(all.map(({ id }) => id));
    // Each seal can be proved by what came with it.
    const { events = [], proof, keys = [] } = receiver.messages[0]?.data ?? {};
    const lines = [...keys.map((key) => JSON.stringify(key)), ...events.map((event) => JSON.stringify(event)), JSON.stringify(proof)];
    expect((await verifyAuditExport(linesOf(lines.join('\n')))).trails).toMatchObject([{ seals: 1, events: events.length, findings: [] }]);
  });

  it('gets a large seal in parts', async () => {
    await scene.record(6, { at: () => new Date('2026-11-20T10:00:00Z') });
    await scene.asOwner(`UPDATE audit_events SET detail = jsonb_build_object('text', repeat('x', 200000))`);
    await sealTrail(scene.runtime, 6);
    await stream();
    expect(receiver.messages.map(({ place, data }) => [place, data.parts, data.proof !== undefined])).toEqual([
      ['root_1_1', 3, false],
      ['root_1_2', 3, false],
      ['root_1_3', 3, true],
    ]);
    expect(receiver.eventsOf('root')).toHaveLength(6);
  });

  it('that fails is tried again, later and later, from where it stood; other tenants go on', async () => {
    await scene.recordSealed(2, 2);
    await scene.record(2, { tenantId: otherTenant });
    await sealTrail(scene.runtime, 2);
    const troubles: DeliveryTroubles = new Map();
    const failedAt = Date.now();
    receiver.answers = (place) => (place === 'root_2_1' ? 500 : 204);
    expect(await stream(webhook(), troubles)).toBe(2);
    expect(receiver.messages.map(({ place }) => place).sort()).toEqual(['root_1_1', `${otherTenant}_1_1`]);
    expect(troubles.get(scene.root)?.failures).toBe(1);
    expect(troubles.get(scene.root)?.retryAt).toBeGreaterThan(failedAt + 2_000);
    // So that a slow machine is not past it by now.
    troubles.set(scene.root, { failures: 1, retryAt: Date.now() + 60_000 });
    expect(await stream(webhook(), troubles)).toBe(0);
    expect(troubles.get(scene.root)?.failures).toBe(1);
    const time = moveTime();
    try {
      time.forward(70);
      receiver.answers = () => 429;
      expect(await stream(webhook(), troubles)).toBe(0);
      expect(troubles.get(scene.root)?.failures).toBe(2);
      time.forward(20);
      receiver.answers = () => 204;
      expect(await stream(webhook(), troubles)).toBe(1);
    } finally {
      time.restore();
    }
    expect([...troubles]).toEqual([]);
    expect(receiver.eventsOf('root')).toHaveLength(4);
  });

  it('is followed no redirect, and reaches no address that administrators may not name', async () => {
    await scene.recordSealed(1, 1);
    let asked = 0;
    receiver.answers = () => {
      asked += 1;
      return asked === 1 ? 307 : 204;
    };
    expect([await stream(), asked]).toEqual([0, 1]);
    const strict = createGuardedFetch({ profile: 'admin', issuerIsLoopback: false });
    const sink = createWebhookSink({ url: receiver.url, key: key(), send: strict });
    expect(await stream(sink)).toBe(0);
    await strict.close();
    expect(receiver.messages).toEqual([]);
  });

  it('is served by one of several instances at a time: each seal arrives once, in order', async () => {
    await scene.recordSealed(9, 2);
    const arrived = await Promise.all([stream(), stream(), stream()]);
    expect(arrived.reduce((sum, count) => sum + count)).toBe(9);
    expect(receiver.messages.map(({ data }) => data.seal)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('is taken over from an instance that stood still, when its time is up', async () => {
    await scene.recordSealed(1, 2);
    const stuck = { sink: 'webhook', tenantId: scene.root, lease: 'of one that is gone', leaseMs: 60_000 } as const;
    expect(await takeDelivery(scene.runtime.store, stuck)).toBe(0);
    expect(await stream()).toBe(0);
    await scene.asOwner(`UPDATE trail_cursors SET lease_until = now() - interval '1 second'`);
    expect(await stream()).toBe(1);
  });
});

describe('a receiver that never answers', () => {
  it('keeps no token request waiting, and no connection to the database', async () => {
    const issuer = await startIssuer({ maxConnections: 2 });
    const answer = Promise.withResolvers<number>();
    const asked = new Set<string>();
    receiver.answers = (place) => {
      asked.add(place);
      return answer.promise;
    };
    const sealing = sealInBackground(issuer.runtime, { pauseMs: 10 });
    const streaming = streamInBackground(issuer.runtime, [webhook()]);
    try {
      const tenants = [issuer, await issuer.addTenant('second'), await issuer.addTenant('third')];
      for (const tenant of tenants) await tenant.addPerson();
      while (asked.size < tenants.length) await new Promise((resolve) => setTimeout(resolve, 10));
      const [client, person, server] = [await registerTestClient(issuer), await issuer.addPerson(), await issuer.addServer()];
      let { refresh_token: token } = await connect(issuer, { client, person, server });
      for (let count = 0; count < 5; count += 1) {
        const answered = await refresh(issuer, client, token);
        expect(answered.status).toBe(200);
        token = answered.json<Tokens>().refresh_token;
      }
      expect(receiver.messages).toEqual([]);
    } finally {
      answer.resolve(204);
      await streaming.stop();
      await sealing.stop();
      await issuer.stop();
    }
  });
});

describe('the id of a message', () => {
  it('is the same when it comes again, and another one for another seal of that number, as after a backup was restored', async () => {
    await scene.recordSealed(1, 2);
    await stream();
    await scene.asOwner('UPDATE trail_cursors SET seal = 0');
    await stream();
    await scene.clear();
    await scene.asOwner('TRUNCATE trail_cursors');
    await scene.recordSealed(1, 2);
    await stream();
    const [first, again, other] = receiver.messages;
    expect([again?.id, other?.place]).toEqual([first?.id, first?.place]);
    expect(other?.id).not.toBe(first?.id);
  });
});

describe('of two instances', () => {
  it('the one that was taken over meanwhile stops, and notes nothing', async () => {
    await scene.record(6, { at: () => new Date('2026-11-20T10:00:00Z') });
    await scene.asOwner(`UPDATE audit_events SET detail = jsonb_build_object('text', repeat('x', 200000))`);
    await sealTrail(scene.runtime, 6);
    const slow = webhook();
    let isTaken = false;
    const sink: AuditSink = {
      ...slow,
      deliver: async (run, options) =>
        slow.deliver(run, {
          ...options,
          goOn: async () => {
            if (!isTaken) await scene.asOwner(`UPDATE trail_cursors SET lease = 'another'`);
            isTaken = true;
            await options.goOn();
          },
        }),
    };
    const troubles: DeliveryTroubles = new Map();
    expect(await stream(sink, troubles)).toBe(0);
    expect([receiver.messages.map(({ place }) => place), [...troubles]]).toEqual([['root_1_1'], []]);
    expect(await scene.asOwner('SELECT seal, lease FROM trail_cursors')).toEqual([{ seal: 0, lease: 'another' }]);
  });

  it('one writes to a file, whichever tenant’s trail it is', async () => {
    await scene.recordSealed(1, 2);
    await takeDelivery(scene.runtime.store, { sink: 'file', tenantId: '*' as TenantId, lease: 'another', leaseMs: 60_000 });
    expect(await stream(createFileSink('/nowhere/at-all'))).toBe(0);
    expect((await scene.asOwner(`SELECT tenant_id FROM trail_cursors`)).map((row) => row['tenant_id'])).toEqual(['*']);
  });
});

describe('a stop', () => {
  it('breaks a delivery off that the receiver keeps waiting, and no trouble is noted', async () => {
    await scene.recordSealed(1, 2);
    const stopping = new AbortController();
    const sink = createWebhookSink({
      url: receiver.url,
      key: key(),
      send: Object.assign(
        (_: unknown, init?: RequestInit) =>
          new Promise<never>((_resolve, reject) => {
            init?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
            stopping.abort();
          }),
        { close: async () => {} },
      ),
    });
    const troubles: DeliveryTroubles = new Map();
    expect(await streamAudit(scene.runtime, sink, { troubles, signal: stopping.signal })).toBe(0);
    expect([...troubles]).toEqual([]);
    expect(await stream()).toBe(1);
  });
});

describe('a file', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'audit-file-'));
    path = join(folder, 'audit.jsonl');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const wholeExport = async () => {
    const lines: string[] = [];
    for await (const part of exportAudit(scene.runtime, scene.tenant, { after: 0 })) lines.push(...part.lines);
    return `${lines.join('\n')}\n`;
  };

  it('holds what an export would, and proves itself', async () => {
    await scene.recordSealed(2, 3);
    const sink = createFileSink(path);
    expect(await stream(sink)).toBe(2);
    expect(await readFile(path, 'utf8')).toBe(await wholeExport());
    await scene.recordSealed(1, 2);
    expect(await stream(sink)).toBe(1);
    expect(await readFile(path, 'utf8')).toBe(await wholeExport());
  });

  it('loses what was cut off while it was written, and gets it whole', async () => {
    await scene.recordSealed(1, 3);
    await stream(createFileSink(path));
    await appendFile(path, '{"actorType":"operator","assurance":"enf');
    await scene.recordSealed(1, 2);
    await stream(createFileSink(path));
    const { trails, unread } = await verifyAuditExport(linesOf(await readFile(path, 'utf8')));
    expect([trails, unread]).toMatchObject([[{ seals: 2, events: 5, findings: [] }], 0]);
  });

  it('of somebody else is left as it is', async () => {
    await scene.recordSealed(1, 1);
    for (const text of ['a log\n', '{"key":"value"}\n', '\n']) {
      await writeFile(path, text);
      const troubles: DeliveryTroubles = new Map();
      expect(await stream(createFileSink(path), troubles)).toBe(0);
      expect([await readFile(path, 'utf8'), troubles.size]).toEqual([text, 1]);
    }
  });

  it('that was cut off in its first line is begun again', async () => {
    await scene.recordSealed(1, 1);
    await writeFile(path, '{"key":{"crv":"P-256","kty":"EC","x":"abc');
    expect(await stream(createFileSink(path))).toBe(1);
    expect(await readFile(path, 'utf8')).toBe(await wholeExport());
  });

  it('loses a long run that was cut off, whatever its length', async () => {
    await scene.recordSealed(1, 1);
    await stream(createFileSink(path));
    const line = `{"actorType":"operator","detail":{"text":"${'x'.repeat(1_000)}"}}\n`;
    await appendFile(path, line.repeat(3_000));
    await scene.recordSealed(1, 1);
    await stream(createFileSink(path));
    const { trails, unread } = await verifyAuditExport(linesOf(await readFile(path, 'utf8')));
    expect([trails, unread]).toMatchObject([[{ seals: 2, events: 2, findings: [] }], 0]);
  });

  it('that has a seal twice, because nobody noted that it arrived, is whole all the same', async () => {
    await scene.recordSealed(2, 3);
    await stream(createFileSink(path));
    await scene.asOwner('UPDATE trail_cursors SET seal = 1');
    await stream(createFileSink(path));
    const text = await readFile(path, 'utf8');
    expect((await verifyAuditExport(linesOf(text))).trails).toMatchObject([{ seals: 2, events: 6, findings: [] }]);
    // What comes twice must be the same.
    const place = text.lastIndexOf('user.created');
    const changed = `${text.slice(0, place)}user.enabled${text.slice(place + 'user.created'.length)}`;
    expect((await verifyAuditExport(linesOf(changed))).trails[0]?.findings.length).toBeGreaterThan(0);
  });

  it('that another instance began holds the keys of every tenant, too', async () => {
    const [ours, theirs] = [createFileSink(path), createFileSink(path)];
    await scene.recordSealed(1, 1);
    await stream(ours);
    await rename(path, `${path}.1`);
    await scene.record(1, { tenantId: otherTenant });
    await sealTrail(scene.runtime, 1);
    await stream(theirs);
    await scene.recordSealed(1, 1);
    await stream(ours);
    const { trails } = await verifyAuditExport(linesOf(await readFile(path, 'utf8')));
    expect(trails.map(({ findings }) => findings)).toEqual([[], []]);
  });

  it('may be moved away', async () => {
    const sink = createFileSink(path);
    await scene.recordSealed(1, 1);
    await stream(sink);
    await rename(path, `${path}.1`);
    await scene.recordSealed(1, 1);
    await stream(sink);
    const parts = [await readFile(`${path}.1`, 'utf8'), await readFile(path, 'utf8')];
    // Each part has the keys that it is proved by.
    for (const part of parts) expect((await verifyAuditExport(linesOf(part))).trails).toMatchObject([{ seals: 1, findings: [] }]);
    expect((await verifyAuditExport(linesOf(parts.join('')))).trails).toMatchObject([{ seals: 2, findings: [] }]);
  });
});
