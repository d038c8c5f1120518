/** A decision that policy lets be made only shortly after signing in: its person signs in once more, and her answer goes along. */
import type { Context } from 'koa';
import type { NeededSignIn } from '../../domain/consent-answer.ts';
import { seeOther } from '../answer.ts';
import type { Form } from '../request-body.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import type { Draft, Offer } from '../views/choice.ts';
import { exactSpan } from '../views/policy-words.ts';
import { readableName } from '../views/untrusted-text.ts';
import { attemptSignIn, showLogin } from './sign-in.ts';

/** An answer that waits for a sign-in. */
export interface WaitingAnswer {
  /** Where the form goes: the page of the answer itself. */
  action: string;
  email: string;
  /** The button that was pressed. */
  pressed: 'allow' | 'save';
  draft: Draft;
  shownDigest: string;
  offer: Offer;
  needed: NeededSignIn;
  problem?: string;
}

/** Asks for it. */
export function showSignInAgain(ctx: Context, site: Site, waiting: WaitingAnswer): void {
  const titles = waiting.needed.for.map((name) => titleOf(waiting.offer, name));
  askAgain(ctx, site, { ...waiting, titles, carried: carriedOf(waiting) });
}

/** What a sign-in is asked for by, whatever page waits for it. */
export interface SignInQuestion extends Pick<WaitingAnswer, 'action' | 'email' | 'needed' | 'problem'> {
  /** What it is needed for. */
  titles: readonly string[];
  /** The answer, as the form sends it. */
  carried: readonly [string, string][];
}

/** Asks for it, for a page without ticks. */
export function askAgain(ctx: Context, site: Site, { action, email, needed, problem, titles, carried }: SignInQuestion): void {
  showLogin(ctx, site, {
    action,
    email,
    purpose: { kind: 'again', within: exactSpan(needed.withinSeconds), for: titles },
    carried: [['again', String(needed.withinSeconds)], ...needed.for.map((name): [string, string] => ['needed', name]), ...carried],
    ...(problem !== undefined && { problem }),
  });
}

function titleOf({ tools }: Offer, name: string): string {
  const tool = tools.find((shown) => shown.tool.name === name)?.tool;
  return readableName(tool?.title, readableName(name, 'a tool'));
}

function carriedOf({ pressed, draft, shownDigest }: WaitingAnswer): [string, string][] {
  return [
    ['shown', shownDigest],
    ...[...draft.ticked].map((name): [string, string] => ['tool', name]),
    ...(draft.resources ? [['resources', 'on'] as [string, string]] : []),
    ...(draft.prompts ? [['prompts', 'on'] as [string, string]] : []),
    ['duration', draft.duration],
    ['do', pressed],
  ];
}

/** What a form waited for, when it comes from that page; only words for the page, should it be shown once more. */
export function waitedFor(form: Form): NeededSignIn | undefined {
  const again = form.text('again');
  return /^\d{1,9}$/.test(again) ? { withinSeconds: Number(again), for: form.all('needed') } : undefined;
}

/**
 * When the person of a page last proved who she is: now, when the form brings the sign-in that was asked for. Undefined where the answer
 * is given already: the sign-in failed, or somebody else signed in.
 */
export async function proveAgain(
  ctx: Context,
  site: Site,
  { person, form, waiting }: { person: Person; form: Form; waiting: Omit<WaitingAnswer, 'needed'> },
): Promise<Pick<Person, 'signedInAt'> | undefined> {
  return proveBy(ctx, site, { person, form, ask: (asked) => showSignInAgain(ctx, site, { ...waiting, ...asked }) });
}

/** The same where the caller asks once more. */
export async function proveBy(
  ctx: Context,
  site: Site,
  { person, form, ask }: { person: Person; form: Form; ask: (asked: { needed: NeededSignIn; problem: string }) => void },
): Promise<Pick<Person, 'signedInAt'> | undefined> {
  const waited = waitedFor(form);
  if (!waited) return person;
  const attempt = await attemptSignIn(ctx, site, form);
  if (!attempt.ok) {
    ask({ needed: waited, problem: attempt.problem });
    return undefined;
  }
  const session = await site.engine.sessions.start(ctx, attempt.userId);
  if (attempt.userId === person.userId) return session;
  seeOther(ctx, `${site.tenant.issuer}/account`);
  return undefined;
}
