import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** How many rows one statement removes at most, so that no token request waits behind it. */
export const batchRows = 500;

/** The tables whose rows end at an instant of their own. */
export type ExpiringTable = 'artifacts' | 'one_time_links' | 'selections' | 'rate_limits' | 'remote_documents' | 'initial_access_tokens';

/** What one batch removed of one table, and how far it came. */
export interface RemovedBatch {
  count: number;
  /** The latest end among the removed. */
  until?: Date;
}

/** Of two processes that clean up one does; the other is told false. Holds until the transaction ends. */
export async function takeCleanUpTurn(db: Database): Promise<boolean> {
  // A deletion that a power cut undoes is done again: nobody waits for the disk. Everything else of the connection is as before.
  const [turn] = await db.$queryRaw<{ taken: boolean }[]>`
    SELECT pg_try_advisory_xact_lock(72707371) AS taken, set_config('synchronous_commit', 'off', true)`;
  return turn?.taken ?? false;
}

/**
 * Removes a batch of rows of a table that have been over since before `expiredBefore`, the oldest first; those that somebody holds
 * are left for later. Consumed codes and refresh tokens stay until they expire, because their reuse must be noticed (ENG-5).
 * `from` spares looking again at what earlier batches removed: until it is vacuumed, the index still leads there.
 */
export async function deleteExpiredRows(
  db: Database,
  table: ExpiringTable,
  { expiredBefore, from = new Date(0) }: { expiredBefore: Date; from?: Date | undefined },
): Promise<RemovedBatch> {
  const isInMs = table === 'rate_limits';
  const name = Prisma.raw(table);
  const end = Prisma.raw(isInMs ? 'expire' : 'expires_at');
  const at = (instant: Date) => (isInMs ? BigInt(instant.getTime()) : instant);
  const [removed] = await db.$queryRaw<{ count: number; until: Date | bigint | null }[]>`
    WITH gone AS (
      DELETE FROM ${name} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM ${name} WHERE ${end} >= ${at(from)} AND ${end} < ${at(expiredBefore)}
        ORDER BY ${end} LIMIT ${batchRows} FOR UPDATE SKIP LOCKED)) AND ${end} < ${at(expiredBefore)}
      RETURNING ${end} AS ended)
    SELECT count(*)::int AS count, max(ended) AS until FROM gone`;
  const { count = 0, until } = removed ?? {};
  return { count, ...(until != null && { until: new Date(Number(until)) }) };
}

/** Since when the oldest row that waits to be removed has been over; undefined when there is none. */
export async function findOldestExpiredArtifact(db: Database, expiredBefore: Date): Promise<Date | undefined> {
  const [oldest] = await db.$queryRaw<{ expires_at: Date }[]>`
    SELECT expires_at FROM artifacts WHERE expires_at < ${expiredBefore} ORDER BY expires_at LIMIT 1`;
  return oldest?.expires_at;
}
