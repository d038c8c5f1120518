/**
 * Forms of ours, sent by the person herself: the browser says that the request began on our own origin, and the form carries
 * what only a page that was served to this browser knows. A cross-site form has neither (ABUSE-31).
 */
import type { Context } from 'koa';
import { isEqualConstantTime, sha256 } from '../platform/digest.ts';
import { randomToken } from '../platform/random.ts';
import { HttpProblem } from './http-problem.ts';
import type { Form } from './request-body.ts';
import type { Site } from './site.ts';

/** The field that carries the token. */
export const formTokenField = 'form_token';

/** What a browser's secret looks like; anything else in the cookie is none. */
const secretShape = /^[\w-]{43}$/;

/** The token for forms of this browser; gives the browser a secret where it has none. */
export function formToken(ctx: Context, site: Site): string {
  const present = browserSecret(ctx, site);
  if (present) return tokenOf(present);
  const secret = randomToken();
  ctx.cookies.set(cookieName(site), secret, { httpOnly: true, sameSite: 'lax', secure: site.isSecure, path: '/', overwrite: true });
  return tokenOf(secret);
}

/** Throws `form-foreign` unless the request comes from a page of our own origin. Before the body is read. */
export function requireSameOrigin(ctx: Context, site: Site): void {
  const fetchSite = ctx.get('Sec-Fetch-Site');
  const origin = ctx.get('Origin');
  const isForeign = (fetchSite !== '' && fetchSite !== 'same-origin') || (origin !== '' && origin !== new URL(site.tenant.issuer).origin);
  if (isForeign) throw new HttpProblem('form-foreign', { message: `a form from ${origin === '' ? fetchSite : origin}` });
}

/** Throws `form-foreign` unless the form carries this browser's token. */
export function requireFormToken(ctx: Context, site: Site, form: Form): void {
  const secret = browserSecret(ctx, site);
  if (!secret || !isEqualConstantTime(tokenOf(secret), form.text(formTokenField))) {
    throw new HttpProblem('form-foreign', { message: secret ? 'a form with another token' : 'a form without the browser’s cookie' });
  }
}

function browserSecret(ctx: Context, site: Site): string | undefined {
  const secret = ctx.cookies.get(cookieName(site));
  return secret !== undefined && secretShape.test(secret) ? secret : undefined;
}

/** The cookie's value itself never appears on a page. */
function tokenOf(secret: string): string {
  return sha256(`form ${secret}`);
}

/** Tenants below one base share its cookies: the name tells them apart. */
function cookieName({ isSecure, tenant }: Site): string {
  return `${isSecure ? '__Host-' : ''}toolgrant-form-${tenant.slug}`;
}
