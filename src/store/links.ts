import type { TenantId, UserId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** What a one-time link is for. */
export type LinkPurpose = 'invitation' | 'password-reset' | 'first-admin';

/** A one-time link, without the token that opens it. */
export interface StoredLink {
  purpose: LinkPurpose;
  /** Absent for the first administrator, who has no account yet. */
  userId?: UserId;
  expiresAt: Date;
}

interface Row {
  purpose: string;
  userId: string | null;
  expiresAt: Date;
}

const columns = { purpose: true, userId: true, expiresAt: true } as const;

function toLink(row: Row): StoredLink {
  return {
    purpose: row.purpose as LinkPurpose,
    expiresAt: row.expiresAt,
    ...(row.userId !== null && { userId: row.userId as UserId }),
  };
}

/** Keeps a new link by the digest of its token. */
export async function createLink(db: Database, tenantId: TenantId, link: StoredLink & { digest: string; createdAt: Date }): Promise<void> {
  await db.oneTimeLink.create({ data: { ...link, tenantId } });
}

/** Finds a link that can still be used at `now`. */
export async function findLink(db: Database, tenantId: TenantId, digest: string, now: Date): Promise<StoredLink | undefined> {
  const row = await db.oneTimeLink.findFirst({ where: usable(tenantId, digest, now), select: columns });
  return row ? toLink(row) : undefined;
}

/** Uses a link up, in one statement: of several that try, one gets it. Undefined when it cannot be used (any more). */
export async function consumeLink(db: Database, tenantId: TenantId, digest: string, now: Date): Promise<StoredLink | undefined> {
  const rows = await db.oneTimeLink.updateManyAndReturn({
    where: usable(tenantId, digest, now),
    data: { consumedAt: now },
    select: columns,
  });
  const row = rows[0];
  return row ? toLink(row) : undefined;
}

function usable(tenantId: TenantId, digest: string, now: Date) {
  return { tenantId, digest, consumedAt: null, expiresAt: { gt: now } };
}

/** Removes the unused links of a person, or those for the first administrator: a newer one takes their place, or none is wanted. */
export async function deleteUnusedLinks(
  db: Database,
  tenantId: TenantId,
  which: { userId: UserId } | { purpose: 'first-admin' },
): Promise<void> {
  await db.oneTimeLink.deleteMany({ where: { tenantId, consumedAt: null, ...which } });
}

/** Removes all links of a tenant: nobody can use one any more. */
export async function deleteLinks(db: Database, tenantId: TenantId): Promise<void> {
  await db.oneTimeLink.deleteMany({ where: { tenantId } });
}
