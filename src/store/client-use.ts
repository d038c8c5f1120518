/** Clients that registered themselves and may be in use no longer: found by when they are to be looked at, which stands in their rows. */
import type { ClientUse } from '../domain/client-use.ts';
import type { ClientId, TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** Names a client of any tenant. */
export interface ClientPlace {
  tenantId: TenantId;
  id: ClientId;
}

/** A client with what is known of its use, and how many consents go when it goes. */
export type UsedClient = ClientPlace & ClientUse & { consents: number };

interface UseRow {
  tenant_id: string;
  id: string;
  created_at: Date;
  last_used_at: Date | null;
  in_force: boolean;
  consents: number;
}

function toUse(row: UseRow): UsedClient {
  return {
    tenantId: row.tenant_id as TenantId,
    id: row.id as ClientId,
    createdAt: row.created_at,
    hasConsentInForce: row.in_force,
    consents: row.consents,
    ...(row.last_used_at && { lastUsedAt: row.last_used_at }),
  };
}

/** What an administrator said of a client stays: a blocked one that is forgotten would come back unblocked. */
const isUnjudged = Prisma.sql`blocked_at IS NULL AND verified_at IS NULL AND quarantined_at IS NULL`;

/** The first clients that are due to be looked at. Locks nothing. */
export async function findDueClients(db: Database, { now, limit }: { now: Date; limit: number }): Promise<UsedClient[]> {
  const due = Prisma.sql`
    SELECT tenant_id, id, created_at, first_authorized_at FROM clients
    WHERE kind IN ('dynamic', 'document') AND reap_after <= ${now} AND ${isUnjudged} ORDER BY reap_after LIMIT ${limit}`;
  return readUse(db, due, now);
}

/**
 * Locks those of these clients that are due, and that nobody else works with, until the transaction ends; and tells their use as it is
 * then. Whoever allows one of them something holds it meanwhile, so that nothing can be added to what is told here.
 */
export async function lockDueClients(db: Database, places: readonly ClientPlace[], now: Date): Promise<UsedClient[]> {
  if (places.length === 0) return [];
  const locked = await db.$queryRaw<{ tenant_id: string; id: string }[]>`
    SELECT tenant_id, id FROM clients
    WHERE (tenant_id, id) IN (${keys(places)}) AND kind IN ('dynamic', 'document') AND reap_after <= ${now} AND ${isUnjudged}
    ORDER BY tenant_id, id FOR UPDATE SKIP LOCKED`;
  if (locked.length === 0) return [];
  const held = locked.map((row) => ({ tenantId: row.tenant_id as TenantId, id: row.id as ClientId }));
  return readUse(
    db,
    Prisma.sql`SELECT tenant_id, id, created_at, first_authorized_at FROM clients WHERE (tenant_id, id) IN (${keys(held)})`,
    now,
  );
}

async function readUse(db: Database, clients: Prisma.Sql, now: Date): Promise<UsedClient[]> {
  const rows = await db.$queryRaw<UseRow[]>`
    WITH due AS MATERIALIZED (${clients})
    SELECT d.tenant_id, d.id, d.created_at, GREATEST(d.first_authorized_at, k.decided_at, k.used_at) AS last_used_at,
      COALESCE(k.in_force, false) AS in_force, COALESCE(k.consents, 0)::int AS consents
    FROM due AS d LEFT JOIN LATERAL (
      SELECT count(*) AS consents, max(v.decided_at) AS decided_at, max(i.used_at) AS used_at,
        bool_or(c.ended_at IS NULL AND v.version IS NOT NULL AND (v.expires_at IS NULL OR v.expires_at > ${now})) AS in_force
      FROM consents AS c
      LEFT JOIN LATERAL (
        SELECT version, decided_at, expires_at FROM consent_versions
        WHERE tenant_id = c.tenant_id AND consent_id = c.id ORDER BY version DESC LIMIT 1) AS v ON true
      LEFT JOIN LATERAL (
        SELECT max(GREATEST(created_at, last_token_at)) AS used_at FROM installations
        WHERE tenant_id = c.tenant_id AND consent_id = c.id) AS i ON true
      WHERE c.tenant_id = d.tenant_id AND c.client_id = d.id) AS k ON true`;
  return rows.map(toUse);
}

/** Notes that a client is not to be looked at before `until`; never sooner than was noted. False when it is gone. */
export async function keepClient(db: Database, { tenantId, id }: ClientPlace, until: Date): Promise<boolean> {
  const changed = await db.$executeRaw`
    UPDATE clients SET reap_after = GREATEST(reap_after, ${until}) WHERE tenant_id = ${tenantId} AND id = ${id}`;
  return changed === 1;
}

/** Notes the same for several, each until an instant of its own; those that somebody holds are left for the next look. */
export async function keepClients(db: Database, kept: readonly (ClientPlace & { until: Date })[]): Promise<void> {
  if (kept.length === 0) return;
  const rows = Prisma.join(kept.map(({ tenantId, id, until }) => Prisma.sql`(${tenantId}, ${id}, ${until}::timestamptz)`));
  await db.$executeRaw`
    UPDATE clients AS c SET reap_after = GREATEST(c.reap_after, k.until) FROM (VALUES ${rows}) AS k (tenant_id, id, until)
    WHERE c.tenant_id = k.tenant_id AND c.id = k.id AND (c.tenant_id, c.id) IN (
      SELECT tenant_id, id FROM clients WHERE (tenant_id, id) IN (${keys(kept)}) FOR NO KEY UPDATE SKIP LOCKED)`;
}

/** Removes clients that the caller has locked, with their consents, their management tokens and what stands for them in status lists. */
export async function deleteLockedClients(
  db: Database,
  places: readonly ClientPlace[],
  { now, managementTokenModel }: { now: Date; managementTokenModel: string },
): Promise<void> {
  if (places.length === 0) return;
  // Tokens outlive the rows; those of consents that only ran out have not been told of it.
  await db.$executeRaw`
    UPDATE status_entries SET invalid_at = ${now} WHERE invalid_at IS NULL AND (tenant_id, installation_id) IN (
      SELECT i.tenant_id, i.id FROM consents AS c JOIN installations AS i ON i.tenant_id = c.tenant_id AND i.consent_id = c.id
      WHERE (c.tenant_id, c.client_id) IN (${keys(places)}))`;
  await db.$executeRaw`DELETE FROM artifacts WHERE (tenant_id, model, uid) IN (
    ${Prisma.join(places.map(({ tenantId, id }) => Prisma.sql`(${tenantId}, ${managementTokenModel}, ${id})`))})`;
  await db.$executeRaw`DELETE FROM clients WHERE (tenant_id, id) IN (${keys(places)})`;
}

function keys(places: readonly ClientPlace[]): Prisma.Sql {
  return Prisma.join(places.map(({ tenantId, id }) => Prisma.sql`(${tenantId}, ${id})`));
}
