import type { ApiKeyId, ClientId, TenantId, UserId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** The agents that a person ever allowed something and that are known still, the latest first. */
export async function listAgentsOf(
  db: Database,
  tenantId: TenantId,
  { userId, limit }: { userId: UserId; limit: number },
): Promise<{ id: ClientId; name?: string }[]> {
  const rows = await db.$queryRaw<{ id: ClientId; name: string | null }[]>`
    SELECT c.id, c.metadata ->> 'name' AS name FROM (
      SELECT client_id, max(created_at) AS since FROM consents WHERE tenant_id = ${tenantId} AND user_id = ${userId} GROUP BY client_id
    ) AS k JOIN clients AS c ON c.tenant_id = ${tenantId} AND c.id = k.client_id AND c.removed_at IS NULL
    ORDER BY k.since DESC LIMIT ${limit}`;
  return rows.map(({ id, name }) => ({ id, ...(name !== null && { name }) }));
}

/** The API keys of a person that are known still, the latest first. */
export async function listKeysOf(
  db: Database,
  tenantId: TenantId,
  { userId, limit }: { userId: UserId; limit: number },
): Promise<{ id: ApiKeyId; name: string }[]> {
  const rows = await db.apiKey.findMany({
    where: { tenantId, userId },
    orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
    take: limit,
    select: { id: true, name: true },
  });
  return rows as { id: ApiKeyId; name: string }[];
}
