/** Refreshes while millions of expired artifacts are removed. */
import type { Client } from 'pg';
import { measureBesideRemoval } from './beside-removal.ts';
import type { BenchOptions } from './options.ts';

/** Runs it and returns the findings as text. */
export function measureCleanup(options: BenchOptions & { rowCount: number }, say: (line: string) => void): Promise<string> {
  const removal = {
    title: 'expired artifacts',
    rows: options.rowCount,
    table: 'artifacts',
    fillIn: (client: Client) => client.query(fillIn, [options.rowCount]),
    count: countOver,
  };
  return measureBesideRemoval(options, removal, say);
}

/** Spent refresh tokens of different families that expired during the month before, of the size that they have. */
const fillIn = `
  INSERT INTO artifacts (tenant_id, model, digest, payload, sealed_id, grant_id, account_id, consumed_at, expires_at, created_at)
  SELECT 'root', 'RefreshToken', md5(n::text) || left(md5((-n)::text), 11),
    jsonb_build_object('kind', 'RefreshToken', 'scope', 'toolgrant', 'clientId', 'cli_' || left(md5(n::text), 20), 'gty', 'authorization_code',
      'grantId', md5((n / 10)::text), 'resource', 'https://tracker.example/mcp', 'filler', repeat(md5(n::text), 5)),
    NULL, md5((n / 10)::text), 'usr_' || left(md5((n / 100)::text), 20), now() - interval '32 days', now() - interval '1 day' * (1 + random() * 29),
    now() - interval '60 days'
  FROM generate_series(1, $1::int) AS n`;

async function countOver(client: Client): Promise<number> {
  const { rows } = await client.query(`SELECT count(*) AS n FROM artifacts WHERE expires_at < now() - interval '1 hour'`);
  return Number(rows[0].n);
}
