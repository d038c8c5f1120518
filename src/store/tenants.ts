import { idPrefixes, type TenantId } from '../domain/ids.ts';
import {
  defaultTenantSettings,
  readTenantSettings,
  type StoredSettings,
  type TenantSettings,
  type UnreadSetting,
} from '../domain/tenant-settings.ts';
import { randomId } from '../platform/random.ts';
import type { Database } from './client.ts';

/** A tenant as stored. `issuer` is its URL without a trailing slash. */
export interface StoredTenant {
  id: TenantId;
  slug: string;
  issuer: string;
  name: string;
  settings: TenantSettings;
}

/** A new tenant's row; its settings are the defaults. */
export type NewTenant = Omit<StoredTenant, 'settings'> & { createdAt: Date };

/** A tenant with when its row was written last, by the database's clock. */
export interface DatedTenant extends StoredTenant {
  changedAt: Date;
  /** Stored settings that could not be read. */
  unread: readonly UnreadSetting[];
}

const columns = { id: true, slug: true, issuer: true, name: true, settings: true } as const;

function toTenant<Row extends { id: string; settings: unknown }>(
  row: Row,
): Omit<Row, 'id' | 'settings'> & Pick<StoredTenant, 'id' | 'settings'> {
  return { ...row, id: row.id as TenantId, settings: readTenantSettings(row.settings).settings };
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
  return rows.map((row) => ({ ...toTenant(row), unread: readTenantSettings(row.settings).unread }));
}

/** Makes a tenant if it is not there; of two that try together, one does. */
export async function obtainTenant(db: Database, tenant: NewTenant): Promise<void> {
  const { id, slug, issuer, name, createdAt } = tenant;
  await db.tenant.createMany({ data: { id, slug, issuer, name, createdAt }, skipDuplicates: true });
}

/** Makes a tenant; undefined when its slug or issuer URL is another's. */
export async function createTenant(db: Database, tenant: Omit<NewTenant, 'id'>): Promise<StoredTenant | undefined> {
  const id = randomId(idPrefixes.tenant) as TenantId;
  const { count } = await db.tenant.createMany({ data: { ...tenant, id }, skipDuplicates: true });
  const { slug, issuer, name } = tenant;
  return count === 1 ? { id, slug, issuer, name, settings: defaultTenantSettings } : undefined;
}

/** A tenant's settings as they are stored, those included that mean nothing to this version. */
export async function getStoredSettings(db: Database, id: TenantId): Promise<StoredSettings> {
  const { settings } = await db.tenant.findUniqueOrThrow({ where: { id }, select: { settings: true } });
  return (typeof settings === 'object' && !Array.isArray(settings) ? settings : {}) as StoredSettings;
}

/** Replaces a tenant's settings. Lock the tenant before they are read. */
export async function updateTenantSettings(db: Database, id: TenantId, settings: StoredSettings): Promise<void> {
  await db.$executeRaw`
    UPDATE tenants SET settings = ${JSON.stringify(settings)}::jsonb, changed_at = clock_timestamp() WHERE id = ${id}`;
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

/** One at a time of those who make a tenant what a file says. They take their time, and nobody else waits for that: it is no lock of the row. */
export async function lockTenantFile(db: Database, tenantId: TenantId): Promise<void> {
  await db.$queryRaw`SELECT pg_advisory_xact_lock(72707374, hashtext(${tenantId}))::text`;
}
