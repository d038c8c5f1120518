import { parseEmail } from '../domain/email-address.ts';
import { findPasswordProblem, type PasswordProblem } from '../domain/password-rules.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { deleteUnusedLinks } from '../store/links.ts';
import { createUser as createUserRow, findUser, findUserByEmail, type StoredUser } from '../store/users.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** Why an account was not made. */
export type UserProblem = PasswordProblem | 'bad-email' | 'email-taken';

/** An account, or why there is none. */
export type UserCreation = { ok: true; user: StoredUser } | { ok: false; problem: UserProblem };

/** Makes an account; without a password it can be used once its person has followed an invitation link. */
export async function createUser(
  runtime: Runtime,
  tenant: Tenant,
  request: { email: string; name?: string; isAdmin: boolean; password?: string; origin: Origin },
): Promise<UserCreation> {
  const { isAdmin, password, name, origin } = request;
  const email = parseEmail(request.email);
  if (email === undefined) return { ok: false, problem: 'bad-email' };
  const problem = password === undefined ? undefined : findPasswordProblem(password, { email });
  if (problem) return { ok: false, problem };
  if (await findUserByEmail(runtime.store, tenant.id, email)) return { ok: false, problem: 'email-taken' };
  const passwordHash = password === undefined ? undefined : await runtime.passwords.hash(password);
  const user = await transact(runtime.store, async (db) => {
    const at = runtime.clock.now();
    const id = await createUserRow(db, tenant.id, {
      email,
      isAdmin,
      createdAt: at,
      ...(name !== undefined && { name }),
      ...(passwordHash !== undefined && { passwordHash }),
    });
    if (!id) return undefined;
    if (isAdmin) await deleteUnusedLinks(db, tenant.id, { purpose: 'first-admin' });
    await recordAuditEvent(db, tenant.id, { ...origin, type: 'user.created', outcome: 'success', at, userId: id, detail: { isAdmin } });
    return findUser(db, tenant.id, id);
  });
  return user ? { ok: true, user } : { ok: false, problem: 'email-taken' };
}
