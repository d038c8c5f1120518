/** Until when one tool of a consent is allowed, chosen for it alone: never longer than the consent, and never longer than policy says. Pure. */
import { asShown, type CatalogueTool, type Consent, type ConsentDuration, type ConsentedTool, consentExpiry } from './consent.ts';
import type { NeededSignIn } from './consent-answer.ts';
import { type Decision, earlierEnd } from './decision.ts';
import { type EffectiveAt, effectiveTools, termOfTool } from './effective-tools.ts';
import { type Allowable, judge, termOf } from './policy.ts';
import { isRiskier } from './risk.ts';

/** A tool in a consent, and what it is judged by. */
export interface ToolInConsent {
  consent: Consent;
  tool: ConsentedTool;
  /** As the catalogue has it. */
  present: CatalogueTool;
  at: Omit<EffectiveAt, 'marginSeconds'>;
}

/** How long it counts now. Undefined where it does not: it waits, or its time is over, and to give it back is another decision. */
export function standingTime({ consent, tool, present, at }: ToolInConsent): { endsAt?: Date } | undefined {
  const moment = { ...at, marginSeconds: 0 };
  if (!effectiveTools({ ...consent, tools: [tool] }, [present], moment).allowed.includes(tool)) return undefined;
  const term = termOfTool(tool, { present, consent, at: moment });
  const endsAt = earlierEnd(consent.expiresAt, 'reason' in term ? undefined : term.endsAt);
  return endsAt ? { endsAt } : {};
}

/** The tool as it is decided then; or why that cannot be. */
export type ToolTime =
  | { ok: true; tool: ConsentedTool }
  /** It does not count, and has no time that could be another. */
  | { ok: false; problem: 'not-counting' }
  | { ok: false; needsSignIn: NeededSignIn };

/**
 * Settles a time. Shorter: the decision stays the one that it was. Longer: it is a decision of now, which policy bounds, and for which it
 * may want a fresh sign-in; the definition stays the one that was shown when the tool was allowed.
 */
export function settleToolTime(state: ToolInConsent, duration: ConsentDuration, { signedInAt }: Pick<Decision, 'signedInAt'>): ToolTime {
  const { consent, tool, at } = state;
  const standing = standingTime(state);
  if (!standing) return { ok: false, problem: 'not-counting' };
  const chosen = consentExpiry(duration, at.now);
  if (!isLater(chosen, standing.endsAt)) {
    const expiresAt = earlierEnd(tool.expiresAt, chosen);
    return { ok: true, tool: { ...tool, ...(expiresAt && { expiresAt }) } };
  }
  const decision = { decidedAt: at.now, ...(signedInAt && { signedInAt }) };
  const bound = policyBound(state, decision);
  if ('withinSeconds' in bound) return { ok: false, needsSignIn: { withinSeconds: bound.withinSeconds, for: [tool.name] } };
  const end = earlierEnd(chosen, bound.endsAt);
  if (!isLater(earlierEnd(end, consent.expiresAt), standing.endsAt)) return { ok: true, tool };
  const isOwn = end && (!consent.expiresAt || end < consent.expiresAt);
  return { ok: true, tool: { ...asShown(tool), ...decision, ...(isOwn && { expiresAt: end }) } };
}

/** The last instant that it may be allowed until, by a decision of now and whatever sign-in that takes; undefined: without end. */
export function latestToolTime(state: ToolInConsent): Date | undefined {
  const { now } = state.at;
  const bound = policyBound(state, { decidedAt: now, signedInAt: now });
  return earlierEnd(state.consent.expiresAt, 'withinSeconds' in bound ? now : bound.endsAt);
}

/** What policy says of the tool as the person saw it; and of one that is riskier now, which an administrator accepted, also as it is. */
function policyBound({ tool, present, at: { rules } }: ToolInConsent, decision: Decision): { endsAt?: Date } | { withinSeconds: number } {
  const things: Allowable[] = isRiskier(present, tool) ? [tool, present] : [tool];
  let endsAt: Date | undefined;
  for (const thing of things) {
    const permission = judge(rules, thing);
    const term = permission.kind === 'allowed' ? termOf(permission.by, decision) : ({ kind: 'good', endsAt: decision.decidedAt } as const);
    if (term.kind === 'needs-sign-in') return { withinSeconds: term.withinSeconds };
    endsAt = earlierEnd(endsAt, term.endsAt);
  }
  return endsAt ? { endsAt } : {};
}

function isLater(end: Date | undefined, than: Date | undefined): boolean {
  return than !== undefined && (end === undefined || end > than);
}
