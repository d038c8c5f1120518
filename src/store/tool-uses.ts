/** What agents did in a person's name, by day and tool; written with the reports (`store/hot/tool-reports.ts`). */
import type { ApiKeyId, ClientId, ConsentId, ServerId, TenantId, ToolAssignmentId, UserId } from '../domain/ids.ts';
import type { Risk } from '../domain/risk.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** By what something was done. */
export type UseGrant = ConsentId | ApiKeyId | ToolAssignmentId;

/** What was done on one day by one grant; days are in UTC, at midnight. */
export interface UsePlace {
  day: Date;
  grant: UseGrant;
}

/** The uses of one tool on one day. */
export interface StoredToolUse {
  /** The server's name for it; empty: refused calls of tools that it does not have. */
  name: string;
  title?: string;
  /** What it may do, as far as that is known. */
  risk?: Risk;
  calls: number;
  refusals: number;
}

/** What was done on one day by one grant, and by whom it can be named still. */
export interface StoredDayOfUses extends UsePlace {
  clientId?: ClientId;
  apiKeyName?: string;
  serverId?: ServerId;
  serverName?: string;
  /** The most used first, as many as were asked for. */
  tools: StoredToolUse[];
  /** Of all tools, those included that are not named. */
  toolCount: number;
  calls: number;
  failures: number;
  refusals: number;
  lastAt: Date;
  /** What of it stands on a server's word alone. */
  reported: 'all' | 'some' | 'none';
}

/** Whose uses, and how many days of them. */
export interface UseFilter {
  userId: UserId;
  /** By one client, or by one API key. */
  agentId?: ClientId | ApiKeyId;
  /** What comes behind a place. */
  after?: UsePlace;
  limit: number;
}

/** Finds on which days something was done by which grants, the latest first. */
export async function listUsePlaces(db: Database, tenantId: TenantId, { userId, agentId, after, limit }: UseFilter): Promise<UsePlace[]> {
  const byAgent =
    agentId === undefined
      ? Prisma.empty
      : Prisma.sql`AND consent_id IN (
          SELECT id FROM consents WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND client_id = ${agentId} UNION ALL SELECT ${agentId})`;
  const behind = after ? Prisma.sql`AND (day, consent_id) < (${after.day}::date, ${after.grant})` : Prisma.empty;
  const rows = await db.$queryRaw<{ day: Date; grant: UseGrant }[]>`
    SELECT day, consent_id AS "grant" FROM tool_uses WHERE tenant_id = ${tenantId} AND user_id = ${userId} ${behind} ${byAgent}
    GROUP BY day, consent_id ORDER BY day DESC, consent_id DESC LIMIT ${limit}`;
  return rows;
}

interface UseRow {
  day: Date;
  grant: UseGrant;
  client_id: ClientId | null;
  key_name: string | null;
  server_id: ServerId | null;
  server_name: string | null;
  tool: string;
  title: string | null;
  risk: Risk | null;
  calls: number;
  refusals: number;
  tool_count: number;
  all_calls: number;
  all_failures: number;
  all_refusals: number;
  all_last_at: Date;
  are_reported: boolean;
  is_some_reported: boolean;
}

/** Reads what was done at these places, at most `maxTools` tools of each; in the order of the places. */
export async function findUses(
  db: Database,
  tenantId: TenantId,
  { userId, places, maxTools }: { userId: UserId; places: readonly UsePlace[]; maxTools: number },
): Promise<StoredDayOfUses[]> {
  if (places.length === 0) return [];
  const wanted = Prisma.join(places.map(({ day, grant }) => Prisma.sql`(${day}::date, ${grant})`));
  const rows = await db.$queryRaw<UseRow[]>`
    SELECT u.day, u.consent_id AS "grant", k.client_id, y.name AS key_name, s.id AS server_id, s.name AS server_name, u.tool, t.title, t.risk,
      u.calls, u.refusals, u.tool_count, u.all_calls, u.all_failures, u.all_refusals, u.all_last_at, u.are_reported, u.is_some_reported
    FROM (
      SELECT *, row_number() OVER (PARTITION BY day, consent_id ORDER BY calls + refusals DESC, tool) AS place,
        (count(*) OVER whole)::int AS tool_count, (sum(calls) OVER whole)::int AS all_calls, (sum(failures) OVER whole)::int AS all_failures,
        (sum(refusals) OVER whole)::int AS all_refusals, max(last_at) OVER whole AS all_last_at,
        bool_and(assurance = 'reported') OVER whole AS are_reported, bool_or(assurance = 'reported') OVER whole AS is_some_reported
      FROM tool_uses WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND (day, consent_id) IN (${wanted})
      WINDOW whole AS (PARTITION BY day, consent_id)
    ) AS u
    LEFT JOIN consents AS k ON k.tenant_id = ${tenantId} AND k.id = u.consent_id
    LEFT JOIN api_keys AS y ON y.tenant_id = ${tenantId} AND y.id = u.consent_id
    LEFT JOIN servers AS s ON s.tenant_id = ${tenantId} AND s.id = COALESCE(k.server_id, y.server_id) AND s.removed_at IS NULL
    LEFT JOIN tools AS t ON t.tenant_id = ${tenantId} AND t.server_id = s.id AND t.name = u.tool
    WHERE u.place <= ${maxTools} ORDER BY u.day DESC, u.consent_id DESC, u.place`;
  const days: StoredDayOfUses[] = [];
  for (const row of rows) {
    let day = days.at(-1);
    if (!day || day.grant !== row.grant || day.day.getTime() !== row.day.getTime()) {
      day = toDay(row);
      days.push(day);
    }
    const { tool: name, title, risk, calls, refusals } = row;
    day.tools.push({ name, calls, refusals, ...(title !== null && { title }), ...(risk !== null && { risk }) });
  }
  return days;
}

function toDay(row: UseRow): StoredDayOfUses {
  return {
    day: row.day,
    grant: row.grant,
    tools: [],
    toolCount: row.tool_count,
    calls: row.all_calls,
    failures: row.all_failures,
    refusals: row.all_refusals,
    lastAt: row.all_last_at,
    reported: row.are_reported ? 'all' : row.is_some_reported ? 'some' : 'none',
    ...(row.client_id !== null && { clientId: row.client_id }),
    ...(row.key_name !== null && { apiKeyName: row.key_name }),
    ...(row.server_id !== null && { serverId: row.server_id }),
    ...(row.server_name !== null && { serverName: row.server_name }),
  };
}

/** When each tool of some consents of a person's was last called, by consent and by the tool's name; so far as a server reported it. */
export async function findToolUses(
  db: Database,
  tenantId: TenantId,
  { userIds, consentIds }: { userIds: readonly UserId[]; consentIds: readonly ConsentId[] },
): Promise<ReadonlyMap<ConsentId, ReadonlyMap<string, Date>>> {
  const rows = await db.$queryRaw<{ consent: ConsentId; uses: string }[]>`
    SELECT consent_id AS consent, json_object_agg(tool, last_at)::text AS uses FROM (
      SELECT consent_id, tool, max(last_at) AS last_at FROM tool_uses
      WHERE tenant_id = ${tenantId} AND user_id = ANY (${[...userIds]}::text[]) AND consent_id = ANY (${[...consentIds]}::text[]) AND calls > 0
      GROUP BY consent_id, tool
    ) AS used GROUP BY consent_id`;
  const uses = rows.map(({ consent, uses }) => [consent, toInstants(JSON.parse(uses))] as const);
  return new Map([...consentIds.map((id) => [id, new Map<string, Date>()] as const), ...uses]);
}

function toInstants(uses: Record<string, string>): Map<string, Date> {
  return new Map(Object.entries(uses).map(([tool, lastAt]) => [tool, new Date(lastAt)]));
}

/** Removes at most 500 counters of days before `day`; returns how many. */
export async function deleteToolUsesBefore(db: Database, day: Date): Promise<number> {
  return db.$executeRaw`
    DELETE FROM tool_uses WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM tool_uses WHERE day < ${day}::date ORDER BY day LIMIT 500 FOR UPDATE SKIP LOCKED)) AND day < ${day}::date`;
}
