import type { ConsentId } from '../domain/ids.ts';
import { transact } from '../store/client.ts';
import { invalidateStatusOfConsents, lockConsentsOfUnverifiedClients } from '../store/client-consents.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** How many consents are swept in one transaction. */
const batch = 500;

/**
 * Turns the status indices of all clients that nobody has verified invalid, after a tenant's quarantine was set to something else: their
 * next tokens are what it says now. The setting is committed before; what was issued by the one before is found here. When it is
 * interrupted, setting the same once more goes through all of them again.
 */
export async function sweepQuarantine(runtime: Pick<Runtime, 'store' | 'clock'>, tenant: Pick<Tenant, 'id'>): Promise<void> {
  for (let after: ConsentId | undefined; ; ) {
    const swept: ConsentId[] = await transact(runtime.store, async (db) => {
      const ids = await lockConsentsOfUnverifiedClients(db, tenant.id, { after, limit: batch });
      await invalidateStatusOfConsents(db, tenant.id, ids, runtime.clock.now());
      return ids;
    });
    if (swept.length < batch) return;
    after = swept.at(-1);
  }
}
