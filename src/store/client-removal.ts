/**
 * Clients that are being removed. Their row says so from one commit on, and goes last; what people allowed them goes before it, a batch
 * at a time. Nothing but this file and what counts consents sees such a row: `findClient` knows it no more.
 */
import type { ClientId, ConsentId, TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** Names a client. */
export interface ClientKey {
  tenantId: TenantId;
  clientId: ClientId;
}

/**
 * Begins the removal of a client that the caller holds locked. From then on it is blocked too, for all who look at that alone, and acts
 * as no service account any more.
 */
export async function beginClientRemoval(db: Database, { tenantId, clientId }: ClientKey, at: Date): Promise<void> {
  await db.$executeRaw`
    UPDATE clients SET removed_at = ${at}, blocked_at = COALESCE(blocked_at, ${at}), service_account_id = NULL
    WHERE tenant_id = ${tenantId} AND id = ${clientId}`;
}

/** Whether a removal is under way. */
export async function isClientBeingRemoved(db: Database, { tenantId, clientId }: ClientKey): Promise<boolean> {
  return (await db.client.count({ where: { tenantId, id: clientId, removedAt: { not: null } } })) > 0;
}

/** Locks a client that is being removed until the transaction ends; waits for whoever does a batch of it. False when it is gone. */
export async function lockClientRemoval(db: Database, { tenantId, clientId }: ClientKey): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>`
    SELECT 1 FROM clients WHERE tenant_id = ${tenantId} AND id = ${clientId} AND removed_at IS NOT NULL FOR UPDATE`;
  return rows.length > 0;
}

/** Locks the one of these that has waited longest and that nobody works at, of any tenant. */
export async function lockOldestClientRemoval(db: Database): Promise<ClientKey | undefined> {
  const [row] = await db.$queryRaw<{ tenant_id: string; id: string }[]>`
    SELECT tenant_id, id FROM clients WHERE removed_at IS NOT NULL ORDER BY removed_at LIMIT 1 FOR UPDATE SKIP LOCKED`;
  return row && { tenantId: row.tenant_id as TenantId, clientId: row.id as ClientId };
}

/** Some of the consents for a client, ended ones included, locked `for update`. */
export async function lockSomeConsentsOfClient(db: Database, { tenantId, clientId }: ClientKey, limit: number): Promise<ConsentId[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT id FROM consents WHERE tenant_id = ${tenantId} AND client_id = ${clientId} ORDER BY id LIMIT ${limit} FOR UPDATE`;
  return rows.map(({ id }) => id as ConsentId);
}

/** Removes consents with all that belongs to them. Turn their status indices invalid first: tokens outlive the rows. */
export async function deleteConsents(db: Database, tenantId: TenantId, ids: readonly ConsentId[]): Promise<void> {
  await db.consent.deleteMany({ where: { tenantId, id: { in: [...ids] } } });
}

/** Removes the row of a client that is locked, and of which nothing else is left. */
export async function deleteRemovedClient(db: Database, { tenantId, clientId }: ClientKey): Promise<void> {
  await db.client.deleteMany({ where: { tenantId, id: clientId, removedAt: { not: null } } });
}
