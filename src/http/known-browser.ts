/**
 * Browsers that have signed in to an account before. They have limits of their own, so that whoever guesses somebody's password
 * elsewhere cannot lock her out (ABUSE-28). The cookie lets nobody in: it only says which counter a try belongs to.
 */
import type { Context } from 'koa';
import { isEqualConstantTime, sha256 } from '../platform/digest.ts';
import { randomToken } from '../platform/random.ts';
import { CannotDecrypt } from '../platform/vault.ts';
import type { Site } from './site.ts';

const purpose = 'known-browser';
const keptSeconds = 400 * 86_400;

/** The name of this browser for an account; undefined where it never signed in to it. */
export function knownBrowserOf(ctx: Context, site: Site, email: string): string | undefined {
  const cookie = ctx.cookies.get(cookieName(site));
  const kept = cookie === undefined ? undefined : openCookie(cookie, site);
  return kept && isEqualConstantTime(kept.account, accountOf(email)) ? kept.browser : undefined;
}

/** Remembers that this browser signed in to an account. */
export function rememberBrowser(ctx: Context, site: Site, email: string): void {
  const browser = knownBrowserOf(ctx, site, email) ?? randomToken(16);
  const sealed = site.runtime.vault.seal(JSON.stringify({ account: accountOf(email), browser }), { purpose, tenantId: site.tenant.id });
  ctx.cookies.set(cookieName(site), sealed, {
    httpOnly: true,
    sameSite: 'lax',
    secure: site.isSecure,
    path: '/',
    maxAge: keptSeconds * 1_000,
    overwrite: true,
  });
}

function openCookie(cookie: string, site: Site): { account: string; browser: string } | undefined {
  try {
    return JSON.parse(site.runtime.vault.open(cookie, { purpose, tenantId: site.tenant.id }));
  } catch (error) {
    if (error instanceof CannotDecrypt) return undefined;
    throw error;
  }
}

function accountOf(email: string): string {
  return sha256(email.trim().toLowerCase());
}

/** Tenants below one base share its cookies: the name tells them apart. */
function cookieName({ isSecure, tenant }: Site): string {
  return `${isSecure ? '__Host-' : ''}toolgrant-known-${tenant.slug}`;
}
