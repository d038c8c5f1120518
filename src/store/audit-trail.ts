import type { AuditEventType } from '../domain/audit-event.ts';
import type { AuditPosition, AuditRecord } from '../domain/audit-record.ts';
import type { TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** An instant as text, in UTC to the millisecond; what has no such form stands as PostgreSQL writes it. */
const atText = Prisma.sql`COALESCE(NULLIF(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), ''), at::text)`;

/** An event as one text, which crosses to us faster than as columns. */
export const eventRecord = Prisma.sql`json_build_object(
  'tenantId', tenant_id, 'id', id, 'at', ${atText}, 'tx', tx, 'type', type, 'assurance', assurance, 'outcome', outcome,
  'actorType', actor_type, 'actorId', actor_id, 'userId', user_id, 'clientId', client_id, 'serverId', server_id, 'tool', tool,
  'consentId', consent_id, 'consentVersion', consent_version, 'installationId', installation_id, 'apiKeyId', api_key_id,
  'address', address, 'requestId', request_id, 'traceId', trace_id, 'detail', detail)::text AS record`;

/**
 * The next events in the order in which they are sealed, after `after`, up to `until` or else to the oldest transaction that is under
 * way: what has been read so far is whole, nothing comes into it late.
 */
export async function listEventsInOrder(
  db: Database,
  range: { after: AuditPosition; until?: AuditPosition; tenantId?: TenantId | undefined; limit: number },
): Promise<AuditRecord[]> {
  const { after, until, tenantId, limit } = range;
  const rows = await db.$queryRaw<{ record: string }[]>`
    SELECT ${eventRecord} FROM audit_events
    WHERE ${isAfterPlace(after)} AND ${ofTenant(tenantId)}
      AND ${isUpTo(until)}
    ORDER BY tx, at, id COLLATE "C" LIMIT ${limit}`;
  return rows.map((row) => JSON.parse(row.record) as AuditRecord);
}

/** How many events there are after a place, by tenant. */
export async function countEventsAfter(
  db: Database,
  { after, tenantId }: { after: AuditPosition; tenantId?: TenantId | undefined },
): Promise<{ tenantId: TenantId; events: number }[]> {
  return db.$queryRaw`
    SELECT tenant_id AS "tenantId", count(*)::int AS events FROM audit_events
    WHERE ${isAfterPlace(after)} AND ${ofTenant(tenantId)} GROUP BY tenant_id`;
}

/** When the oldest event after a place was seen by the issuer; what servers report counts by no clock of ours. */
export async function findOldestEventAfter(db: Database, after: AuditPosition): Promise<Date | undefined> {
  const [row] = await db.$queryRaw<{ at: Date | null }[]>`
    SELECT min(at) AS at FROM audit_events WHERE assurance = 'enforced' AND ${isAfterPlace(after)}`;
  return row?.at ?? undefined;
}

/** The events of a type after a place; meant for types that are few. */
export async function listEventsOfTypeAfter(
  db: Database,
  { after, tenantId, type }: { after: AuditPosition; tenantId?: TenantId | undefined; type: AuditEventType },
): Promise<AuditRecord[]> {
  const rows = await db.$queryRaw<{ record: string }[]>`
    SELECT ${eventRecord} FROM audit_events WHERE type = ${type} AND ${isAfterPlace(after)} AND ${ofTenant(tenantId)}`;
  return rows.map((row) => JSON.parse(row.record) as AuditRecord);
}

/** That an event stands after a place in the order of transactions. */
export function isAfterPlace(place: AuditPosition): Prisma.Sql {
  return Prisma.sql`tx >= ${BigInt(place.tx)} AND (tx, at, id COLLATE "C") > ${placeOf(place)}`;
}

function ofTenant(tenantId: TenantId | undefined): Prisma.Sql {
  return tenantId === undefined ? Prisma.sql`true` : Prisma.sql`tenant_id = ${tenantId}`;
}

/** That it stands at a place at the latest; without one, that no transaction under way could come before it. */
export function isUpTo(place: AuditPosition | undefined): Prisma.Sql {
  return place ? Prisma.sql`tx <= ${BigInt(place.tx)} AND (tx, at, id COLLATE "C") <= ${placeOf(place)}` : Prisma.sql`tx < audit_horizon()`;
}

function placeOf({ tx, at, id }: AuditPosition): Prisma.Sql {
  return Prisma.sql`(${BigInt(tx)}, ${at}::timestamptz, ${id})`;
}
