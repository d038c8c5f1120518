/** Consents with what rules of a policy can say of their parties. */
import type { ClientKind } from '../domain/client-trust.ts';
import type { ClientId, ConsentId, ServerId, TenantId, UserId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** A consent that has not ended, for a server that is not being removed; its time may be over. */
export interface ConcernedConsent {
  id: ConsentId;
  userId: UserId;
  serverId: ServerId;
  client: { id: ClientId; kind: ClientKind; verifiedAt?: Date; metadata: { redirectUris: readonly string[] } };
  /** Names of the groups that the person is in. */
  groups: string[];
  resourceKey: string;
}

interface Row {
  id: string;
  user_id: string;
  server_id: string;
  client_id: string;
  kind: string;
  verified_at: Date | null;
  redirect_uris: string[];
  groups: string[];
  resource_key: string;
}

/** Where a page of consents begins, in the order of their ids, and how long it is. */
interface IdPage {
  after: string;
  limit: number;
}

/** A page of them in the order of their ids, locked `for update`. */
export async function lockConcernedConsents(db: Database, tenantId: TenantId, { after, limit }: IdPage): Promise<ConcernedConsent[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT id FROM consents WHERE tenant_id = ${tenantId} AND id > ${after} AND ended_at IS NULL AND ${ofServersThatStay(tenantId)}
    ORDER BY id LIMIT ${limit} FOR UPDATE`;
  return describe(db, tenantId, rows);
}

/** The same without a lock. */
export async function listConcernedConsents(db: Database, tenantId: TenantId, { after, limit }: IdPage): Promise<ConcernedConsent[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT id FROM consents WHERE tenant_id = ${tenantId} AND id > ${after} AND ended_at IS NULL AND ${ofServersThatStay(tenantId)}
    ORDER BY id LIMIT ${limit}`;
  return describe(db, tenantId, rows);
}

/**
 * The ids of a page of consents for one server, in their order: all that have not ended, and those that ended because their client was
 * blocked, for as long as it is.
 */
export async function listConsentIdsOfServer(
  db: Database,
  tenantId: TenantId,
  { serverId, userId, clientId, after, limit }: { serverId: ServerId; userId?: UserId; clientId?: ClientId } & IdPage,
): Promise<ConsentId[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT k.id FROM consents AS k JOIN clients AS c ON c.tenant_id = k.tenant_id AND c.id = k.client_id AND c.removed_at IS NULL
    WHERE k.tenant_id = ${tenantId} AND k.server_id = ${serverId} AND k.id > ${after}
      AND (k.ended_at IS NULL OR (k.end_reason = 'client-blocked' AND c.blocked_at IS NOT NULL))
      ${userId === undefined ? Prisma.empty : Prisma.sql`AND k.user_id = ${userId}`}
      ${clientId === undefined ? Prisma.empty : Prisma.sql`AND k.client_id = ${clientId}`}
    ORDER BY k.id LIMIT ${limit}`;
  return rows.map(({ id }) => id as ConsentId);
}

function ofServersThatStay(tenantId: TenantId): Prisma.Sql {
  return Prisma.sql`server_id NOT IN (SELECT id FROM servers WHERE tenant_id = ${tenantId} AND removed_at IS NOT NULL)`;
}

async function describe(db: Database, tenantId: TenantId, found: readonly { id: string }[]): Promise<ConcernedConsent[]> {
  const rows = await db.$queryRaw<Row[]>`
    SELECT k.id, k.user_id, k.server_id, k.client_id, c.kind, c.verified_at, s.resource_key,
      ARRAY(SELECT jsonb_array_elements_text(c.metadata -> 'redirectUris')) AS redirect_uris,
      ARRAY(
        SELECT g.name FROM group_members AS m JOIN groups AS g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
        WHERE m.tenant_id = k.tenant_id AND m.user_id = k.user_id ORDER BY g.name) AS groups
    FROM consents AS k
    JOIN clients AS c ON c.tenant_id = k.tenant_id AND c.id = k.client_id
    JOIN servers AS s ON s.tenant_id = k.tenant_id AND s.id = k.server_id
    WHERE k.tenant_id = ${tenantId} AND k.id = ANY (${found.map(({ id }) => id)}::text[])
    ORDER BY k.id`;
  return rows.map((row) => ({
    id: row.id as ConsentId,
    userId: row.user_id as UserId,
    serverId: row.server_id as ServerId,
    client: {
      id: row.client_id as ClientId,
      kind: row.kind as ClientKind,
      metadata: { redirectUris: row.redirect_uris },
      ...(row.verified_at && { verifiedAt: row.verified_at }),
    },
    groups: row.groups,
    resourceKey: row.resource_key,
  }));
}
