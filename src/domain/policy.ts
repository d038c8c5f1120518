/**
 * Policy: what an administrator lets people allow. A tool may be allowed when some rule allows it and no rule denies it. The order of
 * rules means nothing: one that allows only ever adds, one that denies only ever takes away, so a rule can be judged by itself. Where
 * several allow the same, each stands with its own limits, and the one that lets it last longest counts.
 */
import type { ClientKind } from './client-trust.ts';
import type { Decision } from './decision.ts';
import { isHostListed } from './host-patterns.ts';
import { fitsPattern } from './name-pattern.ts';
import type { Risk, RiskProfile } from './risk.ts';
import { fitsServerPattern } from './server-pattern.ts';

/** Some tools: those of which everything that is given holds. */
export interface ToolSelector {
  /** With `*` for any characters. */
  name?: string;
  risk?: Risk;
  openWorld?: boolean;
}

/** What may use tools for a person: clients, by how they came to be, and the keys that she made herself. */
export type PolicyClientKind = ClientKind | 'api-key';

/** Some clients: those of which everything that is given holds. */
export interface ClientSelector {
  id?: string;
  /** A host that stands behind the client; `*.example.com` for all below one. */
  host?: string;
  kind?: PolicyClientKind;
  /** Whether an administrator made or checked it. */
  verified?: boolean;
}

/** One rule. A list that is absent sets no condition; of one that is there, one entry must fit. */
export interface PolicyRule {
  /** Names it in explanations; unique within the policy. */
  name: string;
  effect: 'allow' | 'deny';
  /** Names of groups; absent: everyone. */
  groups?: readonly string[];
  /** Resource URIs, with `*`. */
  servers?: readonly string[];
  clients?: readonly ClientSelector[];
  /** Absent: all that the server has, resources and prompts too. */
  tools?: readonly ToolSelector[];
  /** Beside `tools`: resources and prompts as well. */
  resources?: boolean;
  prompts?: boolean;
  /** Of a rule that allows: for how long at most, from when the person decides. */
  forAtMostSeconds?: number;
  /** Of a rule that allows: how long before that she may have signed in. */
  signedInWithinSeconds?: number;
}

/** Whether two rules say the same, in whatever order their lists are. */
export function isSameRule(a: PolicyRule, b: PolicyRule): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(rule: PolicyRule): unknown {
  const { name, effect, resources, prompts, forAtMostSeconds, signedInWithinSeconds } = rule;
  const lists = [rule.groups, rule.servers, rule.clients?.map(spellSelector), rule.tools?.map(spellSelector)];
  return [
    name,
    effect,
    resources,
    prompts,
    forAtMostSeconds,
    signedInWithinSeconds,
    lists.map((list) => list && [...new Set(list)].sort()),
  ];
}

function spellSelector(selector: ToolSelector | ClientSelector): string {
  return JSON.stringify(Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** All rules of a tenant. */
export interface Policy {
  rules: readonly PolicyRule[];
}

/** What holds where an administrator said nothing: people decide. */
export const peopleDecide: Policy = { rules: [{ name: 'people-decide', effect: 'allow' }] };

/** Who asks whom for whom. */
export interface PolicyParties {
  /** Names of the groups that the person is in. */
  groups: readonly string[];
  client: PolicyClient;
  /** The server's resource URI in the form that is compared. */
  resourceKey: string;
}

/** What rules can say of a client. */
export interface PolicyClient {
  id: string;
  kind: PolicyClientKind;
  /** The one host that stands behind it; see `hostBehind`. */
  host?: string;
  isVerified: boolean;
}

/** The rules that concern one person, client and server. */
export interface RulesInForce {
  allowing: readonly PolicyRule[];
  denying: readonly PolicyRule[];
}

/** Selects the rules for some parties; in the order of their names, so that every explanation names the same one. */
export function rulesFor({ rules }: Policy, { groups, client, resourceKey }: PolicyParties): RulesInForce {
  const concerned = rules
    .filter(
      (rule) =>
        (rule.groups?.some((group) => group === everyone || groups.includes(group)) ?? true) &&
        (rule.servers?.some((server) => fitsServerPattern(server, resourceKey)) ?? true) &&
        (rule.clients?.some((selector) => isClientSelected(selector, client)) ?? true),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    allowing: concerned.filter(({ effect }) => effect === 'allow'),
    denying: concerned.filter(({ effect }) => effect === 'deny'),
  };
}

/** The rules for some parties, as far as tools are judged by them: whom else a rule is for makes no difference here. */
export function spellRules(policy: Policy, parties: PolicyParties): string {
  const { allowing, denying } = rulesFor(policy, parties);
  const judged = [...allowing, ...denying].map(({ effect, tools, resources, prompts, forAtMostSeconds, signedInWithinSeconds }) =>
    JSON.stringify([effect, tools, resources, prompts, forAtMostSeconds, signedInWithinSeconds]),
  );
  return JSON.stringify([...new Set(judged)].sort());
}

/** The group that everybody is in; no other may have its name. */
export const everyone = 'everyone';

/** The rules where nothing restricts anybody: no policy, and subjects that no policy is about. */
export const unrestricted: RulesInForce = { allowing: peopleDecide.rules, denying: [] };

/** The rules where nothing may be allowed. */
export const nothingAllowed: RulesInForce = { allowing: [], denying: [] };

function isClientSelected(selector: ClientSelector, client: PolicyClient): boolean {
  return (
    (selector.id === undefined || selector.id === client.id) &&
    (selector.host === undefined || (client.host !== undefined && isHostListed([selector.host], client.host))) &&
    (selector.kind === undefined || selector.kind === client.kind) &&
    (selector.verified === undefined || selector.verified === client.isVerified)
  );
}

/** What can be allowed: a tool as people see it, or one of what servers have beside tools. */
export type Allowable = (RiskProfile & { name: string }) | 'resources' | 'prompts';

/** What the rules say of one thing. */
export type Permission =
  /** At least one. */
  | { kind: 'allowed'; by: readonly PolicyRule[] }
  | { kind: 'denied'; by: PolicyRule }
  /** No rule allows it. */
  | { kind: 'not-allowed' };

/** Judges one thing. */
export function judge({ allowing, denying }: RulesInForce, thing: Allowable): Permission {
  const denied = denying.find((rule) => covers(rule, thing));
  if (denied) return { kind: 'denied', by: denied };
  const by = allowing.filter((rule) => covers(rule, thing));
  return by.length > 0 ? { kind: 'allowed', by } : { kind: 'not-allowed' };
}

function covers(rule: PolicyRule, thing: Allowable): boolean {
  const isWhole = rule.tools === undefined && rule.resources === undefined && rule.prompts === undefined;
  if (isWhole) return true;
  if (thing === 'resources' || thing === 'prompts') return rule[thing] === true;
  return rule.tools?.some((selector) => isToolSelected(selector, thing)) ?? false;
}

function isToolSelected(selector: ToolSelector, tool: RiskProfile & { name: string }): boolean {
  return (
    (selector.name === undefined || fitsPattern(selector.name, tool.name)) &&
    (selector.risk === undefined || selector.risk === tool.risk) &&
    (selector.openWorld === undefined || selector.openWorld === tool.openWorld)
  );
}

/** What a permission comes to for one decision. */
export type Term =
  /** `endsAt` may be past; absent: never by policy. */
  | { kind: 'good'; by: PolicyRule; endsAt?: Date }
  /** Every rule that allows it wants a sign-in shorter before the decision. */
  | { kind: 'needs-sign-in'; by: PolicyRule; withinSeconds: number };

/** Works out how long a decision holds by the rules that allow it: by the one that lets it last longest, of those it satisfies. */
export function termOf(by: readonly PolicyRule[], { decidedAt, signedInAt }: Decision): Term {
  const ageMs = signedInAt ? decidedAt.getTime() - signedInAt.getTime() : Number.POSITIVE_INFINITY;
  const isSatisfied = ({ signedInWithinSeconds: within }: PolicyRule) => within === undefined || ageMs <= within * 1_000;
  const [longest] = by.filter(isSatisfied).sort((a, b) => lasts(b) - lasts(a));
  if (longest) {
    const { forAtMostSeconds: most } = longest;
    return { kind: 'good', by: longest, ...(most !== undefined && { endsAt: new Date(decidedAt.getTime() + most * 1_000) }) };
  }
  const [mildest] = [...by].sort((a, b) => (b.signedInWithinSeconds ?? 0) - (a.signedInWithinSeconds ?? 0));
  if (!mildest) throw new Error('a permission without a rule');
  return { kind: 'needs-sign-in', by: mildest, withinSeconds: mildest.signedInWithinSeconds ?? 0 };
}

function lasts({ forAtMostSeconds }: PolicyRule): number {
  return forAtMostSeconds ?? Number.MAX_SAFE_INTEGER;
}

/** What another policy changes; by name. */
export interface PolicyChange {
  added: readonly string[];
  changed: readonly string[];
  removed: readonly string[];
}

/** Compares rules by their names; undefined where the policies say the same. */
export function comparePolicies(before: Policy, now: Policy): PolicyChange | undefined {
  const old = new Map(before.rules.map((rule) => [rule.name, rule]));
  const added = now.rules.filter(({ name }) => !old.has(name)).map(({ name }) => name);
  const changed = now.rules.filter((rule) => {
    const was = old.get(rule.name);
    return was !== undefined && !isSameRule(was, rule);
  });
  const names = new Set(now.rules.map(({ name }) => name));
  const removed = before.rules.filter(({ name }) => !names.has(name)).map(({ name }) => name);
  if (added.length + changed.length + removed.length === 0) return undefined;
  return { added, changed: changed.map(({ name }) => name), removed };
}
