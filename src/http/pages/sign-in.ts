/** Signing in: the form, the try with its limits, and what follows. Shared by `/account`, `/widen` and authorization requests. */
import type { Context } from 'koa';
import type { UserId } from '../../domain/ids.ts';
import type { SignInAttempt } from '../../services/limit-attempts.ts';
import { signIn } from '../../services/sign-in.ts';
import { formFrame, originOf, seeOther, showPage } from '../answer.ts';
import { callerOf } from '../caller.ts';
import { addressGroup } from '../client-address.ts';
import { HttpProblem } from '../http-problem.ts';
import { knownBrowserOf, rememberBrowser } from '../known-browser.ts';
import type { Form } from '../request-body.ts';
import type { Site } from '../site.ts';
import type { LoginContext } from '../views/contexts.ts';

/** The same words for every reason, so that nobody learns which accounts exist (ABUSE-27). */
const wrongWords = 'Email or password is wrong.';

/** Shows the sign-in form. A failed try is answered with 200, like the form itself. */
export function showLogin(ctx: Context, site: Site, login: Omit<LoginContext, 'issuer' | 'issuerHost' | 'formToken' | 'signedInAs'>): void {
  showPage(ctx, site, { view: 'login', context: { ...formFrame(ctx, site), ...login } });
}

/** Asks a person to sign in who wanted a page of her own; she comes back to it. */
export async function askToSignIn(
  ctx: Context,
  site: Site,
  { returnTo, ...typed }: { returnTo: string; email?: string; problem?: string },
): Promise<void> {
  const isWiden = returnTo.startsWith(`${site.basePath}/widen`);
  showLogin(ctx, site, { action: `${site.tenant.issuer}/sign-in`, returnTo, purpose: { kind: isWiden ? 'widen' : 'account' }, ...typed });
}

/** Takes the form of `askToSignIn`. */
export async function submitSignIn(ctx: Context, site: Site, form: Form): Promise<void> {
  const returnTo = safeReturn(form.text('return_to'), site);
  const attempt = await attemptSignIn(ctx, site, form);
  if (!attempt.ok) return askToSignIn(ctx, site, { returnTo, email: attempt.email, problem: attempt.problem });
  await site.engine.sessions.start(ctx, attempt.userId);
  seeOther(ctx, new URL(returnTo, site.tenant.issuer).href);
}

/** What became of a try. */
export type SignInResult = { ok: true; userId: UserId } | { ok: false; email: string; problem: string };

/** Tries the typed email and password, within the limits. Throws `too-many-requests` beyond them, whoever the account belongs to. */
export async function attemptSignIn(ctx: Context, site: Site, form: Form): Promise<SignInResult> {
  const email = form.text('email').trim();
  const password = form.text('password');
  const attempt = await admitAttempt(ctx, site, email);
  const outcome = await signIn(site.runtime, site.tenant, { email, password, origin: originOf(ctx) });
  if (!outcome.ok) {
    if (outcome.problem === 'too-long') throw new HttpProblem('form-unreadable', { message: 'a password beyond any length' });
    return { ok: false, email, problem: wrongWords };
  }
  await site.limits.forgiveSignIn(site.tenant, attempt);
  rememberBrowser(ctx, site, email);
  return { ok: true, userId: outcome.user.id };
}

/** Counts a try at an account's password. Throws `too-many-requests` when there were too many. */
export async function admitAttempt(ctx: Context, site: Site, email: string): Promise<SignInAttempt> {
  const knownBrowser = knownBrowserOf(ctx, site, email);
  const attempt = { email, addressGroup: addressGroup(callerOf(ctx.req).address), ...(knownBrowser !== undefined && { knownBrowser }) };
  const admission = await site.limits.admitSignIn(site.tenant, attempt);
  if (!admission.isAdmitted)
    throw new HttpProblem('too-many-requests', { headers: { 'Retry-After': String(admission.retryAfterSeconds) } });
  return attempt;
}

/** Where to go after signing in: a page of a person's own, never another site, whatever the form says. */
function safeReturn(returnTo: string, site: Site): string {
  const account = `${site.basePath}/account`;
  if (!/^\/[\x21-\x7e]*$/.test(returnTo) || /^\/[/\\]/.test(returnTo)) return account;
  const url = new URL(returnTo, site.tenant.issuer);
  const isOwn = url.pathname === account || url.pathname.startsWith(`${account}/`) || url.pathname === `${site.basePath}/widen`;
  return isOwn && url.origin === new URL(site.tenant.issuer).origin ? url.pathname + url.search : account;
}
