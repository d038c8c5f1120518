import type { ConsentedTool, ConsentTerms } from '../domain/consent.ts';
import type { ApiKeyId, ServerId, ServiceAccountId, TenantId, UserId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/** Whom a key acts as. */
export type ApiKeyOwner = { userId: UserId } | { serviceAccountId: ServiceAccountId };

/** An API key as stored: never itself. */
export interface StoredApiKey extends ConsentTerms {
  id: ApiKeyId;
  /** What its owner reads. */
  name: string;
  owner: ApiKeyOwner;
  serverId: ServerId;
  salt: string;
  lifetimeSeconds: number;
  createdAt: Date;
  rotatedAt?: Date;
  expiresAt: Date;
  /** Until when the key that was rotated away works. */
  previousUntil?: Date;
  lastUsedAt?: Date;
  revokedAt?: Date;
  /** The status index of the tokens it is exchanged for; absent until the next one takes one. */
  status?: { list: number; index: number };
}

/** A key to keep. */
export type NewApiKey = Pick<
  StoredApiKey,
  'id' | 'name' | 'owner' | 'serverId' | 'tools' | 'resources' | 'prompts' | 'salt' | 'lifetimeSeconds' | 'createdAt' | 'expiresAt'
> & { digest: string };

type Row = Prisma.ApiKeyGetPayload<object>;

function toKey(row: Row): StoredApiKey {
  const { statusList: list, statusIndex: index } = row;
  return {
    id: row.id as ApiKeyId,
    name: row.name,
    owner: toOwner(row),
    serverId: row.serverId as ServerId,
    tools: row.tools as unknown as ConsentedTool[],
    resources: row.resources,
    prompts: row.prompts,
    salt: row.salt,
    lifetimeSeconds: row.lifetimeSeconds,
    createdAt: row.createdAt,
    expiresAt: row.expiresAt,
    ...(row.rotatedAt && { rotatedAt: row.rotatedAt }),
    ...(row.previousUntil && { previousUntil: row.previousUntil }),
    ...(row.lastUsedAt && { lastUsedAt: row.lastUsedAt }),
    ...(row.revokedAt && { revokedAt: row.revokedAt }),
    ...(list !== null && index !== null && { status: { list, index } }),
  };
}

function toOwner({ id, userId, serviceAccountId }: Row): ApiKeyOwner {
  if (userId !== null) return { userId: userId as UserId };
  if (serviceAccountId !== null) return { serviceAccountId: serviceAccountId as ServiceAccountId };
  throw new Error(`the API key ${id} has no owner`);
}

/** Keeps a new key by its digest. */
export async function createApiKey(db: Database, tenantId: TenantId, { owner, tools, ...key }: NewApiKey): Promise<void> {
  await db.apiKey.create({ data: { ...key, ...owner, tenantId, tools: tools as unknown as Prisma.InputJsonArray } });
}

/** Finds a key by its id, expired and revoked ones included. */
export async function findApiKey(db: Database, tenantId: TenantId, id: ApiKeyId): Promise<StoredApiKey | undefined> {
  const row = await db.apiKey.findUnique({ where: { tenantId_id: { tenantId, id } } });
  return row ? toKey(row) : undefined;
}

/** Finds the key of a digest, of its own or of the one before while that works; expired and revoked ones included. */
export async function findApiKeyOfDigest(db: Database, tenantId: TenantId, digest: string, now: Date): Promise<StoredApiKey | undefined> {
  const row = await db.apiKey.findFirst({
    where: { tenantId, OR: [{ digest }, { previousDigest: digest, previousUntil: { gt: now } }] },
  });
  return row ? toKey(row) : undefined;
}

/** The digests that a key may be proven by now: its own, and while it works that of the one before. */
export async function findApiKeyDigests(db: Database, tenantId: TenantId, id: ApiKeyId, now: Date): Promise<string[]> {
  const row = await db.apiKey.findUnique({
    where: { tenantId_id: { tenantId, id } },
    select: { digest: true, previousDigest: true, previousUntil: true },
  });
  if (!row) return [];
  const { digest, previousDigest, previousUntil } = row;
  return [digest, ...(previousDigest !== null && previousUntil && previousUntil > now ? [previousDigest] : [])];
}

/** Which keys a list holds; each member that is there narrows it. */
export interface ApiKeyFilter {
  userId?: UserId;
  serviceAccountId?: ServiceAccountId;
  serverId?: ServerId;
  /** Those that were not revoked. */
  revokedAt?: null;
}

/** Lists keys, newest first; with `since`, those that were over before then are left out. */
export async function listApiKeys(
  db: Database,
  tenantId: TenantId,
  { filter, since }: { filter: ApiKeyFilter; since?: Date },
): Promise<StoredApiKey[]> {
  const lately = since && { expiresAt: { gte: since }, OR: [{ revokedAt: null }, { revokedAt: { gte: since } }] };
  const rows = await db.apiKey.findMany({ where: { tenantId, ...filter, ...lately }, orderBy: [{ createdAt: 'desc' }, { id: 'asc' }] });
  return rows.map(toKey);
}

/** Lists a page of the keys at a server in the order of their ids; those that were over before `since` are left out. */
export async function listKeyPageOfServer(
  db: Database,
  tenantId: TenantId,
  page: { serverId: ServerId; userId?: UserId; since: Date; after: string; limit: number },
): Promise<StoredApiKey[]> {
  const { serverId, userId, since, after, limit } = page;
  const rows = await db.apiKey.findMany({
    where: {
      ...{ tenantId, serverId, id: { gt: after }, expiresAt: { gte: since } },
      ...(userId && { userId }),
      OR: [{ revokedAt: null }, { revokedAt: { gte: since } }],
    },
    orderBy: { id: 'asc' },
    take: limit,
  });
  return rows.map(toKey);
}

/** Lists all keys that were not revoked, expired ones included: for whoever ends them. */
export async function listUnrevokedApiKeys(db: Database, tenantId: TenantId): Promise<{ id: ApiKeyId }[]> {
  const rows = await db.apiKey.findMany({ where: { tenantId, revokedAt: null }, select: { id: true }, orderBy: { id: 'asc' } });
  return rows as { id: ApiKeyId }[];
}

/** The names of a person's good keys. */
export async function listNamesOfApiKeys(db: Database, tenantId: TenantId, userId: UserId, now: Date): Promise<string[]> {
  const rows = await db.apiKey.findMany({
    where: { tenantId, userId, revokedAt: null, expiresAt: { gt: now } },
    select: { name: true },
  });
  return rows.map(({ name }) => name);
}

/** Locks a key until the transaction ends. Whoever issues a token for it does so before reading anything that it depends on. */
export async function lockApiKey(db: Database, tenantId: TenantId, id: ApiKeyId): Promise<void> {
  await db.$queryRaw`SELECT 1 FROM api_keys WHERE tenant_id = ${tenantId} AND id = ${id} FOR UPDATE`;
}

/** Gives a key another secret, and says which of the two before works until when. Lock the key first. */
export async function rotateApiKey(
  db: Database,
  tenantId: TenantId,
  id: ApiKeyId,
  rotation: Pick<StoredApiKey, 'lifetimeSeconds' | 'expiresAt'> & {
    digest: string;
    rotatedAt: Date;
    previousUntil: Date | undefined;
    keeps: 'current' | 'previous';
  },
): Promise<void> {
  const { previousUntil, keeps, ...columns } = rotation;
  const where = { tenantId_id: { tenantId, id } };
  const row = await db.apiKey.findUniqueOrThrow({ where, select: { digest: true, previousDigest: true } });
  const kept = keeps === 'current' ? row.digest : row.previousDigest;
  await db.apiKey.update({
    where,
    data: { ...columns, previousDigest: previousUntil ? kept : null, previousUntil: previousUntil ?? null },
  });
}

/** Revokes a key; false when it was revoked before. Turn its status index invalid in the same transaction. */
export async function revokeApiKeyRow(db: Database, tenantId: TenantId, id: ApiKeyId, end: { at: Date; reason: string }): Promise<boolean> {
  const { count } = await db.apiKey.updateMany({
    where: { tenantId, id, revokedAt: null },
    data: { revokedAt: end.at, revokeReason: end.reason },
  });
  return count === 1;
}

/** Notes that a key was used, unless that was noted after `notedBefore`; whether it was noted now. */
export async function noteApiKeyUse(
  db: Database,
  tenantId: TenantId,
  id: ApiKeyId,
  { at, notedBefore }: { at: Date; notedBefore: Date },
): Promise<boolean> {
  const changed = await db.$executeRaw`
    UPDATE api_keys SET last_used_at = ${at}
    WHERE tenant_id = ${tenantId} AND id = ${id} AND (last_used_at IS NULL OR last_used_at < ${notedBefore})`;
  return changed === 1;
}

/** Notes which status index the tokens of a key carry from now on. */
export async function assignApiKeyIndex(
  db: Database,
  tenantId: TenantId,
  id: ApiKeyId,
  status: { list: number; index: number },
): Promise<void> {
  await db.apiKey.update({ where: { tenantId_id: { tenantId, id } }, data: { statusList: status.list, statusIndex: status.index } });
}
