import type { JWK } from 'jose';
import type { TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/** Where a key is in its life: published and waiting, signing, published still for what it signed, or withdrawn. */
export type SigningKeyState = 'next' | 'current' | 'retiring' | 'retired';

/** A signing key as stored; its private half is sealed. */
export interface StoredSigningKey {
  kid: string;
  algorithm: string;
  state: SigningKeyState;
  publicJwk: JWK;
  /** Absent once the key is retired. */
  sealedPrivateJwk?: string;
  /** Published from then on. */
  createdAt: Date;
  signsFrom?: Date;
  signsUntil?: Date;
  /** When it goes on to its next state: `next` takes over, `retiring` is withdrawn. */
  changesAt?: Date;
  retiredAt?: Date;
}

function toSigningKey(row: Prisma.SigningKeyGetPayload<object>): StoredSigningKey {
  const { kid, algorithm, createdAt } = row;
  return {
    kid,
    algorithm,
    state: row.state as SigningKeyState,
    publicJwk: row.publicJwk as JWK,
    createdAt,
    ...(row.sealedPrivateJwk !== null && { sealedPrivateJwk: row.sealedPrivateJwk }),
    ...(row.signsFrom && { signsFrom: row.signsFrom }),
    ...(row.signsUntil && { signsUntil: row.signsUntil }),
    ...(row.changesAt && { changesAt: row.changesAt }),
    ...(row.retiredAt && { retiredAt: row.retiredAt }),
  };
}

const oldestFirst = [{ createdAt: 'asc' }, { kid: 'asc' }] as const;

/** Lists the keys that sign, wait or are still published, oldest first. */
export async function listSigningKeys(db: Database, tenantId: TenantId): Promise<StoredSigningKey[]> {
  const rows = await db.signingKey.findMany({ where: { tenantId, state: { not: 'retired' } }, orderBy: [...oldestFirst] });
  return rows.map(toSigningKey);
}

/** Lists all keys there ever were, retired ones without their private half, oldest first. */
export async function listAllSigningKeys(db: Database, tenantId: TenantId): Promise<StoredSigningKey[]> {
  const rows = await db.signingKey.findMany({ where: { tenantId }, orderBy: [...oldestFirst] });
  return rows.map(toSigningKey);
}

/** Lists tenants with a key that is to go on to its next state. */
export async function listTenantsWithDueKeys(db: Database, at: Date, limit: number): Promise<TenantId[]> {
  const rows = await db.signingKey.findMany({
    where: { changesAt: { lte: at } },
    orderBy: { changesAt: 'asc' },
    take: limit,
    select: { tenantId: true },
  });
  return [...new Set(rows.map(({ tenantId }) => tenantId as TenantId))];
}

/** Keeps a new key. */
export async function createSigningKey(db: Database, tenantId: TenantId, key: StoredSigningKey): Promise<void> {
  await db.signingKey.create({ data: { ...key, tenantId, publicJwk: key.publicJwk as Prisma.InputJsonObject } });
}

/** A step of a key's life. What is null is taken away. */
export interface SigningKeyStep {
  state?: SigningKeyState;
  sealedPrivateJwk?: null;
  signsFrom?: Date;
  signsUntil?: Date;
  changesAt?: Date | null;
  retiredAt?: Date;
}

/** Lets a key go on. */
export async function changeSigningKey(db: Database, tenantId: TenantId, kid: string, step: SigningKeyStep): Promise<void> {
  await db.signingKey.update({ where: { tenantId_kid: { tenantId, kid } }, data: step });
}
