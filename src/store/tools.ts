import type { KnownTool, SaidOfTool } from '../domain/catalogue-step.ts';
import type { CatalogueTool } from '../domain/consent.ts';
import type { ServerId, TenantId } from '../domain/ids.ts';
import type { Risk, RiskProfile } from '../domain/risk.ts';
import type { JsonObject } from '../domain/tool.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** A tool as it is stored. */
export type StoredTool = KnownTool;

/** A row as PostgreSQL writes it in JSON. */
interface ToolRow extends Looks<string> {
  name: string;
  position: number;
  title: string | null;
  description: string | null;
  annotations: JsonObject;
  inputSchema: JsonObject;
  outputSchema: JsonObject | null;
  digest: string;
  risk: Risk;
  openWorld: boolean;
  riskOverride: Risk | null;
  openWorldOverride: boolean | null;
  firstSeenAt: string;
}

function toTool({ title, description, outputSchema, riskOverride, openWorldOverride, ...row }: ToolRow): StoredTool {
  const { riskierThan, acceptedAt, doubtedAt, ...tool } = row;
  const looks = { riskierThan, acceptedAt: toDate(acceptedAt), doubtedAt: toDate(doubtedAt) };
  return {
    ...tool,
    firstSeenAt: new Date(tool.firstSeenAt),
    ...toLooks(looks),
    ...(title !== null && { title }),
    ...(description !== null && { description }),
    ...(outputSchema !== null && { outputSchema }),
    ...(riskOverride !== null && openWorldOverride !== null && { override: { risk: riskOverride, openWorld: openWorldOverride } }),
  };
}

function toDate(instant: string | null): Date | null {
  return instant === null ? null : new Date(instant);
}

/** What was looked at, and what is to be. */
function toLooks({ riskierThan, acceptedAt, doubtedAt }: Looks<Date>): Partial<StoredTool> {
  return {
    ...(riskierThan.length > 0 && { riskierThan }),
    ...(acceptedAt && { acceptedAt, isAccepted: true }),
    ...(doubtedAt && { doubtedAt, isDoubted: true }),
  };
}

interface Looks<Instant> {
  riskierThan: string[];
  acceptedAt: Instant | null;
  doubtedAt: Instant | null;
}

/** Lists a server's tools as last seen, in its own order; those it no longer has are left out. */
export async function listTools(db: Database, tenantId: TenantId, serverId: ServerId): Promise<StoredTool[]> {
  return (await readCatalogue(db, tenantId, serverId)).tools;
}

/** A catalogue as it stood at one moment. */
export interface CatalogueReading {
  tools: StoredTool[];
  /** Of that moment; below 0 where there is no such server. */
  revision: number;
  /** How much text it is. */
  characters: number;
}

/**
 * Reads the tools that `listTools` lists, with the revision that they have. They come as one text: through Prisma's rows a hundred tools
 * took half of what their page costs.
 */
export async function readCatalogue(db: Database, tenantId: TenantId, serverId: ServerId): Promise<CatalogueReading> {
  const [row] = await db.$queryRaw<{ revision: number | null; tools: string | null }[]>`
    SELECT (SELECT catalogue_revision FROM servers WHERE tenant_id = ${tenantId} AND id = ${serverId}) AS revision,
           json_agg(tool ORDER BY tool.position, tool.name)::text AS tools FROM (
      SELECT name, position, title, description, annotations, input_schema AS "inputSchema", output_schema AS "outputSchema",
             digest, risk, open_world AS "openWorld", risk_override AS "riskOverride", open_world_override AS "openWorldOverride",
             riskier_than AS "riskierThan", accepted_at AS "acceptedAt", doubted_at AS "doubtedAt", first_seen_at AS "firstSeenAt"
      FROM tools WHERE tenant_id = ${tenantId} AND server_id = ${serverId} AND removed_at IS NULL
    ) AS tool`;
  const text = row?.tools ?? '[]';
  return { tools: (JSON.parse(text) as ToolRow[]).map(toTool), revision: row?.revision ?? -1, characters: text.length };
}

/**
 * The same tools, as far as deciding takes: without what a server says of them, which may be megabytes and is not wanted each time a
 * token is issued.
 */
export async function listCatalogue(db: Database, tenantId: TenantId, serverId: ServerId): Promise<CatalogueTool[]> {
  const rows = await db.tool.findMany({
    where: { tenantId, serverId, removedAt: null },
    select: { name: true, digest: true, risk: true, openWorld: true, riskierThan: true, acceptedAt: true, doubtedAt: true },
  });
  return rows.map(({ name, digest, risk, openWorld, ...looks }) => ({ name, digest, risk: risk as Risk, openWorld, ...toLooks(looks) }));
}

/** The names of all servers' tools, each with what an administrator said of it, where one did. */
export async function listOverrides(db: Database, tenantId: TenantId): Promise<Map<ServerId, Map<string, RiskProfile | undefined>>> {
  const rows = await db.tool.findMany({
    where: { tenantId, removedAt: null },
    select: { serverId: true, name: true, riskOverride: true, openWorldOverride: true },
    orderBy: [{ serverId: 'asc' }, { position: 'asc' }, { name: 'asc' }],
  });
  const servers = new Map<ServerId, Map<string, RiskProfile | undefined>>();
  for (const { serverId, name, riskOverride, openWorldOverride } of rows) {
    const tools = servers.get(serverId as ServerId) ?? new Map<string, RiskProfile | undefined>();
    const isSaid = riskOverride !== null && openWorldOverride !== null;
    servers.set(serverId as ServerId, tools.set(name, isSaid ? { risk: riskOverride as Risk, openWorld: openWorldOverride } : undefined));
  }
  return servers;
}

/** Rows per statement: PostgreSQL takes 65,535 parameters. */
const batchRows = 500;

/** Adds tools, in place of those of the same names. Lock the server first. */
export async function keepTools(db: Database, tenantId: TenantId, serverId: ServerId, tools: readonly StoredTool[]): Promise<void> {
  for (let from = 0; from < tools.length; from += batchRows) {
    const batch = tools.slice(from, from + batchRows);
    await db.tool.deleteMany({ where: { tenantId, serverId, name: { in: batch.map(({ name }) => name) } } });
    await db.tool.createMany({ data: batch.map((tool) => ({ ...toColumns(tool), tenantId, serverId })) });
  }
}

function toColumns({
  override,
  isAccepted: _,
  isDoubted: __,
  riskierThan = [],
  ...tool
}: StoredTool): Omit<Prisma.ToolCreateManyInput, 'tenantId' | 'serverId'> {
  return {
    ...tool,
    riskierThan: [...riskierThan],
    annotations: tool.annotations as Prisma.InputJsonObject,
    inputSchema: tool.inputSchema as Prisma.InputJsonObject,
    outputSchema: (tool.outputSchema as Prisma.InputJsonObject | undefined) ?? Prisma.DbNull,
    riskOverride: override?.risk ?? null,
    openWorldOverride: override?.openWorld ?? null,
  };
}

/** Notes that a server no longer has some tools. What was said of their risk is kept: it may have them again. */
export async function removeTools(
  db: Database,
  tenantId: TenantId,
  serverId: ServerId,
  removal: { names: readonly string[]; at: Date },
): Promise<void> {
  const where = { tenantId, serverId, name: { in: [...removal.names] }, removedAt: null };
  await db.tool.updateMany({ where, data: { removedAt: removal.at } });
}

/** What administrators said of those of some tools that a server had once and has no longer, and what it claimed of them at last. */
export async function findFormerOverrides(
  db: Database,
  tenantId: TenantId,
  serverId: ServerId,
  names: readonly string[],
): Promise<ReadonlyMap<string, SaidOfTool>> {
  if (names.length === 0) return new Map();
  const rows = await db.$queryRaw<{ name: string; risk: Risk; openWorld: boolean; annotations: JsonObject }[]>`
    SELECT name, risk_override AS risk, open_world_override AS "openWorld", annotations FROM tools
    WHERE tenant_id = ${tenantId} AND server_id = ${serverId} AND name = ANY (${[...names]}::text[])
      AND removed_at IS NOT NULL AND risk_override IS NOT NULL AND open_world_override IS NOT NULL`;
  return new Map(rows.map(({ name, annotations, ...override }) => [name, { override, annotations }]));
}
