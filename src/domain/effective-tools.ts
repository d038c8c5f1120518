/** What a token may carry: consent (or what a machine was assigned) ∩ policy ∩ catalogue ∩ not expired ∩ digest not riskier than consented ∩ not held by a quarantine. One function for every place that asks. */
import type { CatalogueTool, ConsentedTool, ConsentTerms } from './consent.ts';
import { type Decision, decisionOf, earlierEnd, type OwnTerm } from './decision.ts';
import { type Allowable, judge, type RulesInForce, termOf } from './policy.ts';
import { isHeldInQuarantine } from './quarantine.ts';
import { isRiskier } from './risk.ts';
import { suspensionOf } from './suspension.ts';

/** Why a consented tool is not effective. */
export type LeftOutReason =
  | 'consent-ended'
  | 'consent-expired'
  | 'consent-paused'
  | 'tool-expired'
  | 'not-in-catalogue'
  | 'riskier-than-consented'
  | 'reported-riskier'
  | 'client-in-quarantine'
  /** A rule of the policy denies it. */
  | 'denied-by-policy'
  /** No rule allows it. */
  | 'not-allowed-by-policy'
  /** The policy allows it for less long than has passed since it was allowed. */
  | 'policy-time-over'
  /** The policy wants a sign-in shortly before, and there was none. */
  | 'needs-sign-in';

/** One that is not effective. */
export interface LeftOut {
  name: string;
  reason: LeftOutReason;
  /** The rule of the policy that says so, where one does. */
  rule?: string;
}

/** What is decided on: what a person allowed, or whoever else may. */
export type DecidedTerms = ConsentTerms & Decision & { endedAt?: Date; isPaused?: boolean };

/** The outcome for one consent at one instant. */
export interface EffectiveTools {
  /** Tools that may be called, by name, in the order of their names. */
  allowed: readonly ConsentedTool[];
  leftOut: readonly LeftOut[];
  resources: boolean;
  prompts: boolean;
  /** Those of `resources` and `prompts` that were allowed and are not effective. */
  extrasLeftOut: readonly LeftOut[];
  /** The earliest instant at which any of this ends by itself. */
  expiresAt?: Date;
}

/** What it is judged by, beside consent and catalogue. */
export interface EffectiveAt {
  now: Date;
  /** A tool counts until so long before its end, because a token made for less would be of no use (ENG-29); 0 where nothing is issued. */
  marginSeconds: number;
  /** A client in quarantine may only read, by what people saw and by what the catalogue says now. */
  isInQuarantine: boolean;
  /** The rules of the policy for person, client and server. They judge a tool as the person saw it; what is riskier now, also as it is. */
  rules: RulesInForce;
}

/** Computes the effective tools. */
export function effectiveTools(consent: DecidedTerms, catalogue: readonly CatalogueTool[], at: EffectiveAt): EffectiveTools {
  const consented = [...consent.tools].sort((a, b) => (a.name < b.name ? -1 : 1));
  const extras = (['resources', 'prompts'] as const).filter((extra) => consent[extra]);
  const ended = endReason(consent, at);
  if (ended) {
    const over = (name: string): LeftOut => ({ name, reason: ended });
    return { ...nothing, leftOut: consented.map(({ name }) => over(name)), extrasLeftOut: extras.map(over) };
  }
  const present = new Map(catalogue.map((tool) => [tool.name, tool]));
  const allowed: ConsentedTool[] = [];
  const leftOut: LeftOut[] = [];
  const extrasLeftOut: LeftOut[] = [];
  let expiresAt = consent.expiresAt;
  for (const tool of consented) {
    const standing = standingOf(tool, { present: present.get(tool.name), consent, at });
    if ('reason' in standing) leftOut.push({ name: tool.name, ...standing });
    else {
      allowed.push(tool);
      expiresAt = earlierEnd(expiresAt, standing.endsAt);
    }
  }
  for (const extra of extras) {
    const standing = termNow(extra, { own: consent.own?.[extra], consent, at });
    if ('reason' in standing) extrasLeftOut.push({ name: extra, ...standing });
    else expiresAt = earlierEnd(expiresAt, standing.endsAt);
  }
  const has = (extra: 'resources' | 'prompts') => consent[extra] && !extrasLeftOut.some(({ name }) => name === extra);
  return { allowed, leftOut, resources: has('resources'), prompts: has('prompts'), extrasLeftOut, ...(expiresAt && { expiresAt }) };
}

const nothing = { allowed: [], resources: false, prompts: false };

type Standing = { endsAt?: Date } | Omit<LeftOut, 'name'>;

function standingOf(
  tool: ConsentedTool,
  { present, consent, at }: { present: CatalogueTool | undefined; consent: DecidedTerms; at: EffectiveAt },
): Standing {
  if (!present) return { reason: 'not-in-catalogue' };
  const suspension = suspensionOf(present, tool);
  if (suspension) return { reason: suspension };
  const term = termOfTool(tool, { present, consent, at });
  const isHeld = at.isInQuarantine && (isHeldInQuarantine(present) || isHeldInQuarantine(tool));
  return isHeld && !('reason' in term) ? { reason: 'client-in-quarantine' } : term;
}

/** How long a tool lasts: as the person saw it; and where it is riskier now, by an administrator's word for everybody, also as it is. */
export function termOfTool(
  tool: ConsentedTool,
  { present, consent, at }: { present: CatalogueTool; consent: Decision; at: Pick<EffectiveAt, 'now' | 'marginSeconds' | 'rules'> },
): Standing {
  const term = termNow(tool, { own: tool, consent, at });
  if ('reason' in term || !isRiskier(present, tool)) return term;
  const { risk, openWorld } = present;
  const termAsIs = termNow({ name: tool.name, risk, openWorld }, { own: tool, consent, at });
  if ('reason' in termAsIs) return termAsIs;
  const endsAt = earlierEnd(term.endsAt, termAsIs.endsAt);
  return endsAt ? { endsAt } : {};
}

/** How long one part of a consent lasts by its own end and by the rules, or why it does not. */
export function termNow(
  thing: Allowable,
  { own, consent, at }: { own: OwnTerm | undefined; consent: Decision; at: Pick<EffectiveAt, 'now' | 'marginSeconds' | 'rules'> },
): Standing {
  if (isOver(own?.expiresAt, at)) return { reason: 'tool-expired' };
  const permission = judge(at.rules, thing);
  if (permission.kind === 'denied') return { reason: 'denied-by-policy', rule: permission.by.name };
  if (permission.kind === 'not-allowed') return { reason: 'not-allowed-by-policy' };
  const term = termOf(permission.by, decisionOf(own, consent));
  if (term.kind === 'needs-sign-in') return { reason: 'needs-sign-in', rule: term.by.name };
  if (isOver(term.endsAt, at)) return { reason: 'policy-time-over', rule: term.by.name };
  const endsAt = earlierEnd(own?.expiresAt, term.endsAt);
  return endsAt ? { endsAt } : {};
}

function isOver(end: Date | undefined, { now, marginSeconds }: Pick<EffectiveAt, 'now' | 'marginSeconds'>): boolean {
  return end !== undefined && end.getTime() - marginSeconds * 1_000 <= now.getTime();
}

function endReason(consent: DecidedTerms, at: EffectiveAt): LeftOutReason | undefined {
  if (consent.endedAt) return 'consent-ended';
  if (isOver(consent.expiresAt, at)) return 'consent-expired';
  return consent.isPaused ? 'consent-paused' : undefined;
}
