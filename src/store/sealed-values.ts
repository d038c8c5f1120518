import type { Database } from './client.ts';

/** A column whose values are sealed and live long enough to outlive the secret they are sealed under. */
export type SealedColumn = 'signing-key' | 'server-headers' | 'session-id';

/** Table, column, what names a row within its tenant, and which rows. All of it is ours: nothing of a request gets in. */
const places = {
  'signing-key': { table: 'signing_keys', column: 'sealed_private_jwk', key: 'kid', which: 'true' },
  'server-headers': { table: 'servers', column: 'sealed_headers', key: 'id', which: 'true' },
  'session-id': { table: 'artifacts', column: 'sealed_id', key: 'digest', which: `model = 'Session'` },
} as const satisfies Record<SealedColumn, object>;

/** All of them. */
export const sealedColumns = Object.keys(places) as SealedColumn[];

/** A sealed value and where it stands. */
export interface SealedValue {
  tenantId: string;
  /** Names the row within its tenant. */
  key: string;
  envelope: string;
}

/** Lists sealed values of a column in a fixed order, `limit` of them after `after`. */
export async function listSealedValues(
  db: Database,
  of: SealedColumn,
  { after, limit }: { after: Pick<SealedValue, 'tenantId' | 'key'> | undefined; limit: number },
): Promise<SealedValue[]> {
  const { table, column, key, which } = places[of];
  return db.$queryRawUnsafe<SealedValue[]>(
    `SELECT tenant_id AS "tenantId", ${key} AS key, ${column} AS envelope FROM ${table}
     WHERE ${which} AND ${column} IS NOT NULL AND (tenant_id, ${key}) > ($1, $2) ORDER BY tenant_id, ${key} LIMIT $3`,
    after?.tenantId ?? '',
    after?.key ?? '',
    limit,
  );
}

/** Puts another envelope in the place of one, unless the value was changed meanwhile; says whether it did. */
export async function replaceSealedValue(db: Database, of: SealedColumn, value: SealedValue, envelope: string): Promise<boolean> {
  const { table, column, key, which } = places[of];
  const count = await db.$executeRawUnsafe(
    `UPDATE ${table} SET ${column} = $4 WHERE ${which} AND tenant_id = $1 AND ${key} = $2 AND ${column} = $3`,
    value.tenantId,
    value.key,
    value.envelope,
    envelope,
  );
  return count === 1;
}

/** One envelope of each secret under which keys and server headers are sealed. */
export async function sampleSealedValues(db: Database): Promise<string[]> {
  const rows = await db.$queryRaw<{ envelope: string }[]>`
    SELECT min(envelope) AS envelope FROM (
      SELECT sealed_private_jwk AS envelope FROM signing_keys UNION ALL SELECT sealed_headers FROM servers
    ) AS sealed WHERE envelope IS NOT NULL GROUP BY split_part(envelope, '.', 2)`;
  return rows.map(({ envelope }) => envelope);
}
