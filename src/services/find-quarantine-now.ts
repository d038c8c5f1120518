import type { ClientId, TenantId } from '../domain/ids.ts';
import { findQuarantine, type Quarantine } from '../domain/quarantine.ts';
import type { Database } from '../store/client.ts';
import { findClientStanding } from '../store/client-standing.ts';

/** The quarantine that a client is in, by what the database says at this moment. */
export async function findQuarantineNow(
  db: Database,
  tenantId: TenantId,
  { clientId, now }: { clientId: ClientId; now: Date },
): Promise<Quarantine | undefined> {
  const standing = await findClientStanding(db, tenantId, clientId);
  return standing && findQuarantine(standing.client, standing.setting, now);
}
