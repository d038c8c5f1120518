import type { Database } from './client.ts';

/** How many rows one statement removes at most, so that no token request waits behind it. */
const batchRows = 500;

/**
 * Removes one batch of rows that have been over since before `expiredBefore`, from each table that grows; returns how many went.
 * Consumed codes and refresh tokens stay until they expire, because their reuse must be noticed (ENG-5).
 */
export async function deleteExpiredRows(db: Database, expiredBefore: Date): Promise<number> {
  const artifacts = await db.$executeRaw`
    DELETE FROM artifacts WHERE (tenant_id, model, digest) IN (
      SELECT tenant_id, model, digest FROM artifacts WHERE expires_at < ${expiredBefore} LIMIT ${batchRows} FOR UPDATE SKIP LOCKED)`;
  const links = await db.$executeRaw`
    DELETE FROM one_time_links WHERE (tenant_id, digest) IN (
      SELECT tenant_id, digest FROM one_time_links WHERE expires_at < ${expiredBefore} LIMIT ${batchRows} FOR UPDATE SKIP LOCKED)`;
  const selections = await db.$executeRaw`
    DELETE FROM selections WHERE (tenant_id, sha256) IN (
      SELECT tenant_id, sha256 FROM selections WHERE expires_at < ${expiredBefore} LIMIT ${batchRows} FOR UPDATE SKIP LOCKED)`;
  const limits = await db.$executeRaw`
    DELETE FROM rate_limits WHERE key IN (
      SELECT key FROM rate_limits WHERE expire < ${BigInt(expiredBefore.getTime())} LIMIT ${batchRows} FOR UPDATE SKIP LOCKED)`;
  return artifacts + links + selections + limits;
}
