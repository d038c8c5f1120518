import type { UserId } from '../domain/ids.ts';
import { findPasswordProblem, isPasswordTooLong, type PasswordProblem } from '../domain/password-rules.ts';
import { deleteSessionsOfUser } from '../store/artifacts.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { deleteUnusedLinks } from '../store/links.ts';
import { findPasswordHash, findUser, setPasswordHash } from '../store/users.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** Why a password stayed as it was. `wrong-password`: the present one was not right. */
export type PasswordChange = { ok: true } | { ok: false; problem: PasswordProblem | 'wrong-password' };

/**
 * Changes a person's own password, proved by the present one. All other sessions end, and reset links that wait with them.
 * Throws `PasswordHashingBusy` when too many wait. Tries are the caller's to count.
 */
export async function changePassword(
  runtime: Runtime,
  tenant: Tenant,
  change: { userId: UserId; currentPassword: string; newPassword: string; keepSessionUid?: string; origin: Origin },
): Promise<PasswordChange> {
  const { userId, currentPassword, newPassword, keepSessionUid, origin } = change;
  // It cannot be the present one. `too-long` is said of the new one alone, by whoever has proved the present one.
  if (isPasswordTooLong(currentPassword)) return { ok: false, problem: 'wrong-password' };
  const user = await findUser(runtime.store, tenant.id, userId);
  const checked = await findPasswordHash(runtime.store, tenant.id, userId);
  const check = await runtime.passwords.verify(currentPassword, checked);
  if (!user || user.disabledAt || checked === undefined || !check.matches) return { ok: false, problem: 'wrong-password' };
  const problem = findPasswordProblem(newPassword, user);
  if (problem) return { ok: false, problem };
  const passwordHash = await runtime.passwords.hash(newPassword);
  return transact(runtime.store, async (db) => {
    const at = runtime.clock.now();
    // Of two changes that were proved by the same password, one is made.
    const isChanged = await setPasswordHash(db, tenant.id, userId, { passwordHash, changedAt: at, checked });
    if (!isChanged) return { ok: false, problem: 'wrong-password' };
    const sessions = await deleteSessionsOfUser(db, tenant.id, userId, keepSessionUid);
    await deleteUnusedLinks(db, tenant.id, { userId });
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'user.password-changed',
      outcome: 'success',
      at,
      userId,
      detail: { by: 'password', sessionsEnded: sessions },
    });
    return { ok: true };
  });
}
