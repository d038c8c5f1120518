import { spellTenant } from '../domain/spell-tenant.ts';
import type { WrittenTenantFile } from '../domain/tenant-file.ts';
import type { Runtime, Tenant } from './runtime.ts';
import { readTenantState } from './tenant-state.ts';

/** Writes down what there is of a tenant in the form of a file; applied at once, it changes nothing. */
export async function exportTenant(runtime: Pick<Runtime, 'store' | 'log'>, tenant: Pick<Tenant, 'id'>): Promise<WrittenTenantFile> {
  return spellTenant(await readTenantState(runtime, runtime.store, { tenant, named: { clientIds: [], emails: [] } }));
}
