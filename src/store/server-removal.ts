/**
 * Servers that are being removed. Their row says so from one commit on, and goes last; what people allowed for them goes before it, a
 * batch at a time. Nothing but this file and what publishes status lists sees such a row: `findServer` knows it no more.
 */
import type { ConsentId, ServerId, TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** Names a server. */
export interface ServerKey {
  tenantId: TenantId;
  serverId: ServerId;
}

/**
 * The revision of a catalogue that nothing is allowed by any more. Far below what any number of changes raises to 0: token requests take
 * one below that for a server that is not there, and those that have read an earlier one are not settled.
 */
const revisionOfRemoved = -2_000_000_000;

/** Begins the removal of a server that the caller holds locked. What programs may do at it goes at once. */
export async function beginServerRemoval(db: Database, { tenantId, serverId }: ServerKey, at: Date): Promise<void> {
  await db.apiKey.deleteMany({ where: { tenantId, serverId } });
  await db.toolAssignment.deleteMany({ where: { tenantId, serverId } });
  await db.server.update({
    where: { tenantId_id: { tenantId, id: serverId } },
    data: { removedAt: at, catalogueRevision: revisionOfRemoved },
  });
}

/** How many people's consents for a server have not ended. */
export async function countConsentsOfServer(db: Database, { tenantId, serverId }: ServerKey): Promise<number> {
  return db.consent.count({ where: { tenantId, serverId, endedAt: null } });
}

/** The server that is being removed and has this id, or this `key` of its resource URI. */
export async function findServerBeingRemoved(
  db: Database,
  tenantId: TenantId,
  by: { id: ServerId } | { resourceKey: string },
): Promise<{ id: ServerId; name: string } | undefined> {
  const row = await db.server.findFirst({ where: { tenantId, removedAt: { not: null }, ...by }, select: { id: true, name: true } });
  return row ? { id: row.id as ServerId, name: row.name } : undefined;
}

/** Locks a server that is being removed until the transaction ends; waits for whoever does a batch of it. False when it is gone. */
export async function lockServerRemoval(db: Database, { tenantId, serverId }: ServerKey): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>`
    SELECT 1 FROM servers WHERE tenant_id = ${tenantId} AND id = ${serverId} AND removed_at IS NOT NULL FOR UPDATE`;
  return rows.length > 0;
}

/** Locks the one of these that has waited longest and that nobody works at, of any tenant. */
export async function lockOldestServerRemoval(db: Database): Promise<ServerKey | undefined> {
  const [row] = await db.$queryRaw<{ tenant_id: string; id: string }[]>`
    SELECT tenant_id, id FROM servers WHERE removed_at IS NOT NULL ORDER BY removed_at LIMIT 1 FOR UPDATE SKIP LOCKED`;
  return row && { tenantId: row.tenant_id as TenantId, serverId: row.id as ServerId };
}

/** Some of the consents for a server, ended ones included, locked `for update`. */
export async function lockSomeConsentsOfServer(db: Database, { tenantId, serverId }: ServerKey, limit: number): Promise<ConsentId[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT id FROM consents WHERE tenant_id = ${tenantId} AND server_id = ${serverId} ORDER BY id LIMIT ${limit} FOR UPDATE`;
  return rows.map(({ id }) => id as ConsentId);
}

/** Removes the row of a server that is locked, with its catalogue, and of which nothing else is left. */
export async function deleteRemovedServer(db: Database, { tenantId, serverId }: ServerKey): Promise<void> {
  await db.server.deleteMany({ where: { tenantId, id: serverId, removedAt: { not: null } } });
}
