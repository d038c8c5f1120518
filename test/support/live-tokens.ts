import { query } from './database-holder.ts';

/** How many refresh tokens are neither used nor expired, for each family that has any, by its grant. A family may have one. */
export async function countLiveTokens(ownerUrl: string): Promise<Map<string, number>> {
  const rows = await query(
    ownerUrl,
    `SELECT grant_id, count(*)::int AS count FROM artifacts
      WHERE model = 'RefreshToken' AND consumed_at IS NULL AND (expires_at IS NULL OR expires_at > now()) GROUP BY grant_id`,
  );
  return new Map(rows.map(({ grant_id: grantId, count }) => [String(grantId), Number(count)]));
}
