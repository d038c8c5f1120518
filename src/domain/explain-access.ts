/** Who can call what, and why not: the same judgement as of every token, with what stands behind it. Pure. */
import type { CatalogueTool, ConsentedTool } from './consent.ts';
import { decisionOf, earlierEnd } from './decision.ts';
import { type DecidedTerms, effectiveTools, type LeftOutReason, termOfTool } from './effective-tools.ts';
import { judge, type Permission, type Policy, type PolicyParties, rulesFor, termOf } from './policy.ts';
import { suspensionOf } from './suspension.ts';

/**
 * Everything that says what one person's agent may do on one server. Of an API key and of a service account the same, by what stands in
 * the place of a consent: what the key was made for, or what was assigned.
 */
export interface AccessFacts {
  isUserDisabled: boolean;
  isClientBlocked: boolean;
  isInQuarantine: boolean;
  /** The newest, ended ones included. */
  consent?: DecidedTerms;
  catalogue: readonly CatalogueTool[];
  policy: Policy;
  parties: PolicyParties;
  /** The names of all groups that there are. */
  groups: readonly string[];
  now: Date;
}

/** Why a tool cannot be called. */
export type NoReason =
  | LeftOutReason
  | 'user-disabled'
  | 'client-blocked'
  /** This person never allowed this agent anything on this server. */
  | 'never-allowed'
  /** She allowed other things. */
  | 'not-ticked'
  /** Of a service account's key that was made for it: the account is not assigned it. */
  | 'not-assigned'
  /** Neither she nor the server knows it. */
  | 'unknown-tool';

/** What holds of one tool. */
export interface ToolVerdict {
  tool: string;
  can: boolean;
  /** Of one that cannot be called. */
  reason?: NoReason;
  /** The rule that says so, or that allows it. */
  rule?: string;
  /** When it ends by itself, of one that can be called. */
  until?: Date;
  /** Its definition is another one than the person was shown; nothing worse. */
  hasChanged: boolean;
  /** Of one that she has not allowed: whether she may. */
  permission?: Permission['kind'];
  /** Of one that no rule allows: rules that would, for whoever is in a group. */
  wouldAllow?: readonly { rule: string; groups: readonly string[] }[];
}

/** Explains every tool that the server has or the person allowed; or one. */
export function explainAccess(facts: AccessFacts, only?: string): ToolVerdict[] {
  const names = new Set([...facts.catalogue.map(({ name }) => name), ...(facts.consent?.tools ?? []).map(({ name }) => name)]);
  return (only === undefined ? [...names] : [only]).map((name) => explainTool(name, facts));
}

function explainTool(name: string, facts: AccessFacts): ToolVerdict {
  const { consent, catalogue, policy, parties, now, isInQuarantine } = facts;
  const present = catalogue.find((tool) => tool.name === name);
  const shown = consent?.tools.find((tool) => tool.name === name);
  const rules = rulesFor(policy, parties);
  const hasChanged = present !== undefined && shown !== undefined && present.digest !== shown.digest && !suspensionOf(present, shown);
  const no = (reason: NoReason, more: Partial<ToolVerdict> = {}): ToolVerdict => ({ tool: name, can: false, reason, hasChanged, ...more });
  const judged = present ?? shown;
  const permission = judged && judge(rules, judged);
  const mayBe = permission && { permission: permission.kind, ...ruleOf(permission), ...hintsOf(permission, facts, judged) };
  if (!judged) return no('unknown-tool');
  if (facts.isUserDisabled) return no('user-disabled');
  if (facts.isClientBlocked) return no('client-blocked');
  if (!consent) return no('never-allowed', mayBe);
  if (!shown && !consent.endedAt) return no('not-ticked', mayBe);
  // Tools do not depend on each other, and there may be thousands of them.
  const alone = { ...consent, tools: shown ? [shown] : [] };
  const { allowed, leftOut } = effectiveTools(alone, present ? [present] : [], { now, marginSeconds: 0, isInQuarantine, rules });
  const left = leftOut.find((one) => one.name === name);
  if (left) {
    const more = left.reason === 'consent-ended' || left.reason === 'consent-expired' ? mayBe : hintsOf(permission, facts, judged);
    return no(left.reason, { ...(left.rule !== undefined && { rule: left.rule }), ...more });
  }
  if (!shown || !present || !allowed.includes(shown)) return no('consent-ended', mayBe);
  return { tool: name, can: true, hasChanged, ...goodTerm(shown, present, facts) };
}

function ruleOf(permission: Permission): { rule?: string } {
  if (permission.kind === 'denied') return { rule: permission.by.name };
  const [first] = permission.kind === 'allowed' ? permission.by : [];
  return first ? { rule: first.name } : {};
}

/** Which rules would allow it to people in other groups. */
function hintsOf(
  permission: Permission | undefined,
  { policy, parties, groups }: AccessFacts,
  tool: CatalogueTool,
): Pick<ToolVerdict, 'wouldAllow'> {
  if (permission?.kind !== 'not-allowed') return {};
  const asIfInAll = judge(rulesFor(policy, { ...parties, groups }), tool);
  if (asIfInAll.kind !== 'allowed') return {};
  return { wouldAllow: asIfInAll.by.map((rule) => ({ rule: rule.name, groups: rule.groups ?? [] })) };
}

function goodTerm(
  shown: ConsentedTool,
  present: CatalogueTool,
  { consent, policy, parties, now }: AccessFacts,
): Pick<ToolVerdict, 'rule' | 'until'> {
  if (!consent) return {};
  const rules = rulesFor(policy, parties);
  const permission = judge(rules, shown);
  const term = permission.kind === 'allowed' ? termOf(permission.by, decisionOf(shown, consent)) : undefined;
  const standing = termOfTool(shown, { present, consent, at: { now, marginSeconds: 0, rules } });
  const until = earlierEnd(consent.expiresAt, 'reason' in standing ? undefined : standing.endsAt);
  return { ...(term && { rule: term.by.name }), ...(until && { until }) };
}
