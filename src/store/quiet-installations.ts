/**
 * Installations that are over. They are looked through in the order of their keys, a page at a time and round and round: an index
 * on their last use would cost every refresh more than all of this.
 */
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

const pageRows = 200;

/** Where a page begins: after this row. */
export interface InstallationPlace {
  tenantId: string;
  id: string;
}

/** What was found over in one page. */
export interface QuietInstallations {
  lapsed: number;
  removed: number;
  /** Where the next page begins; undefined when this was the last. */
  next: InstallationPlace | undefined;
}

/** What keeps an installation: the engine's grant, which lives as long as any code or token of its family may be asked for (ENG-9). */
const isHeld = Prisma.sql`
  EXISTS (SELECT FROM artifacts AS g WHERE g.tenant_id = i.tenant_id AND g.model = 'Grant'
    AND g.digest = rtrim(translate(encode(sha256(convert_to(i.grant_id, 'UTF8')), 'base64'), '+/', '-_'), '='))`;

/**
 * Looks through one page. What took no token since `quietSince` and has nothing left to take one with ends as `lapsed`, and its
 * status index is given back (it turns invalid first, like any other). What ended before `endedBefore` is removed, once no
 * status index is its any more.
 */
export async function retireInstallations(
  db: Database,
  after: InstallationPlace | undefined,
  { now, quietSince, endedBefore }: { now: Date; quietSince: Date; endedBefore: Date },
): Promise<QuietInstallations> {
  const { tenantId, id } = after ?? { tenantId: '', id: '' };
  const page = await db.$queryRaw<{ tenant_id: string; id: string; quiet: boolean; ended: boolean }[]>`
    SELECT tenant_id, id, ended_at IS NULL AND GREATEST(created_at, last_token_at) < ${quietSince} AS quiet,
      COALESCE(ended_at < ${endedBefore}, false) AS ended
    FROM installations WHERE (tenant_id, id) > (${tenantId}, ${id}) ORDER BY tenant_id, id LIMIT ${pageRows}`;
  const quiet = page.filter((row) => row.quiet);
  const ended = page.filter((row) => row.ended);
  const lapsed = quiet.length === 0 ? [] : await lapse(db, quiet, { now, quietSince });
  const removed =
    ended.length === 0
      ? 0
      : await db.$executeRaw`
          DELETE FROM installations AS i WHERE (tenant_id, id) IN (${keys(ended)}) AND ended_at < ${endedBefore} AND NOT (${isHeld})
            AND NOT EXISTS (SELECT FROM status_entries AS s WHERE s.tenant_id = i.tenant_id AND s.installation_id = i.id)`;
  const last = page.length === pageRows ? page.at(-1) : undefined;
  return { lapsed: lapsed.length, removed, next: last && { tenantId: last.tenant_id, id: last.id } };
}

type Row = { tenant_id: string; id: string };

async function lapse(db: Database, quiet: readonly Row[], { now, quietSince }: { now: Date; quietSince: Date }): Promise<Row[]> {
  const lapsed = await db.$queryRaw<Row[]>`
    UPDATE installations SET ended_at = ${now}, end_reason = 'lapsed', status_list = NULL, status_index = NULL
    WHERE (tenant_id, id) IN (
      SELECT tenant_id, id FROM installations AS i
      WHERE (tenant_id, id) IN (${keys(quiet)}) AND ended_at IS NULL AND GREATEST(created_at, last_token_at) < ${quietSince}
        AND NOT (${isHeld})
      FOR UPDATE SKIP LOCKED)
    RETURNING tenant_id, id`;
  if (lapsed.length > 0) {
    await db.$executeRaw`
      UPDATE status_entries SET invalid_at = ${now}
      WHERE (tenant_id, installation_id) IN (${keys(lapsed)}) AND invalid_at IS NULL`;
  }
  return lapsed;
}

function keys(rows: readonly Row[]): Prisma.Sql {
  return Prisma.join(rows.map((row) => Prisma.sql`(${row.tenant_id}, ${row.id})`));
}
