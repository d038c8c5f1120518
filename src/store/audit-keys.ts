import type { TenantId } from '../domain/ids.ts';
import type { PublicJwk } from '../platform/derived-signing-key.ts';
import type { Database } from './client.ts';

/** The public half of a key that signed seals or receipts. Whoever owns the database could add some: what counts is who vouches for it. */
export interface StoredAuditKey {
  tenantId: TenantId;
  kid: string;
  publicJwk: PublicJwk;
  /** A JWS by this key that names the keys before it; absent for the first. */
  vouchesFor?: string;
}

/** Keeps a key, once; what is kept already stays. */
export async function keepAuditKey(db: Database, key: StoredAuditKey & { createdAt: Date }): Promise<void> {
  await db.auditKey.createMany({ data: { ...key, publicJwk: { ...key.publicJwk } }, skipDuplicates: true });
}

/** The keys of a tenant, oldest first; none is ever removed. */
export async function listAuditKeys(db: Database, tenantId: TenantId): Promise<StoredAuditKey[]> {
  const rows = await db.auditKey.findMany({ where: { tenantId }, orderBy: [{ createdAt: 'asc' }, { kid: 'asc' }] });
  return rows.map(({ kid, publicJwk, vouchesFor }) => ({
    tenantId,
    kid,
    publicJwk: publicJwk as unknown as PublicJwk,
    ...(vouchesFor !== null && { vouchesFor }),
  }));
}

/** The tenants that ever had one. */
export async function listTenantsWithAuditKeys(db: Database): Promise<TenantId[]> {
  const rows = await db.auditKey.findMany({ distinct: ['tenantId'], select: { tenantId: true } });
  return rows.map(({ tenantId }) => tenantId as TenantId);
}
