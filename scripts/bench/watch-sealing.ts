import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { BenchDatabase } from './database.ts';

/** How the sealer stood when a load had ended. */
export interface SealingFindings {
  /** In the trail, sealed or not. */
  events: number;
  /** Not sealed when the load ended. */
  unsealed: number;
  /** From then until all were. */
  seconds: number;
}

const longestMs = 120_000;

/** Waits until everything is sealed, for two minutes at most. */
export async function watchSealing({ ownerUrl }: BenchDatabase): Promise<SealingFindings> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const countUnsealed = async () => {
      const { rows } =
        await client.query(`SELECT count(*)::int AS n FROM audit_events e, (SELECT until_tx, until_at, until_id FROM audit_seals
        ORDER BY until_tx DESC, until_at DESC, until_id COLLATE "C" DESC LIMIT 1) s
        WHERE e.tx >= s.until_tx AND (e.tx, e.at, e.id COLLATE "C") > (s.until_tx, s.until_at, s.until_id)`);
      return rows[0].n as number;
    };
    const beganAt = performance.now();
    const unsealed = await countUnsealed();
    while ((await countUnsealed()) > 0 && performance.now() - beganAt < longestMs) await sleep(200);
    const seconds = (performance.now() - beganAt) / 1_000;
    const { rows } = await client.query('SELECT count(*)::int AS n FROM audit_events');
    return { events: rows[0].n, unsealed, seconds };
  } finally {
    await client.end();
  }
}
