import { rootTenantId } from '../domain/ids.ts';
import { areNested } from '../domain/issuer-url.ts';
import { pathIssuer } from '../domain/tenant-address.ts';
import { type Database, transact } from '../store/client.ts';
import {
  findTenant,
  listTenants,
  lockTenant,
  moveTenantsBelow,
  obtainTenant,
  type StoredTenant,
  updateTenantIssuer,
} from '../store/tenants.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** The issuer URL of the settings is in the way of a tenant's own, or the other way round. */
export class IssuerTaken extends Error {
  override readonly name = 'IssuerTaken';
  constructor(issuer: string, other: StoredTenant) {
    super(
      `The issuer URL ${issuer} and that of the tenant "${other.slug}", ${other.issuer}, lie within each other: ` +
        'a request could mean either. Set TOOLGRANT_ISSUER to another URL.',
    );
  }
}

/**
 * The tenant at the base of the issuer URL, made at the first start. When the URL was changed in the settings since, the row
 * follows, and so do the tenants below it: tokens with the old one are refused by all servers from then on, clients must connect
 * anew. Throws `IssuerTaken` when the new URL is in the way of a tenant with a URL of its own.
 */
export async function ensureRootTenant(runtime: Pick<Runtime, 'store' | 'clock' | 'log'>, issuer: string): Promise<Tenant> {
  return transact(runtime.store, async (db) => {
    await obtainTenant(db, { id: rootTenantId, slug: 'root', name: 'Toolgrant', issuer, createdAt: runtime.clock.now() });
    const tenant = await findTenant(db, rootTenantId);
    if (!tenant) throw new Error('the root tenant is neither there nor could it be made');
    if (tenant.issuer !== issuer) await moveBase(runtime, db, { before: tenant.issuer, now: issuer });
    return { ...tenant, issuer };
  });
}

async function moveBase({ log }: Pick<Runtime, 'log'>, db: Database, { before, now }: { before: string; now: string }): Promise<void> {
  await lockTenant(db, rootTenantId);
  const isMoved = ({ id, slug, issuer }: StoredTenant) => id === rootTenantId || issuer === pathIssuer(before, slug);
  const other = (await listTenants(db)).find((tenant) => !isMoved(tenant) && areNested(tenant.issuer, now));
  if (other) throw new IssuerTaken(now, other);
  const tenants = await moveTenantsBelow(db, before, now);
  log.warn({ before, now, tenants }, 'the issuer URL was changed: tokens and registrations made under the old one end');
  await updateTenantIssuer(db, rootTenantId, now);
}
