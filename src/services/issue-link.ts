import type { UserId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import { randomToken } from '../platform/random.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { createLink, deleteUnusedLinks, type LinkPurpose } from '../store/links.ts';
import { lockTenant } from '../store/tenants.ts';
import { findUser, hasAdmin } from '../store/users.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** A one-time link. Whoever has it can set a password: it is shown to the operator and neither stored nor logged. */
export interface IssuedLink {
  url: string;
  expiresAt: Date;
}

/** How long each kind of link lives, in seconds: an invitation waits for its mail to be read, the others for someone who is there. */
export const linkLifetimeSeconds: Readonly<Record<LinkPurpose, number>> = {
  invitation: 24 * 3_600,
  'password-reset': 30 * 60,
  'first-admin': 15 * 60,
};

/** A link, or why there is none: an account with a password is not invited again, one without has nothing to reset. */
export type LinkIssue =
  | { ok: true; link: IssuedLink }
  | { ok: false; problem: 'unknown-user' | 'user-disabled' | 'has-password' | 'no-password' };

/** Makes a link with which a person sets her password; links made before are of no use any more. */
export async function issueLink(
  runtime: Runtime,
  tenant: Tenant,
  request: { purpose: 'invitation' | 'password-reset'; userId: UserId; origin: Origin },
): Promise<LinkIssue> {
  const { purpose, userId, origin } = request;
  return transact(runtime.store, async (db): Promise<LinkIssue> => {
    const user = await findUser(db, tenant.id, userId);
    if (!user) return { ok: false, problem: 'unknown-user' };
    if (user.disabledAt) return { ok: false, problem: 'user-disabled' };
    if (purpose === 'invitation' && user.hasPassword) return { ok: false, problem: 'has-password' };
    if (purpose === 'password-reset' && !user.hasPassword) return { ok: false, problem: 'no-password' };
    await deleteUnusedLinks(db, tenant.id, { userId });
    return { ok: true, link: await keepNewLink(runtime, db, { tenant, purpose, userId, origin }) };
  });
}

/** Makes the link with which the first administrator makes her account; undefined when there is an administrator. */
export async function issueFirstAdminLink(runtime: Runtime, tenant: Tenant, origin: Origin): Promise<IssuedLink | undefined> {
  return transact(runtime.store, async (db) => {
    await lockTenant(db, tenant.id);
    await deleteUnusedLinks(db, tenant.id, { purpose: 'first-admin' });
    if (await hasAdmin(db, tenant.id)) return undefined;
    return keepNewLink(runtime, db, { tenant, purpose: 'first-admin', origin });
  });
}

async function keepNewLink(
  runtime: Runtime,
  db: Database,
  about: { tenant: Tenant; purpose: LinkPurpose; userId?: UserId; origin: Origin },
): Promise<IssuedLink> {
  const { tenant, purpose, userId, origin } = about;
  const token = randomToken();
  const createdAt = runtime.clock.now();
  const expiresAt = new Date(createdAt.getTime() + linkLifetimeSeconds[purpose] * 1_000);
  const whose = userId === undefined ? {} : { userId };
  await createLink(db, tenant.id, { digest: sha256(token), purpose, expiresAt, createdAt, ...whose });
  await recordAuditEvent(db, tenant.id, {
    ...origin,
    type: 'link.issued',
    outcome: 'success',
    at: createdAt,
    ...whose,
    detail: { purpose },
  });
  return { url: `${tenant.issuer}/link/${token}`, expiresAt };
}
