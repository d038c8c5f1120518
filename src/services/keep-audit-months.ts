import { keepAuditPartitions } from '../store/audit-partitions.ts';
import type { Runtime } from './runtime.ts';

/**
 * Sees to it that the audit trail has partitions for the months to come and that months past the retention go. Always returns 0:
 * one call does all there is to do. Nothing is lost when it does not run: events without a month's partition have a place too.
 */
export async function keepAuditMonths({ store, log }: Pick<Runtime, 'store' | 'log'>): Promise<number> {
  const { made, dropped } = await keepAuditPartitions(store);
  if (made + dropped > 0) log.info({ made, dropped }, 'months of the audit trail');
  return 0;
}
