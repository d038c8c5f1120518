import type { AuditEvent } from '../domain/audit-event.ts';
import { idPrefixes, type TenantId } from '../domain/ids.ts';
import { randomId } from '../platform/random.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/**
 * Records an audit event. Call it on the transaction of the change it describes, so that both commit or neither.
 * There is no way to change or delete an event: the runtime role may not.
 */
export async function recordAuditEvent(db: Database, tenantId: TenantId, event: AuditEvent & { at: Date }): Promise<void> {
  await recordAuditEvents(db, [{ ...event, tenantId }]);
}

/** Records events of several tenants at once; the same rules hold. */
export async function recordAuditEvents(db: Database, events: readonly (AuditEvent & { tenantId: TenantId; at: Date })[]): Promise<void> {
  await db.auditEvent.createMany({
    data: events.map(({ detail, assurance, ...columns }) => ({
      ...columns,
      id: randomId(idPrefixes.event),
      assurance: assurance ?? 'enforced',
      detail: (detail ?? {}) as Prisma.InputJsonObject,
    })),
  });
}

/** An audit event as stored. */
export interface RecordedAuditEvent extends Omit<AuditEvent, 'type'> {
  id: string;
  at: Date;
  type: string;
}

/** The newest events first, at most `limit` of them. */
export async function listAuditEvents(db: Database, tenantId: TenantId, limit: number): Promise<RecordedAuditEvent[]> {
  const rows = await db.auditEvent.findMany({ where: { tenantId }, orderBy: [{ at: 'desc' }, { id: 'desc' }], take: limit });
  return rows as unknown as RecordedAuditEvent[];
}
