import type { AuditPosition, AuditRecord } from '../domain/audit-record.ts';
import type { ClientId, ServerId, TenantId, UserId } from '../domain/ids.ts';
import { eventRecord, isAfterPlace, isUpTo } from './audit-trail.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** Which events are meant; all that is given must be true of one. */
export interface AuditFilter {
  userId?: UserId;
  /** Any of them. */
  clientIds?: readonly ClientId[];
  serverId?: ServerId;
  apiKeyId?: string;
  tool?: string;
  /** Any of them. */
  types?: readonly string[];
  outcome?: string;
  since?: Date;
  /** Exclusive. */
  until?: Date;
}

/** A place in the order of instants. */
export interface AuditPlace {
  at: Date;
  id: string;
}

/** The newest events first, those before `before`, at most `limit` of them. */
export async function searchEvents(
  db: Database,
  tenantId: TenantId,
  { filter, before, limit }: { filter: AuditFilter; before?: AuditPlace | undefined; limit: number },
): Promise<AuditRecord[]> {
  const { clientIds, ...rest } = filter;
  const isWanted = [...conditions(tenantId, rest), ...(before ? [Prisma.sql`(at, id) < (${before.at}, ${before.id})`] : [])];
  const page = (more: readonly Prisma.Sql[]) => Prisma.sql`
    SELECT * FROM audit_events WHERE ${Prisma.join([...isWanted, ...more], ' AND ')} ORDER BY at DESC, id DESC LIMIT ${limit}`;
  // Of several clients, each has its own place in the index: their pages are merged.
  const rows =
    clientIds === undefined
      ? await db.$queryRaw<{ record: string }[]>`SELECT ${eventRecord} FROM (${page([])}) e ORDER BY at DESC, id DESC`
      : await db.$queryRaw<{ record: string }[]>`
          SELECT ${eventRecord} FROM (
            SELECT e.* FROM unnest(${[...clientIds]}::text[]) AS c(id) CROSS JOIN LATERAL (${page([Prisma.sql`client_id = c.id`])}) e
            ORDER BY at DESC, id DESC LIMIT ${limit}) e ORDER BY at DESC, id DESC`;
  return rows.map(toRecord);
}

/** The next events that came to stand after `after`, up to `until` or all that is whole, in the order of their transactions. */
export async function listNewEvents(
  db: Database,
  tenantId: TenantId,
  { filter, after, until, limit }: { filter: AuditFilter; after: AuditPosition; until?: AuditPosition; limit: number },
): Promise<AuditRecord[]> {
  const isWanted = [...conditions(tenantId, filter), isAfterPlace(after), isUpTo(until)];
  const rows = await db.$queryRaw<{ record: string }[]>`
    SELECT ${eventRecord} FROM audit_events WHERE ${Prisma.join(isWanted, ' AND ')} ORDER BY tx, at, id COLLATE "C" LIMIT ${limit}`;
  return rows.map(toRecord);
}

/** Up to where everything is whole: no transaction under way comes before it. */
export async function findHorizon(db: Database): Promise<AuditPosition> {
  const [row] = await db.$queryRaw<{ tx: bigint }[]>`SELECT audit_horizon() - 1 AS tx`;
  // After the last event of that transaction, whatever its instant.
  return { tx: Number(row?.tx ?? 0n), at: '9999-12-31T23:59:59.999Z', id: '' };
}

/** The clients that are called so now, or were when they were registered, removed ones included; letters alike in size. */
export async function findClientsCalled(db: Database, tenantId: TenantId, name: string): Promise<ClientId[]> {
  const rows = await db.$queryRaw<{ id: ClientId }[]>`
    SELECT id FROM clients WHERE tenant_id = ${tenantId} AND lower(metadata ->> 'name') = lower(${name})
    UNION SELECT client_id FROM audit_events
    WHERE tenant_id = ${tenantId} AND type = 'client.registered' AND ${isRareType} AND lower(detail ->> 'name') = lower(${name}) AND client_id IS NOT NULL`;
  return rows.map(({ id }) => id);
}

/** Indexed by type are those that are few; these fill the trail, and are found soon by going back in time. */
const isRareType = Prisma.sql`type NOT IN ('token.issued', 'tool.begun', 'tool.called', 'tool.refused')`;
const frequentTypes = new Set(['token.issued', 'tool.begun', 'tool.called', 'tool.refused']);

function conditions(tenantId: TenantId, filter: AuditFilter): Prisma.Sql[] {
  const { userId, clientIds, serverId, apiKeyId, tool, types, outcome, since, until } = filter;
  return [
    Prisma.sql`tenant_id = ${tenantId}`,
    ...(userId === undefined ? [] : [Prisma.sql`user_id = ${userId}`]),
    ...(clientIds === undefined ? [] : [Prisma.sql`client_id = ANY (${[...clientIds]})`]),
    ...(serverId === undefined ? [] : [Prisma.sql`server_id = ${serverId}`]),
    ...(apiKeyId === undefined ? [] : [Prisma.sql`api_key_id = ${apiKeyId}`]),
    ...(tool === undefined ? [] : [Prisma.sql`tool = ${tool}`]),
    ...(types === undefined ? [] : [Prisma.sql`type = ANY (${[...types]})`]),
    ...(types !== undefined && !types.some((type) => frequentTypes.has(type)) ? [isRareType] : []),
    ...(outcome === undefined ? [] : [Prisma.sql`outcome = ${outcome}`]),
    ...(outcome !== undefined && outcome !== 'success' ? [Prisma.sql`outcome <> 'success'`] : []),
    ...(since === undefined ? [] : [Prisma.sql`at >= ${since}`]),
    ...(until === undefined ? [] : [Prisma.sql`at < ${until}`]),
  ];
}

function toRecord({ record }: { record: string }): AuditRecord {
  return JSON.parse(record) as AuditRecord;
}
