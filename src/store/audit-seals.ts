import type { AuditPosition } from '../domain/audit-record.ts';
import type { AuditSeal } from '../domain/audit-seal.ts';
import type { TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** A seal as stored. What its JWS says counts; the rest of the row is there to find it by. */
export interface StoredSeal extends AuditSeal {
  tenantId: TenantId;
  number: number;
  until: AuditPosition;
}

/** The newest seal of a tenant. */
export type SealHead = Omit<StoredSeal, 'digests'>;

/** Of several instances one seals; the others are told false. Holds until the transaction ends. */
export async function takeSealingTurn(db: Database): Promise<boolean> {
  const [turn] = await db.$queryRaw<{ taken: boolean }[]>`SELECT pg_try_advisory_xact_lock(72707372) AS taken`;
  return turn?.taken ?? false;
}

/** Up to where everything is sealed; undefined when nothing is. */
export async function findSealedUntil(db: Database): Promise<AuditPosition | undefined> {
  const [row] = await db.$queryRaw<UntilRow[]>`
    SELECT until_tx, until_at, until_id FROM audit_seals ORDER BY until_tx DESC, until_at DESC, until_id COLLATE "C" DESC LIMIT 1`;
  return row && toPosition(row);
}

/** The newest seals of some tenants; of all when none are named. */
export async function listSealHeads(db: Database, tenantIds?: readonly TenantId[]): Promise<SealHead[]> {
  const which = tenantIds ? Prisma.sql`unnest(${[...tenantIds]}::text[]) AS t(id)` : Prisma.sql`tenants t`;
  const rows = await db.$queryRaw<Omit<SealRow, 'digests'>[]>`
    SELECT s.* FROM ${which} CROSS JOIN LATERAL (
      SELECT tenant_id, number, until_tx, until_at, until_id, jws FROM audit_seals WHERE tenant_id = t.id ORDER BY number DESC LIMIT 1) s`;
  return rows.map(toHead);
}

/** Adds seals. Throws when a number is taken: somebody else sealed at the same time. */
export async function addSeals(db: Database, seals: readonly StoredSeal[]): Promise<void> {
  await db.auditSeal.createMany({
    data: seals.map(({ tenantId, number, until, jws, digests }) => ({
      ...{ tenantId, number, jws },
      digests: Uint8Array.from(digests),
      ...{ untilTx: BigInt(until.tx), untilAt: until.at, untilId: until.id },
    })),
  });
}

/** Seals in the order of what they seal; a page of them after `after`. */
export async function listSealsInOrder(
  db: Database,
  { tenantId, after, limit }: { tenantId?: TenantId | undefined; after?: StoredSeal | undefined; limit: number },
): Promise<StoredSeal[]> {
  const rows = await db.$queryRaw<SealRow[]>`
    SELECT tenant_id, number, until_tx, until_at, until_id, jws, digests FROM audit_seals
    WHERE ${tenantId === undefined ? Prisma.sql`true` : Prisma.sql`tenant_id = ${tenantId}`}
      AND ${after === undefined ? Prisma.sql`true` : isAfter(after)}
    ORDER BY until_tx, until_at, until_id COLLATE "C", tenant_id COLLATE "C", number LIMIT ${limit}`;
  return rows.map(toSeal);
}

function isAfter({ until, tenantId, number }: StoredSeal): Prisma.Sql {
  return Prisma.sql`until_tx >= ${BigInt(until.tx)} AND
    (until_tx, until_at, until_id COLLATE "C", tenant_id COLLATE "C", number) >
    (${BigInt(until.tx)}, ${until.at}::timestamptz, ${until.id}, ${tenantId}, ${number})`;
}

/** A tenant's seals by number; a page of them after the one with the number `after`. */
export async function listSeals(
  db: Database,
  tenantId: TenantId,
  { after, limit }: { after: number; limit: number },
): Promise<StoredSeal[]> {
  const rows = await db.$queryRaw<SealRow[]>`
    SELECT tenant_id, number, until_tx, until_at, until_id, jws, digests FROM audit_seals
    WHERE tenant_id = ${tenantId} AND number > ${after} ORDER BY number LIMIT ${limit}`;
  return rows.map(toSeal);
}

interface UntilRow {
  until_tx: bigint;
  until_at: Date;
  until_id: string;
}

interface SealRow extends UntilRow {
  tenant_id: TenantId;
  number: number;
  jws: string;
  digests: Uint8Array;
}

function toPosition({ until_tx: tx, until_at: at, until_id: id }: UntilRow): AuditPosition {
  return { tx: Number(tx), at: at.toISOString(), id };
}

function toHead({ tenant_id: tenantId, number, jws, ...until }: Omit<SealRow, 'digests'>): SealHead {
  return { tenantId, number, jws, until: toPosition(until) };
}

function toSeal({ digests, ...head }: SealRow): StoredSeal {
  return { ...toHead(head), digests };
}
