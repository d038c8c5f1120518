import { rootTenantId } from '../domain/ids.ts';
import { transact } from '../store/client.ts';
import { findTenant, obtainTenant, updateTenantIssuer } from '../store/tenants.ts';
import type { Runtime, Tenant } from './runtime.ts';

/**
 * The tenant at the base of the issuer URL, made at the first start. When the URL was changed in the settings since, the row
 * follows: tokens with the old one are refused by all servers from then on, clients must connect anew.
 */
export async function ensureRootTenant(runtime: Pick<Runtime, 'store' | 'clock' | 'log'>, issuer: string): Promise<Tenant> {
  return transact(runtime.store, async (db) => {
    await obtainTenant(db, { id: rootTenantId, slug: 'root', name: 'Toolgrant', issuer, createdAt: runtime.clock.now() });
    const tenant = await findTenant(db, rootTenantId);
    if (!tenant) throw new Error('the root tenant is neither there nor could it be made');
    if (tenant.issuer !== issuer) {
      runtime.log.warn(
        { before: tenant.issuer, now: issuer },
        'the issuer URL was changed: tokens and registrations made under the old one end',
      );
      await updateTenantIssuer(db, tenant.id, issuer);
    }
    return { ...tenant, issuer };
  });
}
