/** One-time links: invitation, password reset, first administrator. Opening one shows a form and uses nothing up; the form does. */
import type { Context } from 'koa';
import { minPasswordCharacters } from '../../domain/password-rules.ts';
import { describeLink, type LinkDescription, type LinkRedemption, redeemLink } from '../../services/redeem-link.ts';
import { formFrame, originOf, seeOther, showPage } from '../answer.ts';
import { callerOf } from '../caller.ts';
import { addressGroup } from '../client-address.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Form } from '../request-body.ts';
import type { Site } from '../site.ts';
import { inWords } from '../views/instants.ts';
import { passwordWords } from './password-words.ts';

/** Shows the form. */
export async function showLink(ctx: Context, site: Site): Promise<void> {
  await admit(ctx, site);
  showForm(ctx, site, { link: await linkOf(ctx, site) });
}

/** Takes it, and signs the person in: whoever could set the password could do that anyway. */
export async function submitLink(ctx: Context, site: Site, form: Form): Promise<void> {
  await admit(ctx, site);
  const link = await linkOf(ctx, site);
  const typedEmail = form.text('email').trim();
  const redeemed = await redeemLink(site.runtime, site.tenant, {
    token: tokenOf(ctx),
    password: form.text('password'),
    ...(link.purpose === 'first-admin' && { email: typedEmail }),
    origin: originOf(ctx),
  });
  if (!redeemed.ok) return showForm(ctx, site, { link, typedEmail, problem: wordsOf(redeemed.problem) });
  await site.engine.sessions.start(ctx, redeemed.userId);
  seeOther(ctx, `${site.tenant.issuer}/account?done=welcome`);
}

async function admit(ctx: Context, site: Site): Promise<void> {
  const admission = await site.limits.admitLink(site.tenant, addressGroup(callerOf(ctx.req).address));
  if (!admission.isAdmitted)
    throw new HttpProblem('too-many-requests', { headers: { 'Retry-After': String(admission.retryAfterSeconds) } });
}

async function linkOf(ctx: Context, site: Site): Promise<LinkDescription> {
  const link = await describeLink(site.runtime, site.tenant, tokenOf(ctx));
  if (!link) throw new HttpProblem('link-not-valid');
  return link;
}

function showForm(ctx: Context, site: Site, page: { link: LinkDescription; typedEmail?: string; problem?: string }): void {
  const { link, typedEmail, problem } = page;
  showPage(ctx, site, {
    view: 'link',
    context: {
      ...formFrame(ctx, site),
      action: `${site.tenant.issuer}/link/${encodeURIComponent(tokenOf(ctx))}`,
      purpose: link.purpose,
      ...(link.email !== undefined && { email: link.email }),
      ...(typedEmail !== undefined && { typedEmail }),
      minimumCharacters: minPasswordCharacters,
      until: inWords(link.expiresAt, site.runtime.clock.now()),
      ...(problem !== undefined && { problem }),
    },
  });
}

function wordsOf(problem: Extract<LinkRedemption, { ok: false }>['problem']): string {
  switch (problem) {
    case 'unknown-link':
      throw new HttpProblem('link-not-valid');
    case 'bad-email':
      return 'This is no email address.';
    case 'email-taken':
      return 'There is an account with this address already. Use another one.';
    default:
      return passwordWords[problem];
  }
}

function tokenOf(ctx: Context): string {
  return ctx.params['token'] as string;
}
