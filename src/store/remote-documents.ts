/**
 * Documents of strangers, as they were fetched last. Who fetches one holds its lease, a mark in the row that ends by itself: so one
 * of all instances asks at a time, and nobody keeps a lock or a connection while a stranger's host takes its time.
 */
import type { TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';

/** Names a document. */
export interface DocumentKey {
  kind: 'client-metadata' | 'jwks';
  url: string;
}

/** The last good copy of a document. */
export interface DocumentCopy {
  body: string;
  etag?: string;
  lastModified?: string;
  /** When it was received, or last confirmed to be current. */
  fetchedAt: Date;
  freshUntil: Date;
}

/** Why a document could not be had. `reason` is one of the service's. */
export interface StoredDocumentProblem {
  reason: string;
  detail: string;
}

/** A document as stored. */
export interface StoredDocument {
  copy?: DocumentCopy;
  /** Of the last try, where it failed. */
  problem?: StoredDocumentProblem;
  /** Not asked for again before. */
  retryAt?: Date;
  /** Since when its host says that there is none. */
  goneSince?: Date;
  tries: number;
  isReliedOn: boolean;
  expiresAt: Date;
  /** Somebody is asking for it now. */
  isLeased: boolean;
}

interface Row {
  body: string | null;
  etag: string | null;
  last_modified: string | null;
  fetched_at: Date | null;
  fresh_until: Date | null;
  problem: StoredDocumentProblem | null;
  retry_at: Date | null;
  gone_since: Date | null;
  tries: number;
  relied_on: boolean;
  expires_at: Date;
  is_leased: boolean;
}

function toCopy({
  body,
  etag,
  last_modified: lastModified,
  fetched_at: fetchedAt,
  fresh_until: freshUntil,
}: Row): DocumentCopy | undefined {
  if (body === null || !fetchedAt || !freshUntil) return undefined;
  return { body, fetchedAt, freshUntil, ...(etag !== null && { etag }), ...(lastModified !== null && { lastModified }) };
}

/** Finds a document, whatever its state. */
export async function findDocument(db: Database, tenantId: TenantId, { kind, url }: DocumentKey): Promise<StoredDocument | undefined> {
  const [row] = await db.$queryRaw<Row[]>`
    SELECT body, etag, last_modified, fetched_at, fresh_until, problem, retry_at, gone_since, tries, relied_on, expires_at,
      lease IS NOT NULL AND lease_until > clock_timestamp() AS is_leased
    FROM remote_documents WHERE tenant_id = ${tenantId} AND kind = ${kind} AND url = ${url}`;
  if (!row) return undefined;
  const copy = toCopy(row);
  return {
    ...(copy && { copy }),
    ...(row.problem && { problem: row.problem }),
    ...(row.retry_at && { retryAt: row.retry_at }),
    ...(row.gone_since && { goneSince: row.gone_since }),
    tries: row.tries,
    isReliedOn: row.relied_on,
    expiresAt: row.expires_at,
    isLeased: row.is_leased,
  };
}

/**
 * Takes the lease of a document, whose row is made if it is not there; false when another holds it, or when it was tried since
 * the caller read `tries`. By the database's clock, which is the same for all instances.
 */
export async function takeDocumentLease(
  db: Database,
  tenantId: TenantId,
  take: { key: DocumentKey; lease: string; leaseMs: number; tries: number; isReliedOn: boolean; expiresAt: Date },
): Promise<boolean> {
  const { key, lease, leaseMs, tries, isReliedOn, expiresAt } = take;
  const taken = await db.$executeRaw`
    INSERT INTO remote_documents (tenant_id, kind, url, relied_on, expires_at, lease, lease_until)
    VALUES (${tenantId}, ${key.kind}, ${key.url}, ${isReliedOn}, ${expiresAt},
      ${lease}, clock_timestamp() + ${leaseMs} * interval '1 millisecond')
    ON CONFLICT (tenant_id, kind, url) DO UPDATE SET lease = EXCLUDED.lease, lease_until = EXCLUDED.lease_until
    WHERE remote_documents.tries = ${tries} AND (remote_documents.lease IS NULL OR remote_documents.lease_until <= clock_timestamp())`;
  return taken === 1;
}

/** What a try came to: a good copy, or the problem (the copy there was stays). */
export type DocumentTry = { copy: DocumentCopy } | { problem: StoredDocumentProblem; retryAt: Date; goneSince: Date | undefined };

/** Keeps what a try came to, and gives the lease back; nothing happens when the lease was lost meanwhile. */
export async function settleDocumentTry(
  db: Database,
  tenantId: TenantId,
  { key, lease, result }: { key: DocumentKey; lease: string; result: DocumentTry },
): Promise<void> {
  const free = { lease: null, leaseUntil: null, tries: { increment: 1 } };
  const change =
    'copy' in result
      ? {
          ...{ etag: null, lastModified: null, ...result.copy },
          ...{ problem: Prisma.DbNull, retryAt: null, goneSince: null },
        }
      : { problem: { ...result.problem }, retryAt: result.retryAt, goneSince: result.goneSince ?? null };
  await db.remoteDocument.updateMany({ where: { tenantId, ...key, lease }, data: { ...free, ...change } });
}

/** Gives a lease back without a try; a row that was made for it alone goes again. */
export async function returnDocumentLease(
  db: Database,
  tenantId: TenantId,
  { key, lease }: { key: DocumentKey; lease: string },
): Promise<void> {
  await db.remoteDocument.deleteMany({ where: { tenantId, ...key, lease, tries: 0 } });
  await db.remoteDocument.updateMany({ where: { tenantId, ...key, lease }, data: { lease: null, leaseUntil: null } });
}

/** Notes that a document is in use: it is kept at least until `expiresAt`. What another noted meanwhile, that it is relied on or kept longer, stays. */
export async function noteDocumentUse(
  db: Database,
  tenantId: TenantId,
  { key, isReliedOn, expiresAt }: { key: DocumentKey; isReliedOn: boolean; expiresAt: Date },
): Promise<void> {
  await db.$executeRaw`
    UPDATE remote_documents SET relied_on = relied_on OR ${isReliedOn}, expires_at = GREATEST(expires_at, ${expiresAt})
    WHERE tenant_id = ${tenantId} AND kind = ${key.kind} AND url = ${key.url}`;
}

/** Removes documents that nobody relies on beyond the `kept` used last, some at a time. */
export async function evictDocuments(db: Database, tenantId: TenantId, kept: number): Promise<void> {
  await db.$executeRaw`
    DELETE FROM remote_documents WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM remote_documents WHERE tenant_id = ${tenantId} AND NOT relied_on
      ORDER BY expires_at DESC OFFSET ${kept} LIMIT 100 FOR UPDATE SKIP LOCKED)) AND NOT relied_on`;
}
