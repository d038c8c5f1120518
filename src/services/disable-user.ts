import type { UserId } from '../domain/ids.ts';
import { deleteSessionsOfUser } from '../store/artifacts.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { lockConsentsOfUser } from '../store/consents.ts';
import { deleteUnusedLinks } from '../store/links.ts';
import { invalidateStatusOfUser } from '../store/status.ts';
import { findUser, lockActiveAdmins, setDisabled } from '../store/users.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** The outcome; doing it twice is a success. The last administrator cannot be disabled (ABUSE-66). */
export type UserDisabling = { ok: true } | { ok: false; problem: 'unknown-user' | 'last-admin' };

/**
 * Disables an account: its sessions and links end, its refresh tokens are refused from now on, its access tokens die by the
 * status list. What the person allowed stays, for the day the account is enabled again.
 */
export async function disableUser(
  runtime: Runtime,
  tenant: Tenant,
  { userId, origin }: { userId: UserId; origin: Origin },
): Promise<UserDisabling> {
  return transact(runtime.store, async (db): Promise<UserDisabling> => {
    const admins = await lockActiveAdmins(db, tenant.id);
    if (!(await findUser(db, tenant.id, userId))) return { ok: false, problem: 'unknown-user' };
    if (admins.length === 1 && admins[0] === userId) return { ok: false, problem: 'last-admin' };
    await disableLocked(db, tenant, { userId, origin, at: runtime.clock.now() });
    return { ok: true };
  });
}

/** Disables an account that is no administrator, or not the last one, on the caller's transaction. */
export async function disableLocked(
  db: Database,
  tenant: Tenant,
  { userId, origin, at }: { userId: UserId; origin: Origin; at: Date },
): Promise<void> {
  if (!(await setDisabled(db, tenant.id, userId, at))) return;
  await lockConsentsOfUser(db, tenant.id, userId);
  await invalidateStatusOfUser(db, tenant.id, userId, at);
  const sessions = await deleteSessionsOfUser(db, tenant.id, userId);
  await deleteUnusedLinks(db, tenant.id, { userId });
  await recordAuditEvent(db, tenant.id, {
    ...origin,
    type: 'user.disabled',
    outcome: 'success',
    at,
    userId,
    detail: { sessionsEnded: sessions },
  });
}
