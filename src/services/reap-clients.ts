import { keepClientUntil } from '../domain/client-use.ts';
import type { ClientId } from '../domain/ids.ts';
import { recordAuditEvents } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { deleteLockedClients, findDueClients, keepClient, keepClients, lockDueClients, type UsedClient } from '../store/client-use.ts';
import type { StoredClient } from '../store/clients.ts';
import { managementTokenModel } from './client-credentials.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** How many clients are looked at at a time. */
export const reapBatch = 200;

/** Between the last moment that a client may have been noticed and its removal, in seconds: clocks differ a little. */
const graceSeconds = 300;

/**
 * Looks at one batch of the clients that registered themselves and are due for it; returns how many were settled, so that the caller
 * goes on while there are more. Those in use are left alone until their use can have ended; the others go, with all that was theirs.
 * A client is locked only when it is about to go, so that no request of a living one waits.
 */
export async function reapClients(runtime: Runtime): Promise<number> {
  const now = runtime.clock.now();
  const judge = (use: UsedClient) =>
    keepClientUntil(use, { now, refreshTokenSeconds: runtime.lifetimes.refreshTokenSeconds + graceSeconds });
  const due = await findDueClients(runtime.store, { now, limit: reapBatch });
  const kept = due.flatMap((use) => {
    const until = judge(use);
    return until ? [{ ...use, until }] : [];
  });
  await keepClients(runtime.store, kept);
  const spare = due.filter((use) => !judge(use));
  if (spare.length === 0) return kept.length;
  return transact(runtime.store, async (db) => {
    // Judged once more under the lock: somebody may have allowed one of them something meanwhile.
    const locked = await lockDueClients(db, spare, now);
    const gone = locked.filter((use) => !judge(use));
    await deleteLockedClients(db, gone, { now, managementTokenModel });
    await recordAuditEvents(
      db,
      gone.map(({ tenantId, id, consents, lastUsedAt }) => ({
        tenantId,
        type: 'client.removed',
        outcome: 'success',
        actorType: 'issuer',
        at: now,
        clientId: id,
        detail: { client: id, consents, reason: lastUsedAt ? 'unused' : 'never-allowed' },
      })),
    );
    return kept.length + gone.length;
  });
}

/**
 * A client is being used: as long as that may take, it is not reaped. Undefined when it is gone. Costs nothing unless it is nearly due,
 * and gives one that nobody allows anything no long life.
 */
export async function noteClientUse<Client extends Pick<StoredClient, 'kind' | 'reapAfter'> & { id: ClientId }>(
  runtime: Pick<Runtime, 'store' | 'clock' | 'lifetimes'>,
  tenant: Pick<Tenant, 'id'>,
  client: Client,
): Promise<Client | undefined> {
  if (client.kind === 'manual') return client;
  const until = new Date(runtime.clock.now().getTime() + (runtime.lifetimes.interactionSeconds + graceSeconds) * 1_000);
  if (client.reapAfter > until) return client;
  return (await keepClient(runtime.store, { tenantId: tenant.id, id: client.id }, until)) ? client : undefined;
}
