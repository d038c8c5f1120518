import type { ClientId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { countConsentsOfClient } from '../store/client-consents.ts';
import { changeClientStanding, findClient, lockClient } from '../store/clients.ts';
import { beginConsentSweep, hasConsentSweep } from '../store/consent-sweeps.ts';
import { invalidateMachineStatus } from '../store/machine-status.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { type EndedConsents, finishConsentSweep } from './sweep-consents.ts';

/**
 * What ended with the block; undefined when there is no such client. Blocking twice ends nothing more, but what was left when the first
 * time was interrupted.
 */
export type ClientBlock = (EndedConsents & { isChanged: boolean }) | undefined;

/**
 * Blocks a client: it cannot ask any more, its codes and refresh tokens are refused from now on, introspection and status lists call its
 * tokens inactive. All of that is so from one small commit on, however many people the client has; then what they allowed it ends, for
 * good, in batches. What is interrupted goes on by clean-up, or by blocking again.
 */
export async function blockClient(runtime: Runtime, tenant: Tenant, { clientId, origin }: Blocking): Promise<ClientBlock> {
  const begun = await transact(runtime.store, async (db) => {
    // Whoever allows it something holds it meanwhile: after the commit they see the block, and what they wrote before is swept.
    await lockClient(db, tenant.id, clientId);
    const client = await findClient(db, tenant.id, clientId);
    if (!client || client.blockedAt) return client && { isChanged: false as const };
    const at = runtime.clock.now();
    await changeClientStanding(db, tenant.id, clientId, { blockedAt: at });
    await beginConsentSweep(db, { tenantId: tenant.id, clientId }, at);
    if (client.serviceAccountId) await invalidateMachineStatus(db, tenant.id, { clientOf: client.serviceAccountId }, at);
    const ending = await countConsentsOfClient(db, tenant.id, clientId);
    await recordAuditEvent(db, tenant.id, { ...origin, type: 'client.blocked', outcome: 'success', at, clientId, detail: ending });
    return { isChanged: true as const, ...ending };
  });
  if (!begun) return undefined;
  const ended = await finishConsentSweep(runtime, { tenantId: tenant.id, clientId });
  return begun.isChanged ? begun : { ...ended, isChanged: false };
}

interface Blocking {
  clientId: ClientId;
  origin: Origin;
}

/**
 * Lets a blocked client ask again. What the block ended stays ended: people decide anew. When the block was interrupted, it is brought to
 * its end first, so that nothing of what it was to end is left. Undefined when there is no such client.
 */
export async function unblockClient(
  runtime: Runtime,
  tenant: Tenant,
  { clientId, origin }: Blocking,
): Promise<{ isChanged: boolean } | undefined> {
  for (;;) {
    const done = await transact(runtime.store, async (db): Promise<{ isChanged: boolean } | 'not-swept' | undefined> => {
      await lockClient(db, tenant.id, clientId);
      const client = await findClient(db, tenant.id, clientId);
      if (!client?.blockedAt) return client && { isChanged: false };
      if (await hasConsentSweep(db, { tenantId: tenant.id, clientId })) return 'not-swept';
      const at = runtime.clock.now();
      await changeClientStanding(db, tenant.id, clientId, { blockedAt: null });
      await recordAuditEvent(db, tenant.id, { ...origin, type: 'client.unblocked', outcome: 'success', at, clientId });
      return { isChanged: true };
    });
    if (done !== 'not-swept') return done;
    await finishConsentSweep(runtime, { tenantId: tenant.id, clientId });
  }
}
