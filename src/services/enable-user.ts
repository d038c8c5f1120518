import type { UserId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { findUser, setDisabled } from '../store/users.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** Enables an account that was disabled; doing it twice is a success. */
export async function enableUser(
  runtime: Runtime,
  tenant: Tenant,
  { userId, origin }: { userId: UserId; origin: Origin },
): Promise<{ ok: true } | { ok: false; problem: 'unknown-user' }> {
  return transact(runtime.store, async (db): Promise<{ ok: true } | { ok: false; problem: 'unknown-user' }> => {
    if (!(await findUser(db, tenant.id, userId))) return { ok: false, problem: 'unknown-user' };
    if (await setDisabled(db, tenant.id, userId, null)) {
      await recordAuditEvent(db, tenant.id, { ...origin, type: 'user.enabled', outcome: 'success', at: runtime.clock.now(), userId });
    }
    return { ok: true };
  });
}
