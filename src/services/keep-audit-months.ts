import type { AuditRecord } from '../domain/audit-record.ts';
import { shortestRetentionSeconds } from '../domain/audit-retention.ts';
import { recordAuditEvents } from '../store/audit.ts';
import { dropAuditMonths, keepAuditPartitions } from '../store/audit-partitions.ts';
import { transact } from '../store/client.ts';
import type { Runtime } from './runtime.ts';

/**
 * Sees to it that the audit trail has partitions for the months to come, and that events whose time is over go; returns how many
 * partitions or rows went, so that the caller goes on while there are more. That a month goes stands in the trail it goes from.
 * Nothing is lost when this does not run: events without a month's partition have a place too.
 */
export async function keepAuditMonths({ store, clock, log }: Pick<Runtime, 'store' | 'clock' | 'log'>): Promise<number> {
  const { made } = await keepAuditPartitions(store);
  const { removed, dropped } = await transact(store, async (db) => {
    const gone = await dropAuditMonths(db);
    const at = clock.now();
    const event = { type: 'audit.month-dropped', actorType: 'issuer', outcome: 'success', at } as const;
    await recordAuditEvents(
      db,
      gone.dropped.map(({ tenantId, ...detail }) => ({ ...event, tenantId, detail })),
    );
    return gone;
  });
  if (made + dropped.length > 0) log.info({ made, dropped }, 'months of the audit trail');
  return removed;
}

/** The month that an event says was dropped, if its time was over by then; undefined for all other events. */
export function droppedMonthOf({ type, at, detail }: AuditRecord): string | undefined {
  if (type !== 'audit.month-dropped') return undefined;
  const { month, keptSeconds } = (detail ?? {}) as { month?: unknown; keptSeconds?: unknown };
  if (typeof month !== 'string' || typeof keptSeconds !== 'number' || keptSeconds < shortestRetentionSeconds) return undefined;
  const over = endOfMonth(month);
  return over !== undefined && over.getTime() + keptSeconds * 1_000 <= Date.parse(at) ? month : undefined;
}

function endOfMonth(month: string): Date | undefined {
  const [, year, number] = /^(\d{4})-(\d{2})$/.exec(month) ?? [];
  return year === undefined ? undefined : new Date(Date.UTC(Number(year), Number(number), 1));
}
