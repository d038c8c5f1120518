import type { TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** Makes the partitions of the months to come; says how many. An owner's function, which decides by the database's clock. */
export async function keepAuditPartitions(db: Database): Promise<{ made: number }> {
  const [kept] = await db.$queryRaw<{ made: number }[]>`SELECT made FROM keep_audit_partitions()`;
  return kept ?? { made: 0 };
}

/** What went of the audit trail. */
export interface DroppedMonths {
  /** Partitions, or rows of some. */
  removed: number;
  /** The months that began to go, by tenant: each once, to be recorded in the same transaction. */
  dropped: { tenantId: TenantId; month: string; keptSeconds: number }[];
}

/** How many rows of one tenant's go at once, where a partition has those of others too. */
const rowsAtOnce = 2_000;

/**
 * Removes a step of what is older than it is to be kept. The owner's function decides by the database's clock and what `migrate`
 * wrote; the runtime role can only ask it to.
 */
export async function dropAuditMonths(db: Database): Promise<DroppedMonths> {
  const [gone] = await db.$queryRaw<DroppedMonths[]>`SELECT removed, dropped FROM drop_audit_months(${rowsAtOnce}::integer)`;
  return gone ?? { removed: 0, dropped: [] };
}
