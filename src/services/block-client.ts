import type { ClientId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { endConsentsOfClient, invalidateStatusOfClient, lockConsentsOfClient } from '../store/client-consents.ts';
import { changeClientStanding, findClient, lockClient } from '../store/clients.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** What ended with the block; undefined when there is no such client. Blocking twice ends nothing more. */
export type ClientBlock = { consents: number; installations: number; isChanged: boolean } | undefined;

/**
 * Blocks a client: it cannot ask any more, its codes and refresh tokens are refused from now on, introspection calls its tokens
 * inactive, and the status list ends them at servers that check it. All that people allowed it has ended, for good.
 */
export async function blockClient(runtime: Runtime, tenant: Tenant, { clientId, origin }: Blocking): Promise<ClientBlock> {
  return transact(runtime.store, async (db): Promise<ClientBlock> => {
    await lockClient(db, tenant.id, clientId);
    const client = await findClient(db, tenant.id, clientId);
    if (!client) return undefined;
    if (client.blockedAt) return { consents: 0, installations: 0, isChanged: false };
    const at = runtime.clock.now();
    // Before the consents are locked: whoever issues a token meanwhile is swept, or sees it.
    await changeClientStanding(db, tenant.id, clientId, { blockedAt: at });
    await lockConsentsOfClient(db, tenant.id, clientId);
    await invalidateStatusOfClient(db, tenant.id, clientId, at);
    const ended = await endConsentsOfClient(db, tenant.id, { clientId, at, reason: 'client-blocked' });
    await recordAuditEvent(db, tenant.id, { ...origin, type: 'client.blocked', outcome: 'success', at, clientId, detail: ended });
    return { ...ended, isChanged: true };
  });
}

interface Blocking {
  clientId: ClientId;
  origin: Origin;
}

/** Lets a blocked client ask again. What the block ended stays ended: people decide anew. Undefined when there is no such client. */
export async function unblockClient(
  runtime: Runtime,
  tenant: Tenant,
  { clientId, origin }: Blocking,
): Promise<{ isChanged: boolean } | undefined> {
  return transact(runtime.store, async (db): Promise<{ isChanged: boolean } | undefined> => {
    await lockClient(db, tenant.id, clientId);
    const client = await findClient(db, tenant.id, clientId);
    if (!client?.blockedAt) return client && { isChanged: false };
    const at = runtime.clock.now();
    await changeClientStanding(db, tenant.id, clientId, { blockedAt: null });
    await recordAuditEvent(db, tenant.id, { ...origin, type: 'client.unblocked', outcome: 'success', at, clientId });
    return { isChanged: true };
  });
}
