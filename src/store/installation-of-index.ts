import type { InstallationId, TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** Finds the installation that an index of a token status list was assigned to. */
export async function findInstallationOfIndex(
  db: Database,
  tenantId: TenantId,
  entry: { list: number; index: number },
): Promise<InstallationId | undefined> {
  const row = await db.statusEntry.findUnique({
    where: { tenantId_list_index: { tenantId, ...entry } },
    select: { installationId: true },
  });
  return row ? (row.installationId as InstallationId) : undefined;
}
