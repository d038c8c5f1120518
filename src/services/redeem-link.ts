import { parseEmail } from '../domain/email-address.ts';
import type { UserId } from '../domain/ids.ts';
import { findPasswordProblem } from '../domain/password-rules.ts';
import { sha256 } from '../platform/digest.ts';
import { deleteSessionsOfUser } from '../store/artifacts.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { consumeLink, deleteUnusedLinks, findLink, type LinkPurpose, type StoredLink } from '../store/links.ts';
import { lockTenant } from '../store/tenants.ts';
import { createUser, findUser, hasAdmin, setPasswordHash } from '../store/users.ts';
import type { UserProblem } from './create-user.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** What a link's page shows. */
export interface LinkDescription {
  purpose: LinkPurpose;
  /** Whose account it is for; the first administrator names hers. */
  email?: string;
  expiresAt: Date;
}

/** Describes a link that can be used; looking at it uses nothing up. Undefined for all others, whatever is wrong with them. */
export async function describeLink(runtime: Runtime, tenant: Tenant, token: string): Promise<LinkDescription | undefined> {
  const link = await findLink(runtime.store, tenant.id, sha256(token), runtime.clock.now());
  return link && describe(runtime.store, tenant, link);
}

async function describe(db: Database, tenant: Tenant, { purpose, userId, expiresAt }: StoredLink): Promise<LinkDescription | undefined> {
  if (purpose === 'first-admin') return (await hasAdmin(db, tenant.id)) ? undefined : { purpose, expiresAt };
  const user = userId && (await findUser(db, tenant.id, userId));
  return user && !user.disabledAt ? { purpose, email: user.email, expiresAt } : undefined;
}

/** The outcome. `unknown-link` covers links that are used up, too old, replaced, or never were; nothing else uses a link up. */
export type LinkRedemption = { ok: true; userId: UserId; purpose: LinkPurpose } | { ok: false; problem: UserProblem | 'unknown-link' };

/**
 * Uses a link: sets the password, or makes the first administrator. Of several that try at once, one succeeds.
 * All sessions of the account end. Throws `PasswordHashingBusy` when too many wait.
 */
export async function redeemLink(
  runtime: Runtime,
  tenant: Tenant,
  request: { token: string; password: string; email?: string; origin: Origin },
): Promise<LinkRedemption> {
  const { token, password, origin } = request;
  const link = await describeLink(runtime, tenant, token);
  if (!link) return { ok: false, problem: 'unknown-link' };
  const email = link.email ?? parseEmail(request.email ?? '');
  if (email === undefined) return { ok: false, problem: 'bad-email' };
  const problem = findPasswordProblem(password, { email });
  if (problem) return { ok: false, problem };
  const passwordHash = await runtime.passwords.hash(password);
  try {
    return await transact(runtime.store, (db) => consume(runtime, db, { tenant, token, email, passwordHash, origin }));
  } catch (error) {
    if (error instanceof NotRedeemed) return { ok: false, problem: error.problem };
    throw error;
  }
}

/** Leaves the transaction, so that the link stays as it was. */
class NotRedeemed extends Error {
  readonly problem: 'unknown-link' | 'email-taken';
  constructor(problem: 'unknown-link' | 'email-taken') {
    super(problem);
    this.problem = problem;
  }
}

async function consume(
  runtime: Runtime,
  db: Database,
  use: { tenant: Tenant; token: string; email: string; passwordHash: string; origin: Origin },
): Promise<LinkRedemption> {
  const { tenant, token, email, passwordHash, origin } = use;
  const at = runtime.clock.now();
  const link = await consumeLink(db, tenant.id, sha256(token), at);
  if (!link) throw new NotRedeemed('unknown-link');
  const { purpose } = link;
  const userId =
    purpose === 'first-admin'
      ? await makeFirstAdmin(db, tenant, { email, passwordHash, at })
      : await setPassword(db, tenant, { link, passwordHash, at });
  const by: Origin = { ...origin, actorType: 'user', actorId: userId };
  await deleteUnusedLinks(db, tenant.id, { userId });
  await recordAuditEvent(db, tenant.id, { ...by, type: 'link.redeemed', outcome: 'success', at, userId, detail: { purpose } });
  const effect =
    purpose === 'first-admin'
      ? { type: 'user.created' as const, detail: { isAdmin: true } }
      : { type: 'user.password-changed' as const, detail: { by: purpose } };
  await recordAuditEvent(db, tenant.id, { ...by, ...effect, outcome: 'success', at, userId });
  return { ok: true, userId, purpose };
}

async function makeFirstAdmin(db: Database, tenant: Tenant, account: { email: string; passwordHash: string; at: Date }): Promise<UserId> {
  const { email, passwordHash, at } = account;
  await lockTenant(db, tenant.id);
  if (await hasAdmin(db, tenant.id)) throw new NotRedeemed('unknown-link');
  const id = await createUser(db, tenant.id, { email, passwordHash, isAdmin: true, createdAt: at });
  if (!id) throw new NotRedeemed('email-taken');
  await deleteUnusedLinks(db, tenant.id, { purpose: 'first-admin' });
  return id;
}

async function setPassword(db: Database, tenant: Tenant, use: { link: StoredLink; passwordHash: string; at: Date }): Promise<UserId> {
  const { userId } = use.link;
  const user = userId && (await findUser(db, tenant.id, userId));
  if (!user || user.disabledAt) throw new NotRedeemed('unknown-link');
  await setPasswordHash(db, tenant.id, user.id, { passwordHash: use.passwordHash, changedAt: use.at });
  await deleteSessionsOfUser(db, tenant.id, user.id);
  return user.id;
}
