import type { ConsentedTool, ConsentTerms } from '../domain/consent.ts';
import { idPrefixes, type ServerId, type ServiceAccountId, type TenantId, type ToolAssignmentId } from '../domain/ids.ts';
import { randomId } from '../platform/random.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/** What a service account may do on one server. */
export interface ToolAssignment extends ConsentTerms {
  id: ToolAssignmentId;
  serviceAccountId: ServiceAccountId;
  serverId: ServerId;
  version: number;
  salt: string;
  assignedAt: Date;
  /** The status index of its client's tokens; absent until the next token takes one. */
  status?: { list: number; index: number };
  lastTokenAt?: Date;
}

function toAssignment(row: Prisma.ToolAssignmentGetPayload<object>): ToolAssignment {
  const { statusList: list, statusIndex: index } = row;
  return {
    id: row.id as ToolAssignmentId,
    serviceAccountId: row.serviceAccountId as ServiceAccountId,
    serverId: row.serverId as ServerId,
    version: row.version,
    tools: row.tools as unknown as ConsentedTool[],
    resources: row.resources,
    prompts: row.prompts,
    salt: row.salt,
    assignedAt: row.assignedAt,
    ...(list !== null && index !== null && { status: { list, index } }),
    ...(row.lastTokenAt && { lastTokenAt: row.lastTokenAt }),
  };
}

/** An account and a server. */
interface Parties {
  serviceAccountId: ServiceAccountId;
  serverId: ServerId;
}

/** Finds what an account may do on a server. */
export async function findAssignment(db: Database, tenantId: TenantId, parties: Parties): Promise<ToolAssignment | undefined> {
  const { serviceAccountId, serverId } = parties;
  const row = await db.toolAssignment.findUnique({
    where: { tenantId_serviceAccountId_serverId: { tenantId, serviceAccountId, serverId } },
  });
  return row ? toAssignment(row) : undefined;
}

/** Finds an assignment by its id. */
export async function findAssignmentOfId(db: Database, tenantId: TenantId, id: string): Promise<ToolAssignment | undefined> {
  const row = await db.toolAssignment.findUnique({ where: { tenantId_id: { tenantId, id } } });
  return row ? toAssignment(row) : undefined;
}

/** Lists what an account may do, by server; with `serviceAccountId` left out, what all may. */
export async function listAssignments(db: Database, tenantId: TenantId, filter: Partial<Parties> = {}): Promise<ToolAssignment[]> {
  const rows = await db.toolAssignment.findMany({ where: { tenantId, ...filter }, orderBy: [{ assignedAt: 'asc' }, { id: 'asc' }] });
  return rows.map(toAssignment);
}

/** Replaces what an account may do on a server, by a new version; returns its id. Turn its status index invalid in the same transaction. */
export async function putAssignment(
  db: Database,
  tenantId: TenantId,
  { terms, salt, assignedAt, ...parties }: Parties & { terms: ConsentTerms; salt: string; assignedAt: Date },
): Promise<ToolAssignmentId> {
  const { tools, resources, prompts } = terms;
  const columns = { tools: tools as unknown as Prisma.InputJsonArray, resources, prompts, salt, assignedAt };
  const row = await db.toolAssignment.upsert({
    where: { tenantId_serviceAccountId_serverId: { tenantId, ...parties } },
    create: { ...columns, ...parties, tenantId, id: randomId(idPrefixes.toolAssignment), version: 1 },
    update: { ...columns, version: { increment: 1 } },
    select: { id: true },
  });
  return row.id as ToolAssignmentId;
}

/** Takes away all that an account may do on a server. Turn its status index invalid first. */
export async function deleteAssignment(db: Database, tenantId: TenantId, parties: Parties): Promise<void> {
  await db.toolAssignment.deleteMany({ where: { tenantId, ...parties } });
}

/** Locks an assignment until the transaction ends. Whoever issues a token does so before reading anything that it depends on. */
export async function lockAssignment(db: Database, tenantId: TenantId, { serviceAccountId, serverId }: Parties): Promise<void> {
  await db.$queryRaw`
    SELECT 1 FROM tool_assignments
    WHERE tenant_id = ${tenantId} AND service_account_id = ${serviceAccountId} AND server_id = ${serverId} FOR UPDATE`;
}

/** Notes that a token was issued, and which status index it carries. */
export async function noteAssignmentToken(
  db: Database,
  tenantId: TenantId,
  id: ToolAssignmentId,
  { at, status }: { at: Date; status: { list: number; index: number } },
): Promise<void> {
  await db.toolAssignment.update({
    where: { tenantId_id: { tenantId, id } },
    data: { lastTokenAt: at, statusList: status.list, statusIndex: status.index },
  });
}
