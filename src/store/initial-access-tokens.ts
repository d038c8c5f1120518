import type { InitialAccessTokenId, TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/** An initial access token (RFC 7591 §3) as stored: never itself. */
export interface StoredInitialAccessToken {
  id: InitialAccessTokenId;
  /** What operators read. */
  name: string;
  maxUses: number;
  uses: number;
  createdAt: Date;
  expiresAt: Date;
  lastUsedAt?: Date;
  revokedAt?: Date;
}

function toToken(row: Prisma.InitialAccessTokenGetPayload<object>): StoredInitialAccessToken {
  const { id, name, maxUses, uses, createdAt, expiresAt, lastUsedAt, revokedAt } = row;
  return {
    id: id as InitialAccessTokenId,
    name,
    maxUses,
    uses,
    createdAt,
    expiresAt,
    ...(lastUsedAt && { lastUsedAt }),
    ...(revokedAt && { revokedAt }),
  };
}

/** Keeps a new token by its digest. */
export async function createInitialAccessToken(
  db: Database,
  tenantId: TenantId,
  token: Pick<StoredInitialAccessToken, 'id' | 'name' | 'maxUses' | 'createdAt' | 'expiresAt'> & { digest: string },
): Promise<void> {
  await db.initialAccessToken.create({ data: { ...token, tenantId } });
}

/** Lists tokens, newest first, those included that register nothing any more. */
export async function listInitialAccessTokens(db: Database, tenantId: TenantId): Promise<StoredInitialAccessToken[]> {
  const rows = await db.initialAccessToken.findMany({ where: { tenantId }, orderBy: [{ createdAt: 'desc' }, { id: 'asc' }] });
  return rows.map(toToken);
}

const isGood = (now: Date) => ({ revokedAt: null, expiresAt: { gt: now } });

/** Whether a token could be used now. */
export async function isInitialAccessTokenGood(db: Database, tenantId: TenantId, digest: string, now: Date): Promise<boolean> {
  const row = await db.initialAccessToken.findFirst({ where: { tenantId, digest, ...isGood(now) }, select: { uses: true, maxUses: true } });
  return row !== null && row.uses < row.maxUses;
}

/** Uses a token once; undefined when it cannot be used (any more). Of callers that come together as many win as there are uses. */
export async function consumeInitialAccessToken(
  db: Database,
  tenantId: TenantId,
  digest: string,
  now: Date,
): Promise<InitialAccessTokenId | undefined> {
  const [used] = await db.$queryRaw<{ id: string }[]>`
    UPDATE initial_access_tokens SET uses = uses + 1, last_used_at = ${now}
    WHERE tenant_id = ${tenantId} AND digest = ${digest} AND revoked_at IS NULL AND expires_at > ${now} AND uses < max_uses
    RETURNING id`;
  return used?.id as InitialAccessTokenId | undefined;
}

/** Revokes a token; false when there is none, or it was revoked before. */
export async function revokeInitialAccessToken(db: Database, tenantId: TenantId, id: string, at: Date): Promise<boolean> {
  const { count } = await db.initialAccessToken.updateMany({ where: { tenantId, id, revokedAt: null }, data: { revokedAt: at } });
  return count === 1;
}
