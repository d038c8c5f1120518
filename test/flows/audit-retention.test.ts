/** Audit events go when their time is over, and the trail is whole without them. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TenantId } from '../../src/domain/ids.ts';
import { sha256Bytes } from '../../src/platform/digest.ts';
import { listSealedLines } from '../../src/services/export-audit.ts';
import { keepAuditMonths } from '../../src/services/keep-audit-months.ts';
import { verifyAuditTrail } from '../../src/services/verify-audit-trail.ts';
import { recordAuditEvents } from '../../src/store/audit.ts';
import { listSeals } from '../../src/store/audit-seals.ts';
import { applyMigrations } from '../../src/store/migrate/apply-migrations.ts';
import { obtainTenant } from '../../src/store/tenants.ts';
import { type AuditScene, otherTenant, setAuditScene } from '../support/audit-scene.ts';
import { sealTrail } from '../support/seal-trail.ts';

let scene: AuditScene;
beforeAll(async () => {
  scene = await setAuditScene();
});
afterAll(() => scene.end());
beforeEach(() => scene.clear());

describe('when the time of events is over', () => {
  const day = 86_400_000;
  const monthsAgo = (months: number) => {
    const now = new Date();
    return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 15));
  };
  const monthOf = (at: Date) => at.toISOString().slice(0, 7);
  const migrate = (retentionDays: number) =>
    applyMigrations({ ownerUrl: scene.database.ownerUrl, auditRetentionSeconds: (retentionDays * day) / 1_000 });
  const set = (tenantId: TenantId, settings: object) =>
    scene.asOwner(`UPDATE tenants SET settings = '${JSON.stringify(settings)}' WHERE id = '${tenantId}'`);

  beforeEach(async () => {
    await obtainTenant(scene.runtime.store, {
      id: otherTenant,
      slug: 'other',
      issuer: 'http://localhost:4000/t/other',
      name: 'Other',
      createdAt: new Date(),
    });
    for (const months of [14, 4, 0]) {
      await scene.asOwner(`SELECT make_audit_partition('${monthsAgo(months).toISOString()}')`);
      for (const tenantId of [scene.root, otherTenant]) await scene.record(3, { tenantId, at: () => monthsAgo(months) });
    }
    await sealTrail(scene.runtime, 18);
  });
  afterEach(async () => {
    await set(otherTenant, {});
    await migrate(2_557);
  });

  it('whole months go, their seals stay, and the trail is whole', async () => {
    await migrate(300);
    expect(await keepAuditMonths(scene.runtime)).toBe(1);
    expect(await keepAuditMonths(scene.runtime)).toBe(0);
    const wanted = { seals: 3, events: 6, unsealed: 1, dropped: [monthOf(monthsAgo(14))], findings: [] };
    expect(await scene.verify()).toMatchObject(wanted);
    await sealTrail(scene.runtime, 2);
    expect(await scene.verify()).toMatchObject({ ...wanted, seals: 4, events: 7, unsealed: 0 });
  });

  it('a tenant’s own time counts for its events alone, once the owner has written it down', async () => {
    await set(otherTenant, { 'audit-retention': '60d' });
    expect(await keepAuditMonths(scene.runtime)).toBe(0);
    await migrate(2_557);
    let gone = 0;
    for (let more = 1; more > 0; gone += more) more = await keepAuditMonths(scene.runtime);
    expect(gone).toBe(6);
    await sealTrail(scene.runtime, 2);
    const reports = await verifyAuditTrail(scene.runtime);
    expect(reports).toMatchObject([
      { tenant: 'root', events: 9, dropped: [], findings: [] },
      { tenant: otherTenant, events: 5, dropped: [monthOf(monthsAgo(14)), monthOf(monthsAgo(4))], findings: [] },
    ]);
  });

  it('ABUSE-75: the digests of events that are gone stay part of the proof: of a copy of them, and of the trail', async () => {
    const { store } = scene.runtime;
    const findOldest = async () => {
      const [seal] = await listSeals(store, scene.root, { after: 0, limit: 1 });
      if (!seal) throw new Error('nothing is sealed');
      return seal;
    };
    const copies = await listSealedLines(store, await findOldest());
    expect(copies).toHaveLength(3);
    await migrate(300);
    expect(await keepAuditMonths(scene.runtime)).toBe(1);
    const oldest = await findOldest();
    expect(await listSealedLines(store, oldest)).toEqual([]);
    expect(Buffer.from(oldest.digests)).toEqual(Buffer.concat(copies.map(sha256Bytes)));
    await scene.asOwner(`UPDATE audit_seals SET digests = '' WHERE tenant_id = '${scene.root}' AND number = 1`);
    expect(await scene.findings()).toMatchObject([{ kind: 'seal-changed', seal: 1 }]);
  });

  it('ABUSE-75: an owner who drops a month before its time, or says that it was over, is found', async () => {
    const name = `audit_events_${monthOf(monthsAgo(4)).replace('-', '_')}`;
    await scene.asOwner(`DROP TABLE ${name}`);
    const gone = { kind: 'events-gone', month: monthOf(monthsAgo(4)), events: 3 };
    expect(await scene.findings()).toMatchObject([gone]);
    await recordAuditEvents(scene.runtime.store, [
      {
        ...{ tenantId: scene.root, type: 'audit.month-dropped', actorType: 'issuer', outcome: 'success', at: new Date() },
        detail: { month: monthOf(monthsAgo(4)), keptSeconds: 1 },
      },
    ]);
    expect(await scene.findings()).toMatchObject([gone]);
    await sealTrail(scene.runtime, 1);
    expect(await scene.findings()).toMatchObject([gone]);
  });
});
