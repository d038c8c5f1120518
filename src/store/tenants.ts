import { idPrefixes, type TenantId } from '../domain/ids.ts';
import { randomId } from '../platform/random.ts';
import type { Database } from './client.ts';

/** A tenant as stored. `issuer` is its URL without a trailing slash. */
export interface StoredTenant {
  id: TenantId;
  slug: string;
  issuer: string;
  name: string;
}

/** A tenant with when its row was written last, by the database's clock. */
export interface DatedTenant extends StoredTenant {
  changedAt: Date;
}

const columns = { id: true, slug: true, issuer: true, name: true } as const;

function toTenant<Row extends { id: string }>(row: Row): Row & { id: TenantId } {
  return { ...row, id: row.id as TenantId };
}

/** Finds a tenant. */
export async function findTenant(db: Database, id: TenantId): Promise<StoredTenant | undefined> {
  const row = await db.tenant.findUnique({ where: { id }, select: columns });
  return row ? toTenant(row) : undefined;
}

/** Finds a tenant by its slug. */
export async function findTenantBySlug(db: Database, slug: string): Promise<StoredTenant | undefined> {
  const row = await db.tenant.findUnique({ where: { slug }, select: columns });
  return row ? toTenant(row) : undefined;
}

/** Lists tenants in the order of their slugs; with `limit`, the first ones. */
export async function listTenants(db: Database, limit?: number): Promise<(StoredTenant & { createdAt: Date })[]> {
  const select = { ...columns, createdAt: true } as const;
  const rows = await db.tenant.findMany({ select, orderBy: { slug: 'asc' }, ...(limit !== undefined && { take: limit }) });
  return rows.map(toTenant);
}

/** Lists tenants whose rows were written since an instant of the database's clock; all of them without one. */
export async function listTenantsChangedSince(db: Database, since: Date | undefined): Promise<DatedTenant[]> {
  const where = since ? { changedAt: { gte: since } } : {};
  const rows = await db.tenant.findMany({ where, select: { ...columns, changedAt: true } });
  return rows.map(toTenant);
}

/** Makes a tenant if it is not there; of two that try together, one does. */
export async function obtainTenant(db: Database, tenant: StoredTenant & { createdAt: Date }): Promise<void> {
  await db.tenant.createMany({ data: tenant, skipDuplicates: true });
}

/** Makes a tenant; undefined when its slug or issuer URL is another's. */
export async function createTenant(
  db: Database,
  tenant: Omit<StoredTenant, 'id'> & { createdAt: Date },
): Promise<StoredTenant | undefined> {
  const id = randomId(idPrefixes.tenant) as TenantId;
  const { count } = await db.tenant.createMany({ data: { ...tenant, id }, skipDuplicates: true });
  const { slug, issuer, name } = tenant;
  return count === 1 ? { id, slug, issuer, name } : undefined;
}

/** Gives a tenant another issuer URL. */
export async function updateTenantIssuer(db: Database, id: TenantId, issuer: string): Promise<void> {
  await db.$executeRaw`UPDATE tenants SET issuer = ${issuer}, changed_at = clock_timestamp() WHERE id = ${id}`;
}

/** Moves the tenants below one base to the same place below another; returns how many. */
export async function moveTenantsBelow(db: Database, before: string, now: string): Promise<number> {
  return db.$executeRaw`
    UPDATE tenants SET issuer = ${now} || '/t/' || slug, changed_at = clock_timestamp() WHERE issuer = ${before} || '/t/' || slug`;
}

/** Locks the tenant's row until the transaction ends, so that of two that would make what may exist once, one does. */
export async function lockTenant(db: Database, tenantId: TenantId): Promise<void> {
  await db.$queryRaw`SELECT 1 FROM tenants WHERE id = ${tenantId} FOR UPDATE`;
}
