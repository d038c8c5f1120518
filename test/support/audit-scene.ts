/** An audit trail to be sealed, and whoever owns the database that it is in. */

import type { AuditFinding } from '../../src/domain/audit-differences.ts';
import { readSeal, type SealStatement } from '../../src/domain/audit-seal.ts';
import type { TenantId } from '../../src/domain/ids.ts';
import type { Runtime } from '../../src/services/runtime.ts';
import { type StoredTrailReport, verifyAuditTrail } from '../../src/services/verify-audit-trail.ts';
import { recordAuditEvents } from '../../src/store/audit.ts';
import { query } from './database-holder.ts';
import { createTestRuntime, type TestRuntime } from './runtime.ts';
import { sealTrail, settleTrail } from './seal-trail.ts';

/** Another tenant than the root. */
export const otherTenant = 'tnt_other' as TenantId;

/** A trail on a database of its own. */
export interface AuditScene extends TestRuntime {
  root: TenantId;
  /** Signs in as the owner: an attacker who has the whole database. */
  asOwner(sql: string): Promise<Record<string, unknown>[]>;
  /** Records events, each in a transaction of its own; a minute apart where `at` does not say otherwise. */
  record(count: number, about?: { tenantId?: TenantId; at?: () => Date }): Promise<void>;
  /** Waits until all that was recorded can be sealed. */
  settle(): Promise<void>;
  /** Events in seals of `each`. */
  recordSealed(seals: number, each: number): Promise<void>;
  verify(runtime?: Pick<Runtime, 'store' | 'vault'>): Promise<StoredTrailReport>;
  findings(): Promise<AuditFinding[]>;
  /** The id of the root tenant's event with that number. */
  idOf(number: number): Promise<string>;
  /** What its seals say, in their order. */
  statements(): Promise<(SealStatement | undefined)[]>;
  /** Nothing was recorded. */
  clear(): Promise<void>;
}

/** Makes one. */
export async function setAuditScene(): Promise<AuditScene> {
  const scene = await createTestRuntime();
  const { runtime, database, tenant } = scene;
  const root = tenant.id;
  const asOwner = (sql: string) => query(database.ownerUrl, sql);
  let minutes = 0;
  const nextInstant = () => {
    minutes += 1;
    return new Date(Date.parse('2026-11-20T10:00:00Z') + minutes * 60_000);
  };
  const record: AuditScene['record'] = async (count, { tenantId = root, at = nextInstant } = {}) => {
    for (let index = 0; index < count; index += 1) {
      const event = { type: 'user.created', outcome: 'success', actorType: 'operator', detail: { index, b: 1, a: 'é' } } as const;
      await recordAuditEvents(runtime.store, [{ ...event, tenantId, at: at() }]);
    }
  };
  const verify: AuditScene['verify'] = async (by = runtime) => {
    const [report] = await verifyAuditTrail(by, { tenantId: root });
    if (!report) throw new Error('nothing was verified');
    return report;
  };
  return {
    ...scene,
    root,
    asOwner,
    record,
    settle: () => settleTrail(runtime),
    verify,
    recordSealed: async (seals, each) => {
      for (let index = 0; index < seals; index += 1) {
        await record(each);
        await sealTrail(runtime, each);
      }
    },
    findings: async () => (await verify()).findings,
    idOf: async (number) => {
      const rows = await asOwner(`SELECT id FROM audit_events WHERE tenant_id = 'root' ORDER BY tx, at, id COLLATE "C"`);
      return String(rows[number - 1]?.['id']);
    },
    statements: async () => {
      const rows = await asOwner(`SELECT jws FROM audit_seals WHERE tenant_id = 'root' ORDER BY number`);
      return rows.map(({ jws }) => readSeal(String(jws))?.statement);
    },
    clear: async () => void (await asOwner('TRUNCATE audit_events, audit_seals, audit_keys')),
  };
}
