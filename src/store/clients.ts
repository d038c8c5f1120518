import type { ClientMetadata } from '../domain/client-metadata.ts';
import type { ClientKind } from '../domain/client-trust.ts';
import { type ClientId, idPrefixes, type ServiceAccountId, type TenantId } from '../domain/ids.ts';
import type { QuarantineSetting } from '../domain/quarantine.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** A secret that was replaced, as its SHA-256, and until when it works. */
export interface PreviousSecret {
  digest: string;
  until: Date;
}

/** A client to keep. */
export interface NewClient {
  id: ClientId;
  kind: ClientKind;
  metadata: ClientMetadata;
  /** SHA-256 of its secret; absent for clients without one. */
  secretDigest?: string;
  demo?: boolean;
  createdAt: Date;
  /** What a machine client acts as. */
  serviceAccountId?: ServiceAccountId;
}

/** A client as stored. */
export interface StoredClient extends NewClient {
  demo: boolean;
  /** The secret before the present one, when an operator gave the client another. */
  previousSecret?: PreviousSecret;
  /** When a person first allowed it something. */
  firstAuthorizedAt?: Date;
  blockedAt?: Date;
  /** If it registered itself: it is kept until then at least. */
  reapAfter: Date;
  /** The newest of its versions; absent where none are kept. */
  version?: number;
  /** When it last became another than it was; absent: never. */
  identityChangedAt?: Date;
  /** When an administrator checked who it is. */
  verifiedAt?: Date;
  /** When an administrator put it in quarantine, and when that ends by itself. */
  quarantinedAt?: Date;
  quarantineEndsAt?: Date;
}

/** Whether a text looks like a client id at all (those that are URLs may have 2 KiB); anything else is none, and some of it the database would choke on. */
export function isClientId(id: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(id) || /^https:[\x21-\x7e]{1,2042}$/.test(id);
}

/** Reads a row. */
export function toClient(row: Prisma.ClientGetPayload<object>): StoredClient {
  return {
    id: row.id as ClientId,
    kind: row.kind as ClientKind,
    metadata: row.metadata as unknown as ClientMetadata,
    demo: row.demo,
    createdAt: row.createdAt,
    reapAfter: row.reapAfter,
    ...(row.secretDigest !== null && { secretDigest: row.secretDigest }),
    ...(row.previousSecretDigest !== null &&
      row.previousSecretUntil && { previousSecret: { digest: row.previousSecretDigest, until: row.previousSecretUntil } }),
    ...(row.firstAuthorizedAt && { firstAuthorizedAt: row.firstAuthorizedAt }),
    ...(row.blockedAt && { blockedAt: row.blockedAt }),
    ...(row.version > 0 && { version: row.version }),
    ...(row.verifiedAt && { verifiedAt: row.verifiedAt }),
    ...(row.quarantinedAt && { quarantinedAt: row.quarantinedAt }),
    ...(row.quarantineEndsAt && { quarantineEndsAt: row.quarantineEndsAt }),
    ...(row.identityChangedAt && { identityChangedAt: row.identityChangedAt }),
    ...(row.serviceAccountId !== null && { serviceAccountId: row.serviceAccountId as ServiceAccountId }),
  };
}

/** Finds a client, blocked ones included; one that is being removed is gone. */
export async function findClient(db: Database, tenantId: TenantId, id: ClientId): Promise<StoredClient | undefined> {
  if (!isClientId(id)) return undefined;
  const row = await db.client.findUnique({ where: { tenantId_id: { tenantId, id }, removedAt: null } });
  return row ? toClient(row) : undefined;
}

/** The same of several, by their ids. */
export async function findClients(db: Database, tenantId: TenantId, ids: Iterable<ClientId>): Promise<Map<ClientId, StoredClient>> {
  const wanted = [...new Set(ids)].filter(isClientId);
  if (wanted.length === 0) return new Map();
  const rows = await db.client.findMany({ where: { tenantId, id: { in: wanted }, removedAt: null } });
  return new Map(rows.map((row) => [row.id as ClientId, toClient(row)]));
}

/** Finds the machine client that acts as a service account, blocked ones included. */
export async function findClientOfServiceAccount(
  db: Database,
  tenantId: TenantId,
  serviceAccountId: ServiceAccountId,
): Promise<StoredClient | undefined> {
  const row = await db.client.findFirst({ where: { tenantId, serviceAccountId } });
  return row ? toClient(row) : undefined;
}

/** Which clients a list holds; each member that is there narrows it. */
export interface ClientFilter {
  kind?: ClientKind;
  isBlocked?: boolean;
  isVerified?: boolean;
  /** Whether a person ever allowed it something. */
  isUsed?: boolean;
  /** Only those that are in quarantine by this setting of the tenant, at this moment. */
  inQuarantine?: { setting: QuarantineSetting; now: Date };
}

/** Where a page of clients begins: behind this one. */
export interface ClientPlace {
  createdAt: Date;
  id: ClientId;
}

/** Lists a page of clients, newest first. It is found by its place, not by counting what comes before. */
export async function listClientPage(
  db: Database,
  tenantId: TenantId,
  { filter, after, limit }: { filter: ClientFilter; after?: ClientPlace; limit: number },
): Promise<StoredClient[]> {
  const { kind, isBlocked, isVerified, isUsed, inQuarantine } = filter;
  const isSet = (wanted: boolean | undefined) => (wanted === undefined ? undefined : wanted ? { not: null } : null);
  const [blockedAt, verifiedAt, firstAuthorizedAt] = [isSet(isBlocked), isSet(isVerified), isSet(isUsed)];
  const rows = await db.client.findMany({
    where: {
      tenantId,
      removedAt: null,
      ...(kind !== undefined && { kind }),
      ...(blockedAt !== undefined && { blockedAt }),
      ...(verifiedAt !== undefined && { verifiedAt }),
      ...(firstAuthorizedAt !== undefined && { firstAuthorizedAt }),
      ...(inQuarantine && { AND: { OR: isInQuarantine(inQuarantine) } }),
      // The first condition is the index's; alone it would count the equal instants in.
      ...(after && {
        createdAt: { lte: after.createdAt },
        OR: [{ createdAt: { lt: after.createdAt } }, { id: { lt: after.id } }],
      }),
    },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: limit,
  });
  return rows.map(toClient);
}

/** The same as `findQuarantine` says of one client. */
function isInQuarantine({ setting, now }: { setting: QuarantineSetting; now: Date }): Prisma.ClientWhereInput[] {
  const byHand = { quarantinedAt: { not: null }, OR: [{ quarantineEndsAt: null }, { quarantineEndsAt: { gt: now } }] };
  if (setting === 'off') return [byHand];
  const since = setting === 'until-verified' ? undefined : { gt: new Date(now.getTime() - setting.seconds * 1_000) };
  const isRecent = since && { OR: [{ createdAt: since }, { identityChangedAt: since }] };
  return [byHand, { kind: { not: 'manual' }, verifiedAt: null, ...isRecent }];
}

/** A client that an administrator vouches for. */
export type VouchedClient = Pick<StoredClient, 'id' | 'kind' | 'metadata'>;

/** At most `limit` clients that an administrator made or verified and that are not blocked, the latest first, as one text. */
export function vouchedClients(tenantId: TenantId, limit: number): Prisma.Sql {
  // The condition is that of the index, word for word.
  return Prisma.sql`
    SELECT COALESCE(json_agg(one), '[]')::text FROM (
      SELECT id, kind, metadata FROM clients
      WHERE tenant_id = ${tenantId} AND (verified_at IS NOT NULL OR kind = 'manual') AND blocked_at IS NULL
      ORDER BY created_at DESC LIMIT ${limit}) AS one`;
}

/** Finds that text: who remembers what came of one knows by it whether anything is new. */
export async function findVouchedClients(db: Database, tenantId: TenantId, limit: number): Promise<string> {
  const [row] = await db.$queryRaw<{ vouched: string }[]>`SELECT (${vouchedClients(tenantId, limit)}) AS vouched`;
  return row?.vouched ?? '[]';
}

/** The clients in it. */
export function readVouchedClients(text: string): VouchedClient[] {
  return JSON.parse(text);
}

/** Lists the clients that an administrator made, oldest first, and those of some ids, whoever made them; those being removed are among them. */
export async function listManualClients(
  db: Database,
  tenantId: TenantId,
  ids: readonly string[],
): Promise<(StoredClient & { isBeingRemoved: boolean })[]> {
  const rows = await db.client.findMany({
    where: { tenantId, OR: [{ kind: 'manual', removedAt: null }, { id: { in: [...ids] } }] },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
  });
  return rows.map((row) => ({ ...toClient(row), isBeingRemoved: row.removedAt !== null }));
}

/** Keeps a new client. */
export async function createClient(db: Database, tenantId: TenantId, client: NewClient): Promise<void> {
  await db.client.create({ data: { ...client, tenantId, metadata: client.metadata as unknown as Prisma.InputJsonObject } });
}

/** Replaces what a client says about itself; `secretDigest` null takes its secret away, undefined leaves it. */
export async function updateClient(
  db: Database,
  tenantId: TenantId,
  id: ClientId,
  change: { metadata: ClientMetadata; secretDigest: string | null | undefined },
): Promise<void> {
  const { metadata, secretDigest } = change;
  await db.client.update({
    where: { tenantId_id: { tenantId, id } },
    data: { metadata: metadata as unknown as Prisma.InputJsonObject, ...(secretDigest !== undefined && { secretDigest }) },
  });
}

/** Gives a client another secret, and says what becomes of the one before. */
export async function updateClientSecret(
  db: Database,
  tenantId: TenantId,
  id: ClientId,
  { digest, previous }: { digest: string; previous: PreviousSecret | undefined },
): Promise<void> {
  const data = { secretDigest: digest, previousSecretDigest: previous?.digest ?? null, previousSecretUntil: previous?.until ?? null };
  await db.client.update({ where: { tenantId_id: { tenantId, id } }, data });
}

/** What is known of a client that is not its own word; null takes it back, undefined leaves it. */
export type ClientStandingChange = Partial<
  Record<'blockedAt' | 'verifiedAt' | 'quarantinedAt' | 'quarantineEndsAt' | 'identityChangedAt', Date | null>
>;

/** Changes what is known of a client. Lock the client first. */
export async function changeClientStanding(db: Database, tenantId: TenantId, id: ClientId, change: ClientStandingChange): Promise<void> {
  await db.client.update({ where: { tenantId_id: { tenantId, id } }, data: change });
}

/** Locks a client until the transaction ends. */
export async function lockClient(db: Database, tenantId: TenantId, id: ClientId): Promise<void> {
  await db.$queryRaw`SELECT 1 FROM clients WHERE tenant_id = ${tenantId} AND id = ${id} FOR UPDATE`;
}

/** Keeps a client from being removed until the transaction ends, and hinders nothing else; false when it is gone, or going, already. */
export async function holdClient(db: Database, tenantId: TenantId, id: ClientId): Promise<boolean> {
  const rows = await db.$queryRaw<
    unknown[]
  >`SELECT 1 FROM clients WHERE tenant_id = ${tenantId} AND id = ${id} AND removed_at IS NULL FOR KEY SHARE`;
  return rows.length > 0;
}

/** Notes that a person allowed a client something, the first time. */
export async function markClientAuthorized(db: Database, tenantId: TenantId, id: ClientId, at: Date): Promise<void> {
  await db.client.updateMany({ where: { tenantId, id, firstAuthorizedAt: null }, data: { firstAuthorizedAt: at } });
}

/** Whether a client id is a server's credential (ENG-30). */
export function isServerClientId(id: string): boolean {
  return id.startsWith(idPrefixes.server);
}

/** What some clients call themselves; those that are gone, or have no name, are left out. */
export async function listClientNames(db: Database, tenantId: TenantId, ids: readonly ClientId[]): Promise<Map<ClientId, string>> {
  const rows = await db.client.findMany({ where: { tenantId, id: { in: [...ids] } }, select: { id: true, metadata: true } });
  const names = rows.map(({ id, metadata }) => [id, (metadata as unknown as ClientMetadata).name] as [ClientId, string | undefined]);
  return new Map(names.filter((pair): pair is [ClientId, string] => pair[1] !== undefined));
}
