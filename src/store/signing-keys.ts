import type { JWK } from 'jose';
import type { TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/** Where a key is in its life. */
export type SigningKeyState = 'next' | 'current' | 'retiring' | 'retired';

/** A signing key as stored; its private half is sealed. */
export interface StoredSigningKey {
  kid: string;
  algorithm: string;
  state: SigningKeyState;
  publicJwk: JWK;
  sealedPrivateJwk: string;
  createdAt: Date;
}

/** Lists the keys that sign or are still published, oldest first. */
export async function listSigningKeys(db: Database, tenantId: TenantId): Promise<StoredSigningKey[]> {
  const rows = await db.signingKey.findMany({
    where: { tenantId, state: { not: 'retired' } },
    orderBy: [{ createdAt: 'asc' }, { kid: 'asc' }],
  });
  return rows.map((row) => ({ ...row, state: row.state as SigningKeyState, publicJwk: row.publicJwk as JWK }));
}

/** Keeps a new key. */
export async function createSigningKey(db: Database, tenantId: TenantId, key: StoredSigningKey): Promise<void> {
  await db.signingKey.create({ data: { ...key, tenantId, publicJwk: key.publicJwk as Prisma.InputJsonObject } });
}
