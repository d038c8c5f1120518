import { findTenantBySlug, listTenants as listTenantRows, type StoredTenant } from '../store/tenants.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Lists tenants in the order of their slugs; with `limit`, the first ones. For operators. */
export async function listTenants(runtime: Pick<Runtime, 'store'>, limit?: number): Promise<(StoredTenant & { createdAt: Date })[]> {
  return listTenantRows(runtime.store, limit);
}

/** Finds a tenant by its slug; for operators. */
export async function findTenantOfSlug(runtime: Pick<Runtime, 'store'>, slug: string): Promise<Tenant | undefined> {
  return findTenantBySlug(runtime.store, slug);
}
