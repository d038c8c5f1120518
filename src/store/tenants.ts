import type { TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** A tenant as stored. `issuer` is its URL without a trailing slash. */
export interface StoredTenant {
  id: TenantId;
  slug: string;
  issuer: string;
  name: string;
}

/** Finds a tenant. */
export async function findTenant(db: Database, id: TenantId): Promise<StoredTenant | undefined> {
  const row = await db.tenant.findUnique({ where: { id }, select: { id: true, slug: true, issuer: true, name: true } });
  return row ? { ...row, id: row.id as TenantId } : undefined;
}

/** Makes a tenant if it is not there; of two that try together, one does. */
export async function obtainTenant(db: Database, tenant: StoredTenant & { createdAt: Date }): Promise<void> {
  await db.tenant.createMany({ data: tenant, skipDuplicates: true });
}

/** Gives a tenant another issuer URL. */
export async function updateTenantIssuer(db: Database, id: TenantId, issuer: string): Promise<void> {
  await db.tenant.update({ where: { id }, data: { issuer } });
}

/** Locks the tenant's row until the transaction ends, so that of two that would make what may exist once, one does. */
export async function lockTenant(db: Database, tenantId: TenantId): Promise<void> {
  await db.$queryRaw`SELECT 1 FROM tenants WHERE id = ${tenantId} FOR UPDATE`;
}
