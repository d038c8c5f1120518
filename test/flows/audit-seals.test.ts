/** The audit trail is sealed: what was recorded is numbered, chained and signed, some moments behind. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { randomToken } from '../../src/platform/random.ts';
import { createVault } from '../../src/platform/vault.ts';
import { auditKeysOf, listTrustedAuditKeys } from '../../src/services/audit-keys.ts';
import { renewSeals, sealAuditEvents } from '../../src/services/seal-audit-events.ts';
import { verifyAuditTrail } from '../../src/services/verify-audit-trail.ts';
import { recordAuditEvents } from '../../src/store/audit.ts';
import { applyMigrations } from '../../src/store/migrate/apply-migrations.ts';
import { isAuditOrderBroken } from '../../src/store/migrate/audit-order.ts';
import { type AuditScene, otherTenant, setAuditScene } from '../support/audit-scene.ts';
import { query } from '../support/database-holder.ts';
import { sealTrail } from '../support/seal-trail.ts';

let scene: AuditScene;
beforeAll(async () => {
  scene = await setAuditScene();
});
afterAll(() => scene.end());
beforeEach(() => scene.clear());

describe('sealing', () => {
  it('numbers, chains and signs what was recorded; what is not sealed yet is counted', async () => {
    await scene.recordSealed(3, 4);
    await scene.record(2);
    const report = await scene.verify();
    expect(report).toMatchObject({ tenant: 'root', seals: 3, events: 12, unsealed: 2, dropped: [], findings: [], more: 0 });
    expect(report.head).toMatchObject({ seal: 3, events: 12, kid: auditKeysOf(scene.runtime.vault, scene.root)[0].kid });
    expect((await scene.statements()).map((seal) => [seal?.seal, seal?.first, seal?.events, seal?.month])).toEqual([
      [1, 1, 4, '2026-11'],
      [2, 5, 4, '2026-11'],
      [3, 9, 4, '2026-11'],
    ]);
  });

  it('seals each tenant by itself, and each month, so that a month can go as a whole', async () => {
    await scene.record(2, { at: () => new Date('2026-10-31T23:59:59.999Z') });
    await scene.record(3, { at: () => new Date('2026-11-01T00:00:00.000Z') });
    await scene.record(4, { tenantId: otherTenant });
    await sealTrail(scene.runtime, 9);
    const reports = await verifyAuditTrail(scene.runtime);
    expect(reports.map(({ tenant, seals, events, findings: found }) => [tenant, seals, events, found])).toEqual([
      ['root', 2, 5, []],
      [otherTenant, 1, 4, []],
    ]);
    expect((await scene.statements()).map((seal) => [seal?.month, seal?.events])).toEqual([
      ['2026-10', 2],
      ['2026-11', 3],
    ]);
    expect(await scene.verify()).toMatchObject({ seals: 2, events: 5, findings: [] });
  });

  it('takes a batch at a time, within a transaction too', async () => {
    await recordAuditEvents(
      scene.runtime.store,
      Array.from(
        { length: 25 },
        () => ({ tenantId: scene.root, type: 'user.created', outcome: 'success', actorType: 'operator', at: new Date() }) as const,
      ),
    );
    await sealTrail(scene.runtime, 25, { atMost: 10 });
    expect((await scene.statements()).map((seal) => seal?.events)).toEqual([10, 10, 5]);
    expect(await scene.verify()).toMatchObject({ events: 25, findings: [] });
  });

  it('ABUSE-75: misses nothing that commits late: what an open transaction could come before waits for it', async () => {
    await scene.recordSealed(1, 2);
    const late = new Client({ connectionString: scene.database.runtimeUrl });
    await late.connect();
    try {
      await late.query('BEGIN');
      await late.query(
        `INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, outcome, detail)
         VALUES ('root', 'evt_late', '2026-11-20T09:00:00Z', 'user.created', 'enforced', 'operator', 'success', '{}')`,
      );
      await scene.record(3);
      expect(await sealAuditEvents(scene.runtime)).toBe(0);
      await late.query('COMMIT');
    } finally {
      await late.end();
    }
    await sealTrail(scene.runtime, 4);
    expect(await scene.verify()).toMatchObject({ events: 6, unsealed: 0, findings: [] });
    expect(await scene.idOf(3)).toBe('evt_late');
  });

  it('is done by one of several instances at a time, while others record', async () => {
    const instances = [scene.runtime, { ...scene.runtime }, { ...scene.runtime }];
    let sealed = 0;
    const recording = Promise.all(Array.from({ length: 4 }, () => scene.record(25)));
    const sealing = instances.map(async (runtime) => {
      while (sealed < 100) {
        const more = await sealAuditEvents(runtime, { atMost: 7 });
        sealed += more;
      }
    });
    await Promise.all([recording, ...sealing]);
    expect(sealed).toBe(100);
    expect(await scene.verify()).toMatchObject({ events: 100, unsealed: 0, findings: [] });
  });

  it('leaves nothing half done when it is killed: the next one goes on', async () => {
    await scene.record(5);
    const killed = new Client({ connectionString: scene.database.runtimeUrl });
    killed.on('error', () => undefined);
    await killed.connect();
    const pid = (await killed.query('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
    await killed.query('BEGIN');
    await killed.query('SELECT pg_advisory_xact_lock(72707372)');
    await killed.query(
      `INSERT INTO audit_seals (tenant_id, number, until_tx, until_at, until_id, jws, digests) VALUES ('root', 1, 1, now(), 'x', 'half', '')`,
    );
    expect(await sealAuditEvents(scene.runtime)).toBe(0);
    await query(scene.database.runtimeUrl, `SELECT pg_terminate_backend(${pid})`);
    await sealTrail(scene.runtime, 5);
    expect(await scene.verify()).toMatchObject({ seals: 1, events: 5, findings: [] });
  });
});

describe('when the secret changes', () => {
  it('the chain goes on under the new one, and stays whole when the old one is gone', async () => {
    const secrets = [randomToken(), randomToken(), randomToken()] as [string, string, string];
    const under = (current: string, ...previous: string[]) => ({ ...scene.runtime, vault: createVault({ current, previous }) });
    const [first, both, second] = [under(secrets[0]), under(secrets[1], secrets[0]), under(secrets[1])];
    await scene.record(2);
    await sealTrail(first, 2);
    expect(await renewSeals(first)).toBe(0);
    expect(await renewSeals(both)).toBe(1);
    expect(await renewSeals(both)).toBe(0);
    await scene.record(3);
    await sealTrail(second, 3);
    expect(await scene.verify(second)).toMatchObject({ seals: 3, events: 5, findings: [] });
    expect((await scene.statements()).map((seal) => seal?.events)).toEqual([2, 0, 3]);
    expect((await scene.verify(under(secrets[2]))).findings.map(({ kind }) => kind)).toEqual([
      'seal-unsigned',
      'seal-unsigned',
      'seal-unsigned',
    ]);
    const kids = (await listTrustedAuditKeys(second, scene.root)).map(({ kid }) => kid);
    expect(kids).toEqual([second, first].map(({ vault }) => auditKeysOf(vault, scene.root)[0].kid));
    expect(await listTrustedAuditKeys(under(secrets[2]), scene.root)).toHaveLength(1);
  });
});

describe('a database that was restored into another server', () => {
  it('gets new events after the old ones again, once the owner has migrated', async () => {
    // As in the server that the dump was made of, whose transactions had come further.
    const shiftTo = (ahead: number) =>
      scene.asOwner(`CREATE OR REPLACE FUNCTION audit_position() RETURNS bigint LANGUAGE sql VOLATILE AS $$SELECT pg_current_xact_id()::text::int8 + ${ahead}$$;
        CREATE OR REPLACE FUNCTION audit_horizon() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT pg_snapshot_xmin(pg_current_snapshot())::text::int8 + ${ahead}$$`);
    const client = new Client({ connectionString: scene.database.ownerUrl });
    await client.connect();
    try {
      await shiftTo(1_000_000_000);
      await scene.recordSealed(2, 2);
      expect(await isAuditOrderBroken(client)).toBe(false);
      await shiftTo(0);
      expect(await isAuditOrderBroken(client)).toBe(true);
      await applyMigrations({ ownerUrl: scene.database.ownerUrl, auditRetentionSeconds: 2_557 * 86_400 });
      expect(await isAuditOrderBroken(client)).toBe(false);
      await scene.recordSealed(1, 3);
      expect(await scene.verify()).toMatchObject({ seals: 3, events: 7, unsealed: 0, findings: [] });
    } finally {
      await shiftTo(0);
      await client.end();
    }
  });
});
