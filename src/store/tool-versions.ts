import type { ServerId, TenantId } from '../domain/ids.ts';
import type { JsonObject, ToolDefinition } from '../domain/tool.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** A definition that a tool has or had. */
export interface ToolVersion {
  definition: ToolDefinition;
  digest: string;
  firstSeenAt: Date;
}

/** One of them: its tool by name, and its digest. */
export interface ToolVersionKey {
  name: string;
  digest: string;
}

/** A definition to keep. */
export type KeptDefinition = ToolDefinition & { digest: string; seenAt: Date };

/** Rows per statement: PostgreSQL takes 65,535 parameters. */
const batchRows = 500;

/** Keeps definitions; one that is kept already stays as it is. */
export async function keepToolVersions(
  db: Database,
  tenantId: TenantId,
  serverId: ServerId,
  versions: readonly KeptDefinition[],
): Promise<void> {
  for (let from = 0; from < versions.length; from += batchRows) {
    const data = versions.slice(from, from + batchRows).map((version) => ({ ...toColumns(version), tenantId, serverId }));
    await db.toolVersion.createMany({ data, skipDuplicates: true });
  }
}

function toColumns(version: KeptDefinition): Omit<Prisma.ToolVersionCreateManyInput, 'tenantId' | 'serverId'> {
  const { name, digest, title, description, annotations, inputSchema, outputSchema, seenAt } = version;
  return {
    name,
    digest,
    title: title ?? null,
    description: description ?? null,
    annotations: annotations as Prisma.InputJsonObject,
    inputSchema: inputSchema as Prisma.InputJsonObject,
    outputSchema: (outputSchema as Prisma.InputJsonObject | undefined) ?? Prisma.DbNull,
    firstSeenAt: seenAt,
  };
}

/** Finds some definitions; those that are not kept are not among them. */
export async function findToolVersions(
  db: Database,
  tenantId: TenantId,
  serverId: ServerId,
  keys: readonly ToolVersionKey[],
): Promise<ToolVersion[]> {
  if (keys.length === 0) return [];
  const digests = { in: keys.map(({ digest }) => digest) };
  const rows = await db.toolVersion.findMany({
    where: { tenantId, serverId, name: { in: keys.map(({ name }) => name) }, digest: digests },
  });
  return rows.map(toVersion);
}

/** Lists all definitions that a tool has or had, the newest first. */
export async function listToolVersions(db: Database, tenantId: TenantId, serverId: ServerId, name: string): Promise<ToolVersion[]> {
  const rows = await db.toolVersion.findMany({
    where: { tenantId, serverId, name },
    orderBy: [{ firstSeenAt: 'desc' }, { digest: 'asc' }],
  });
  return rows.map(toVersion);
}

/** Which of some tools have definitions that are kept. */
export async function findToolsWithVersions(
  db: Database,
  tenantId: TenantId,
  serverId: ServerId,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await db.$queryRaw<{ name: string }[]>`
    SELECT DISTINCT name FROM tool_versions WHERE tenant_id = ${tenantId} AND server_id = ${serverId} AND name = ANY (${[...names]}::text[])`;
  return new Set(rows.map(({ name }) => name));
}

/** How many definitions of one tool are kept at least. */
const keptVersions = 100;

/**
 * Removes old definitions of tools that change again and again: all but the newest ones and those that somebody goes by, a person or a
 * machine. Lock the server first.
 */
export async function pruneToolVersions(db: Database, tenantId: TenantId, serverId: ServerId, names: readonly string[]): Promise<void> {
  const many = await db.$queryRaw<{ name: string }[]>`
    SELECT name FROM tool_versions WHERE tenant_id = ${tenantId} AND server_id = ${serverId} AND name = ANY (${[...names]}::text[])
    GROUP BY name HAVING count(*) > ${keptVersions}`;
  if (many.length === 0) return;
  await db.$executeRaw`
    WITH ranked AS (
      SELECT name, digest, row_number() OVER (PARTITION BY name ORDER BY first_seen_at DESC, digest) AS place FROM tool_versions
      WHERE tenant_id = ${tenantId} AND server_id = ${serverId} AND name = ANY (${many.map(({ name }) => name)}::text[])
    ), relied AS (
      SELECT newest.tools FROM consents AS k CROSS JOIN LATERAL (
        SELECT COALESCE(paused.tools, v.tools) AS tools FROM consent_versions AS v
        LEFT JOIN consent_versions AS paused
          ON paused.tenant_id = v.tenant_id AND paused.consent_id = v.consent_id AND paused.version = v.paused_version
        WHERE v.tenant_id = k.tenant_id AND v.consent_id = k.id ORDER BY v.version DESC LIMIT 1
      ) AS newest WHERE k.tenant_id = ${tenantId} AND k.server_id = ${serverId} AND k.ended_at IS NULL
      UNION ALL SELECT tools FROM tool_assignments WHERE tenant_id = ${tenantId} AND server_id = ${serverId}
      UNION ALL SELECT tools FROM api_keys WHERE tenant_id = ${tenantId} AND server_id = ${serverId}
    ), named AS (
      SELECT DISTINCT tool ->> 'name' AS name, tool ->> 'digest' AS digest FROM relied CROSS JOIN LATERAL jsonb_array_elements(relied.tools) AS tool
    )
    DELETE FROM tool_versions AS old USING ranked
    WHERE old.tenant_id = ${tenantId} AND old.server_id = ${serverId} AND old.name = ranked.name AND old.digest = ranked.digest
      AND ranked.place > ${keptVersions}
      AND NOT EXISTS (SELECT 1 FROM named WHERE named.name = old.name AND named.digest = old.digest)`;
}

function toVersion(row: Prisma.ToolVersionGetPayload<object>): ToolVersion {
  return {
    definition: {
      name: row.name,
      annotations: row.annotations as JsonObject,
      inputSchema: row.inputSchema as JsonObject,
      ...(row.title !== null && { title: row.title }),
      ...(row.description !== null && { description: row.description }),
      ...(row.outputSchema !== null && { outputSchema: row.outputSchema as JsonObject }),
    },
    digest: row.digest,
    firstSeenAt: row.firstSeenAt,
  };
}
