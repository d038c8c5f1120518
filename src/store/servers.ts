import { idPrefixes, type ServerId, type TenantId } from '../domain/ids.ts';
import type { ListPage } from '../domain/list-page.ts';
import type { ResourceUri } from '../domain/resource-uri.ts';
import { randomId } from '../platform/random.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** A protected MCP server, without its secrets. */
export interface StoredServer {
  id: ServerId;
  /** As registered; the `aud` of its tokens. */
  resource: string;
  resourceKey: string;
  name: string;
  upstream?: string;
  /** What its library said of itself when it last announced itself. */
  libraryName?: string;
  libraryVersion?: string;
  librarySeenAt?: Date;
  /** When its catalogue was last read. */
  catalogueSyncedAt?: Date;
  /** Why it could not be read since, and how often in a row. */
  catalogueProblem?: { reason: string; detail: string; failures: number };
  /** What its library listed last that the catalogue did not say, and when. */
  reportedDigest?: string;
  reportedAt?: Date;
  /** Rises with every change of its tools. */
  catalogueRevision: number;
  demo: boolean;
  createdAt: Date;
}

/** A server to keep. */
export interface NewServer {
  /** Default: a new one. */
  id?: ServerId;
  uri: ResourceUri;
  name: string;
  /** Headers for reading its catalogue: a sealed JSON object. */
  sealedHeaders?: string;
  credentialDigest: string;
  demo?: boolean;
  createdAt: Date;
}

/** Reads a row. */
export function toServer(row: Prisma.ServerGetPayload<object>): StoredServer {
  return {
    id: row.id as ServerId,
    resource: row.resource,
    resourceKey: row.resourceKey,
    name: row.name,
    catalogueRevision: row.catalogueRevision,
    demo: row.demo,
    createdAt: row.createdAt,
    ...(row.upstream !== null && { upstream: row.upstream }),
    ...(row.libraryName !== null && { libraryName: row.libraryName }),
    ...(row.libraryVersion !== null && { libraryVersion: row.libraryVersion }),
    ...(row.librarySeenAt && { librarySeenAt: row.librarySeenAt }),
    ...(row.catalogueSyncedAt && { catalogueSyncedAt: row.catalogueSyncedAt }),
    ...(row.reportedDigest !== null && { reportedDigest: row.reportedDigest }),
    ...(row.reportedAt && { reportedAt: row.reportedAt }),
    ...(row.catalogueProblem !== null && {
      catalogueProblem: { ...(row.catalogueProblem as { reason: string; detail: string }), failures: row.catalogueFailures },
    }),
  };
}

/** A new id for a server. URL-safe, because it is sent as a user name (MCP-26). */
export function newServerId(): ServerId {
  return randomId(idPrefixes.server) as ServerId;
}

/** Keeps a new server; undefined when the resource has one already. */
export async function createServer(db: Database, tenantId: TenantId, server: NewServer): Promise<ServerId | undefined> {
  const { uri, id = newServerId(), ...columns } = server;
  const data = { ...columns, tenantId, id, resource: uri.resource, resourceKey: uri.key, catalogueDueAt: columns.createdAt };
  const { count } = await db.server.createMany({ data, skipDuplicates: true });
  return count === 1 ? id : undefined;
}

/** Finds a server. One that is being removed is none, here and below. */
export async function findServer(db: Database, tenantId: TenantId, id: ServerId): Promise<StoredServer | undefined> {
  const row = await db.server.findUnique({ where: { tenantId_id: { tenantId, id }, removedAt: null } });
  return row ? toServer(row) : undefined;
}

/** The same of several, by their ids. */
export async function findServers(db: Database, tenantId: TenantId, ids: Iterable<ServerId>): Promise<Map<ServerId, StoredServer>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const rows = await db.server.findMany({ where: { tenantId, id: { in: wanted }, removedAt: null } });
  return new Map(rows.map((row) => [row.id as ServerId, toServer(row)]));
}

/** Finds a server by the `key` of its resource URI. */
export async function findServerByResourceKey(db: Database, tenantId: TenantId, resourceKey: string): Promise<StoredServer | undefined> {
  const row = await db.server.findUnique({ where: { tenantId_resourceKey: { tenantId, resourceKey }, removedAt: null } });
  return row ? toServer(row) : undefined;
}

/** Lists all servers, oldest first. */
export async function listServers(db: Database, tenantId: TenantId): Promise<StoredServer[]> {
  const rows = await db.server.findMany({ where: { tenantId, removedAt: null }, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] });
  return rows.map(toServer);
}

/** A server as people choose it. */
export type NamedServer = Pick<StoredServer, 'id' | 'name' | 'resource'>;

/** Lists a page of the servers whose name or resource has `query` in it, in whichever case; by name, as the database sorts it. */
export async function listServerPage(
  db: Database,
  tenantId: TenantId,
  { query, page }: { query: string; page: ListPage<Pick<NamedServer, 'id' | 'name'>> },
): Promise<NamedServer[]> {
  const place = page.before ?? page.after;
  const [beyond, order] = page.before ? [Prisma.raw('<'), Prisma.raw('DESC')] : [Prisma.raw('>'), Prisma.raw('ASC')];
  const rows = await db.$queryRaw<NamedServer[]>`
    SELECT id, name, resource FROM servers
    WHERE tenant_id = ${tenantId} AND removed_at IS NULL
      ${query === '' ? Prisma.empty : Prisma.sql`AND position(lower(${query}::text) IN lower(name || ' ' || resource)) > 0`}
      ${place === undefined ? Prisma.empty : Prisma.sql`AND (lower(name), id) ${beyond} (lower(${place.name}::text), ${place.id})`}
    ORDER BY lower(name) ${order}, id ${order} LIMIT ${page.limit}`;
  return page.before ? rows.toReversed() : rows;
}

/** Gives a server another name. */
export async function renameServer(db: Database, tenantId: TenantId, id: ServerId, name: string): Promise<void> {
  await db.server.update({ where: { tenantId_id: { tenantId, id } }, data: { name } });
}

/** The digest of a server's credential, for whoever checks one; undefined when there is no such server. */
export async function findServerCredentialDigest(db: Database, tenantId: TenantId, id: ServerId): Promise<string | undefined> {
  const row = await db.server.findUnique({ where: { tenantId_id: { tenantId, id }, removedAt: null }, select: { credentialDigest: true } });
  return row?.credentialDigest;
}

/** Replaces a server's credential; the old one is refused from now on. False when there is no such server. */
export async function setServerCredentialDigest(
  db: Database,
  tenantId: TenantId,
  id: ServerId,
  credentialDigest: string,
): Promise<boolean> {
  const { count } = await db.server.updateMany({ where: { tenantId, id, removedAt: null }, data: { credentialDigest } });
  return count === 1;
}

/** The sealed headers that a server's catalogue is read with, if it has any. */
export async function findSealedHeaders(db: Database, tenantId: TenantId, id: ServerId): Promise<string | undefined> {
  const row = await db.server.findUnique({ where: { tenantId_id: { tenantId, id }, removedAt: null }, select: { sealedHeaders: true } });
  return row?.sealedHeaders ?? undefined;
}

/**
 * Locks a server until the transaction ends. For a `change`: of two that read its catalogue at once, the second sees what the
 * first wrote. For its `removal`: no consent for it is made any more.
 */
export async function lockServer(db: Database, tenantId: TenantId, id: ServerId, purpose: 'change' | 'removal'): Promise<void> {
  if (purpose === 'change') await db.$queryRaw`SELECT 1 FROM servers WHERE tenant_id = ${tenantId} AND id = ${id} FOR NO KEY UPDATE`;
  else await db.$queryRaw`SELECT 1 FROM servers WHERE tenant_id = ${tenantId} AND id = ${id} FOR UPDATE`;
}

/** Notes when the catalogue was read, and when it is to be read again. */
export async function touchCatalogue(
  db: Database,
  tenantId: TenantId,
  id: ServerId,
  { syncedAt, dueAt }: { syncedAt: Date; dueAt: Date },
): Promise<void> {
  await db.server.update({
    where: { tenantId_id: { tenantId, id } },
    data: { catalogueSyncedAt: syncedAt, catalogueDueAt: dueAt, catalogueFailures: 0, catalogueProblem: Prisma.DbNull },
  });
}

/** Notes which tools a server's library listed that the catalogue does not say. */
export async function noteReportedTools(
  db: Database,
  tenantId: TenantId,
  id: ServerId,
  report: { digest: string; at: Date },
): Promise<void> {
  await db.server.update({ where: { tenantId_id: { tenantId, id } }, data: { reportedDigest: report.digest, reportedAt: report.at } });
}

/** Notes what a server's library said of itself; false when the server was removed meanwhile. */
export async function noteLibrary(
  db: Database,
  tenantId: TenantId,
  id: ServerId,
  library: { name: string; version: string; seenAt: Date },
): Promise<boolean> {
  const { count } = await db.server.updateMany({
    where: { tenantId, id, removedAt: null },
    data: { libraryName: library.name, libraryVersion: library.version, librarySeenAt: library.seenAt },
  });
  return count === 1;
}

/**
 * Keeps a server and its catalogue as they are until the transaction ends; false when it is gone already. Whoever makes a consent
 * does so first: a change of the catalogue locks the consents that there are, and one made beside it would keep the old tools.
 */
export async function holdServer(db: Database, tenantId: TenantId, id: ServerId): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>`
    SELECT 1 FROM servers WHERE tenant_id = ${tenantId} AND id = ${id} AND removed_at IS NULL FOR SHARE`;
  return rows.length > 0;
}

/** Lists the servers that `serve --demo` made. */
export async function listDemoServers(db: Database, tenantId: TenantId): Promise<StoredServer[]> {
  const rows = await db.server.findMany({ where: { tenantId, demo: true, removedAt: null } });
  return rows.map(toServer);
}

/** What some servers are called; those that are gone are left out. */
export async function listServerNames(db: Database, tenantId: TenantId, ids: readonly ServerId[]): Promise<Map<ServerId, string>> {
  const rows = await db.server.findMany({ where: { tenantId, id: { in: [...ids] }, removedAt: null }, select: { id: true, name: true } });
  return new Map(rows.map(({ id, name }) => [id as ServerId, name]));
}
