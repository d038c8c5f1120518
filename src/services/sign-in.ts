import { parseEmail } from '../domain/email-address.ts';
import { isPasswordTooLong } from '../domain/password-rules.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { findSignInSecret, findUser, replacePasswordHash, type StoredUser } from '../store/users.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/**
 * The outcome of a try. `no-match` is all that anybody is told of an unknown address, a wrong password, a disabled account, or
 * one without a password (ABUSE-27); which it was stands in the audit trail. `too-long` is refused unread (ABUSE-30).
 */
export type SignIn = { ok: true; user: StoredUser } | { ok: false; problem: 'no-match' | 'too-long' };

/**
 * Checks an address and a password. Whatever is wrong, it takes one look-up, one hash and one audit event.
 * Throws `PasswordHashingBusy` when too many wait. The session is the caller's to start, limits are the caller's to count.
 */
export async function signIn(
  runtime: Runtime,
  tenant: Tenant,
  attempt: { email: string; password: string; origin: Origin },
): Promise<SignIn> {
  const outcome = await check(runtime, tenant, attempt);
  runtime.metrics.countSignIn(outcome.ok ? 'success' : 'failure');
  return outcome;
}

async function check(runtime: Runtime, tenant: Tenant, attempt: { email: string; password: string; origin: Origin }): Promise<SignIn> {
  const { password, origin } = attempt;
  if (isPasswordTooLong(password)) return { ok: false, problem: 'too-long' };
  const email = parseEmail(attempt.email);
  // An address that cannot be one is looked for all the same: it takes as long.
  const found = await findSignInSecret(runtime.store, tenant.id, email ?? '');
  const checked = await runtime.passwords.verify(password, found?.passwordHash);
  if (!found || !checked.matches || found.user.disabledAt) {
    const { user, passwordHash } = found ?? {};
    const reason = !user ? 'unknown' : user.disabledAt ? 'disabled' : passwordHash === undefined ? 'no-password' : 'wrong-password';
    await recordAuditEvent(runtime.store, tenant.id, {
      ...origin,
      type: 'user.sign-in-failed',
      outcome: 'failure',
      at: runtime.clock.now(),
      ...(user && { userId: user.id }),
      detail: { reason },
    });
    return { ok: false, problem: 'no-match' };
  }
  const fresh = checked.needsRehash ? await runtime.passwords.hash(password) : undefined;
  return finish(runtime, tenant, { user: found.user, checked: found.passwordHash, fresh, origin });
}

async function finish(
  runtime: Runtime,
  tenant: Tenant,
  match: { user: StoredUser; checked: string | undefined; fresh: string | undefined; origin: Origin },
): Promise<SignIn> {
  const { checked, fresh, origin } = match;
  return transact(runtime.store, async (db) => {
    const user = await findUser(db, tenant.id, match.user.id);
    // Disabled while its password was being hashed.
    const isUsable = user !== undefined && !user.disabledAt;
    if (isUsable && fresh !== undefined && checked !== undefined) await replacePasswordHash(db, tenant.id, user.id, { checked, fresh });
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: isUsable ? 'user.signed-in' : 'user.sign-in-failed',
      outcome: isUsable ? 'success' : 'failure',
      actorType: 'user',
      actorId: match.user.id,
      at: runtime.clock.now(),
      userId: match.user.id,
      ...(!isUsable && { detail: { reason: 'disabled' } }),
    });
    return isUsable ? { ok: true, user } : { ok: false, problem: 'no-match' };
  });
}
