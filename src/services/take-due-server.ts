import type { ServerId } from '../domain/ids.ts';
import { takeDueCatalogue } from '../store/due-catalogues.ts';
import { findTenant } from '../store/tenants.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Longer than reading takes at most. Who is gone by then is not waited for. */
const leaseMs = 120_000;

/**
 * Takes the server whose tools are due for longest, of all tenants; undefined when none is. Whoever takes it reads them: no other
 * process does meanwhile.
 */
export async function takeDueServer({
  store,
  clock,
}: Pick<Runtime, 'store' | 'clock'>): Promise<{ tenant: Tenant; serverId: ServerId } | undefined> {
  const now = clock.now();
  const due = await takeDueCatalogue(store, { now, until: new Date(now.getTime() + leaseMs) });
  const tenant = due && (await findTenant(store, due.tenantId));
  return tenant && { tenant, serverId: due.serverId };
}
