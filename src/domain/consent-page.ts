/** What a page offers on which a person decides: what is asked for and what stands, within what policy and quarantine let her allow. Pure. */
import { type Ceiling, isUnderCeiling } from './ceiling.ts';
import type { CatalogueTool, Consent, ConsentedTool } from './consent.ts';
import { termNow, termOfTool } from './effective-tools.ts';
import { judge, type Permission, type RulesInForce } from './policy.ts';
import { isHeldInQuarantine } from './quarantine.ts';
import { suspensionOf } from './suspension.ts';
import type { ToolDefinition } from './tool.ts';
import type { ToolChange } from './tool-change.ts';

/** How the definition of a tool differs from the one that the person was shown. */
export interface ShownDifference {
  before: ToolDefinition;
  change: ToolChange;
}

/** How a tool on the page relates to what the person allowed before. */
export type ToolStanding = 'new' | 'kept' | 'changed';

/** A tool on the page. */
export interface ShownTool<T extends CatalogueTool = CatalogueTool> {
  tool: T;
  /** `kept`: allowed before, unchanged but for its looks; `changed`: allowed before, its definition differs now; `new`: not allowed before, or its time is over. */
  standing: ToolStanding;
  /** What differs, of a changed tool whose definition of then is known. */
  difference?: ShownDifference;
  /** Named by the request and not allowed before: what the agent wants now. Clients that ask again repeat their aggregates too. */
  askedFor: boolean;
  /** Whether its box is ticked when the page first shows. */
  ticked: boolean;
  /** Cannot be allowed now, by policy or because the client is in quarantine. What stands can be kept: it waits. */
  isHeld: boolean;
  /** What the policy says of it, as it is now. */
  permission: Permission;
}

/** What servers have beside tools. */
export type Extra = 'resources' | 'prompts';

/** Whether a page offers one of them. */
export interface ShownExtra {
  shown: boolean;
  standing: boolean;
  /** Asked for, and not offered because the policy does not allow it. */
  isWithheld: boolean;
  permission: Permission;
}

/** What stands, and what it is judged by now. */
export interface PageState {
  standing: Consent | undefined;
  /** How tools that stand differ from what was shown, by their names, where that is known. */
  differences?: ReadonlyMap<string, ShownDifference>;
  isInQuarantine: boolean;
  rules: RulesInForce;
  now: Date;
}

/**
 * The tools a page shows: those under the ceiling, and those that stand already.
 * Ticked at first: what stood and is not riskier now; of the new ones, on a first consent only, those that neither
 * destroy nor reach beyond the server. A tool asked for afterwards is ticked by the person, never by the page.
 * What policy or quarantine hold is shown, and cannot be ticked unless it stands.
 */
export function toolsToShow<T extends CatalogueTool>(catalogue: readonly T[], ceiling: Ceiling, at: PageState): ShownTool<T>[] {
  const { standing, isInQuarantine, rules } = at;
  const before = standingTools(catalogue, at);
  return catalogue.flatMap((tool): ShownTool<T>[] => {
    const stood = before.get(tool.name);
    const permission = judge(rules, tool);
    const mayBeHeld = permission.kind !== 'allowed' || (isInQuarantine && isHeldInQuarantine(tool));
    if (!stood) {
      if (!isUnderCeiling(ceiling, tool) && !standing?.tools.some(({ name }) => name === tool.name)) return [];
      const ticked = standing === undefined && tool.risk !== 'destructive' && !tool.openWorld && !mayBeHeld;
      return [{ tool, standing: 'new', askedFor: ceiling.toolNames.includes(tool.name), ticked, isHeld: mayBeHeld, permission }];
    }
    const ticked = !suspensionOf(tool, stood);
    const difference = at.differences?.get(tool.name);
    const isSame = stood.digest === tool.digest || (difference?.change === 'cosmetic' && ticked);
    const relation = isSame ? { standing: 'kept' as const } : { standing: 'changed' as const, ...(difference && { difference }) };
    return [{ tool, ...relation, askedFor: false, ticked, isHeld: mayBeHeld && !ticked, permission }];
  });
}

/** Those tools of the catalogue that a person allowed before and whose time is not over, neither their own nor that of the policy. */
export function standingTools(
  catalogue: readonly CatalogueTool[],
  { standing, rules, now }: Omit<PageState, 'isInQuarantine'>,
): ReadonlyMap<string, ConsentedTool> {
  if (!standing) return new Map();
  const at = { now, marginSeconds: 0, rules };
  const present = new Map(catalogue.map((tool) => [tool.name, tool]));
  const stands = (tool: ConsentedTool, asIs: CatalogueTool | undefined) =>
    asIs !== undefined && !hasLapsed(termOfTool(tool, { present: asIs, consent: standing, at }));
  return new Map(standing.tools.filter((tool) => stands(tool, present.get(tool.name))).map((tool) => [tool.name, tool]));
}

/** What has lapsed must be decided anew; what is denied may come back, and waits. */
function hasLapsed(term: ReturnType<typeof termNow>): boolean {
  if (!('reason' in term)) return false;
  return term.reason === 'tool-expired' || term.reason === 'policy-time-over' || term.reason === 'needs-sign-in';
}

/** Which of `resources` and `prompts` a page may offer: those asked for, and those that stand. */
export function extrasToShow(ceiling: Pick<Ceiling, Extra>, at: Omit<PageState, 'isInQuarantine'>): Record<Extra, ShownExtra> {
  return { resources: extraToShow('resources', ceiling, at), prompts: extraToShow('prompts', ceiling, at) };
}

function extraToShow(extra: Extra, ceiling: Pick<Ceiling, Extra>, at: Omit<PageState, 'isInQuarantine'>): ShownExtra {
  const permission = judge(at.rules, extra);
  const standing = isExtraStanding(extra, at);
  const isAllowed = permission.kind === 'allowed';
  const isAsked = ceiling[extra] || (at.standing?.[extra] ?? false);
  return { shown: standing || (isAsked && isAllowed), standing, isWithheld: isAsked && !standing && !isAllowed, permission };
}

function isExtraStanding(extra: Extra, { standing, rules, now }: Omit<PageState, 'isInQuarantine'>): boolean {
  if (!standing?.[extra]) return false;
  return !hasLapsed(termNow(extra, { own: standing.own?.[extra], consent: standing, at: { now, marginSeconds: 0, rules } }));
}
