import type { Database } from './client.ts';

/** What became of the months of the audit trail. */
export interface KeptPartitions {
  made: number;
  dropped: number;
}

/**
 * Makes the partitions of the months to come, and drops the months that are past the retention. The owner's function decides by
 * the database's clock and the retention that `migrate` wrote; the runtime role can only ask it to.
 */
export async function keepAuditPartitions(db: Database): Promise<KeptPartitions> {
  const [kept] = await db.$queryRaw<KeptPartitions[]>`SELECT made, dropped FROM keep_audit_partitions()`;
  return kept ?? { made: 0, dropped: 0 };
}
