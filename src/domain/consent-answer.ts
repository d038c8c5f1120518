/** What a person's answer to a page amounts to: never more than was shown, could be ticked, and was (ABUSE-38). Pure. */
import {
  asShown,
  type Consent,
  type ConsentDuration,
  type ConsentedTool,
  type ConsentTerms,
  consentExpiry,
  defaultConsentDuration,
} from './consent.ts';
import { type Extra, type PageState, type ShownExtra, type ShownTool, standingTools } from './consent-page.ts';
import { type Decision, decisionOf, earlierEnd, type OwnTerm } from './decision.ts';
import { type Permission, termOf } from './policy.ts';
import { suspensionOf } from './suspension.ts';

/** What the person sent back. */
export interface ConsentAnswer {
  tickedTools: readonly string[];
  resources: boolean;
  prompts: boolean;
  /** `unchanged` keeps the end that stands; on a first consent it is the default duration. */
  duration: ConsentDuration | 'unchanged';
}

/** What the page showed. */
export type ShownPage = { tools: readonly ShownTool[] } & Record<Extra, ShownExtra>;

/** When the answer came, from whom, and what stood until then. */
export type AnswerState = Omit<PageState, 'isInQuarantine'> & Pick<Decision, 'signedInAt'>;

/** What the answer allows, as the decision of this moment; or that it takes a sign-in shorter ago, and for which tools. */
export type SettledAnswer = { ok: true; terms: ConsentTerms } | { ok: false; needsSignIn: NeededSignIn };

/** A sign-in that policy asks for. */
export interface NeededSignIn {
  withinSeconds: number;
  /** Names of tools, `resources` or `prompts`. */
  for: readonly string[];
}

/**
 * Settles an answer. What is new, or is to last longer than it did, is a decision of now: policy bounds its time and may want a fresh
 * sign-in. What stood and is to last no longer stays what it was, whatever the policy says now; whether it counts is another question.
 */
export function settleAnswer(shown: ShownPage, answer: ConsentAnswer, at: AnswerState): SettledAnswer {
  const { standing } = at;
  const chosenEnd = endOf(answer.duration, at);
  const before = standingTools(
    shown.tools.map(({ tool }) => tool),
    at,
  );
  const ticked = new Set(answer.tickedTools);
  const context = { at, chosenEnd, isUnchanged: answer.duration === 'unchanged' };
  const tools = shown.tools
    .filter(({ tool, isHeld }) => !isHeld && ticked.has(tool.name))
    .map(({ tool, permission }) => {
      const stood = before.get(tool.name);
      return { tool, part: settlePart({ permission, stood: stood && !suspensionOf(tool, stood) ? stood : undefined }, context) };
    });
  const extras = (['resources', 'prompts'] as const)
    .filter((extra) => shown[extra].shown && answer[extra])
    .map((extra) => {
      const { permission, standing: stands } = shown[extra];
      return { extra, part: settlePart({ permission, stood: stands ? (standing?.own?.[extra] ?? {}) : undefined }, context) };
    });
  const needed = [
    ...tools.map(({ tool, part }) => ({ name: tool.name, part })),
    ...extras.map(({ extra, part }) => ({ name: extra, part })),
  ];
  const needsSignIn = signInFor(needed);
  if (needsSignIn) return { ok: false, needsSignIn };
  return { ok: true, terms: compose({ tools, extras, chosenEnd }) };
}

type Part = OwnTerm | { withinSeconds: number } | undefined;

function isGood(part: Part): part is OwnTerm {
  return part !== undefined && !('withinSeconds' in part);
}

/** One tool or extra that was ticked. `stood`: what it has of its own, where it stands. Undefined: it cannot be allowed. */
function settlePart(
  { permission, stood }: { permission: Permission; stood: OwnTerm | undefined },
  { at, chosenEnd, isUnchanged }: { at: AnswerState; chosenEnd: Date | undefined; isUnchanged: boolean },
): Part {
  const { now, signedInAt } = at;
  if (stood) {
    const kept = keptTerm(stood, at.standing);
    const lasts = permission.kind === 'allowed' ? earlierEnd(kept.expiresAt, policyEnd(permission, kept)) : kept.expiresAt;
    if (isUnchanged || permission.kind !== 'allowed' || !isLater(chosenEnd, lasts)) {
      const expiresAt = earlierEnd(kept.expiresAt, chosenEnd);
      return { ...kept, ...(expiresAt && { expiresAt }) };
    }
  }
  if (permission.kind !== 'allowed') return undefined;
  const term = termOf(permission.by, { decidedAt: now, ...(signedInAt && { signedInAt }) });
  if (term.kind === 'needs-sign-in') return { withinSeconds: term.withinSeconds };
  const expiresAt = earlierEnd(chosenEnd, term.endsAt);
  return expiresAt ? { expiresAt } : {};
}

/** What stood, with the decision and the end that it has as a part of what stood. */
function keptTerm(own: OwnTerm, standing: Consent | undefined): OwnTerm {
  const decision = standing && decisionOf(own, standing);
  const expiresAt = earlierEnd(own.expiresAt, standing?.expiresAt);
  return { ...decision, ...(expiresAt && { expiresAt }) };
}

function policyEnd(permission: Permission & { kind: 'allowed' }, { decidedAt, signedInAt }: OwnTerm): Date | undefined {
  if (!decidedAt) return undefined;
  const term = termOf(permission.by, { decidedAt, ...(signedInAt && { signedInAt }) });
  return term.kind === 'good' ? term.endsAt : decidedAt;
}

function isLater(end: Date | undefined, than: Date | undefined): boolean {
  return than !== undefined && (end === undefined || end > than);
}

function endOf(duration: ConsentAnswer['duration'], { now, standing }: AnswerState): Date | undefined {
  if (duration !== 'unchanged') return consentExpiry(duration, now);
  return standing ? standing.expiresAt : consentExpiry(defaultConsentDuration, now);
}

function signInFor(parts: readonly { name: string; part: Part }[]): NeededSignIn | undefined {
  const waiting = parts.flatMap(({ name, part }) => (part && 'withinSeconds' in part ? [{ name, within: part.withinSeconds }] : []));
  if (waiting.length === 0) return undefined;
  return { withinSeconds: Math.min(...waiting.map(({ within }) => within)), for: waiting.map(({ name }) => name) };
}

function compose(settled: {
  tools: readonly { tool: ShownTool['tool']; part: Part }[];
  extras: readonly { extra: Extra; part: Part }[];
  chosenEnd: Date | undefined;
}): ConsentTerms {
  const tools = settled.tools.flatMap(({ tool, part }) => (isGood(part) ? [{ tool, part }] : []));
  const extras = settled.extras.flatMap(({ extra, part }) => (isGood(part) ? [{ extra, part }] : []));
  const expiresAt = earlierEnd(settled.chosenEnd, latestEnd([...tools, ...extras].map(({ part }) => part)));
  const ownOf = ({ expiresAt: end, ...decision }: OwnTerm): OwnTerm => ({
    ...decision,
    ...(end && end.getTime() !== expiresAt?.getTime() && { expiresAt: end }),
  });
  const own = Object.fromEntries(
    extras.map(({ extra, part }) => [extra, ownOf(part)]).filter(([, part]) => Object.keys(part as OwnTerm).length > 0),
  );
  return {
    tools: tools.map(({ tool, part }): ConsentedTool => ({ ...asShown(tool), ...ownOf(part) })),
    resources: extras.some(({ extra }) => extra === 'resources'),
    prompts: extras.some(({ extra }) => extra === 'prompts'),
    ...(Object.keys(own).length > 0 && { own }),
    ...(expiresAt && { expiresAt }),
  };
}

/** When the last of some parts ends; undefined: never, or there are none. */
function latestEnd(parts: readonly OwnTerm[]): Date | undefined {
  const ends = parts.map(({ expiresAt }) => expiresAt);
  if (ends.length === 0 || ends.includes(undefined)) return undefined;
  return new Date(Math.max(...ends.map((end) => end?.getTime() ?? 0)));
}
