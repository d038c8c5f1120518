import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { changeClientStanding, type StoredClient } from '../store/clients.ts';
import { beginConsentSweep } from '../store/consent-sweeps.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/**
 * Ends the verification of a client that says something else of itself than an administrator checked; nothing happens where there is
 * none. On the caller's transaction, which holds the client locked; the caller finishes the sweep that is begun here after its commit.
 */
export async function lapseVerification(
  runtime: Runtime,
  db: Database,
  { tenant, client, origin }: { tenant: Tenant; client: StoredClient; origin: Origin },
): Promise<void> {
  if (!client.verifiedAt) return;
  const { id: clientId } = client;
  const at = runtime.clock.now();
  await changeClientStanding(db, tenant.id, clientId, { verifiedAt: null });
  await beginConsentSweep(db, { tenantId: tenant.id, clientId }, at);
  const detail = { reason: 'metadata-changed' };
  await recordAuditEvent(db, tenant.id, { ...origin, type: 'client.unverified', outcome: 'success', at, clientId, detail });
}
