/** What agents did in a person's name, by day and tool; written with the reports (`store/hot/tool-reports.ts`). */
import type { Database } from './client.ts';

/** Removes at most 500 counters of days before `day`; returns how many. */
export async function deleteToolUsesBefore(db: Database, day: Date): Promise<number> {
  return db.$executeRaw`
    DELETE FROM tool_uses WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM tool_uses WHERE day < ${day}::date ORDER BY day LIMIT 500 FOR UPDATE SKIP LOCKED)) AND day < ${day}::date`;
}
