import type { Database } from './client.ts';
import { batchRows } from './expired-rows.ts';
import { Prisma } from './generated/client.ts';

/**
 * Removes a batch of API keys, of all tenants, that have been over since before `overSince`; those that somebody holds are left for later.
 * A status index that is still one's turns invalid first, so that it is given back like any other.
 */
export async function removeOldApiKeys(db: Database, { overSince, now }: { overSince: Date; now: Date }): Promise<number> {
  // One after the other: a condition on either end is found by no index.
  const listOver = (end: 'expires_at' | 'revoked_at') => db.$queryRaw<{ tenant_id: string; id: string }[]>`
    SELECT tenant_id, id FROM api_keys WHERE ${Prisma.raw(end)} < ${overSince}
    ORDER BY ${Prisma.raw(end)} LIMIT ${batchRows} FOR UPDATE SKIP LOCKED`;
  const expired = await listOver('expires_at');
  const old = expired.length > 0 ? expired : await listOver('revoked_at');
  if (old.length === 0) return 0;
  const keys = Prisma.join(old.map((row) => Prisma.sql`(${row.tenant_id}, ${row.id})`));
  await db.$executeRaw`
    UPDATE status_entries SET invalid_at = ${now} WHERE (tenant_id, installation_id) IN (${keys}) AND invalid_at IS NULL`;
  return db.$executeRaw`DELETE FROM api_keys WHERE (tenant_id, id) IN (${keys})`;
}
