import type { ApiKeyId, ServerId, SubjectId } from '../domain/ids.ts';
import { noteApiKeyUse } from '../store/api-keys.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** A use is noted when the one before was noted so long ago, in seconds: a key is used many times a second, and one row is not to be written as often. */
export const keyUseNotedSeconds = 600;

/** Notes that a key was used, with its event, on the caller's transaction; nothing is written when that was noted lately. */
export async function noteApiKeyUsed(
  runtime: Pick<Runtime, 'clock'>,
  db: Database,
  { tenant, key, origin }: { tenant: Pick<Tenant, 'id'>; key: { id: ApiKeyId; subject: SubjectId; serverId: ServerId }; origin: Origin },
): Promise<void> {
  const at = runtime.clock.now();
  const notedBefore = new Date(at.getTime() - keyUseNotedSeconds * 1_000);
  if (!(await noteApiKeyUse(db, tenant.id, key.id, { at, notedBefore }))) return;
  const about = { userId: key.subject, serverId: key.serverId, apiKeyId: key.id };
  await recordAuditEvent(db, tenant.id, { ...origin, ...about, type: 'api-key.used', outcome: 'success', at });
}
