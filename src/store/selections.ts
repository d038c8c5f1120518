import type { TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** Keeps a selection document at least until `expiresAt`. Equal documents are one row. */
export async function keepSelection(
  db: Database,
  tenantId: TenantId,
  selection: { sha256: string; document: string; expiresAt: Date },
): Promise<void> {
  await db.$executeRaw`
    INSERT INTO selections (tenant_id, sha256, document, expires_at)
    VALUES (${tenantId}, ${selection.sha256}, ${selection.document}, ${selection.expiresAt})
    ON CONFLICT (tenant_id, sha256) DO UPDATE SET expires_at = GREATEST(selections.expires_at, EXCLUDED.expires_at)`;
}

/** Finds a selection document that a living token may name. */
export async function findSelection(db: Database, tenantId: TenantId, sha256: string, now: Date): Promise<string | undefined> {
  const row = await db.selection.findUnique({ where: { tenantId_sha256: { tenantId, sha256 } } });
  return row && row.expiresAt > now ? row.document : undefined;
}
