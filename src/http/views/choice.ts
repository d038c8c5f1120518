/** Builds the part of a page on which tools are chosen, from what may be shown and from what is ticked now. Pure. */

import { type ConsentDuration, type ConsentedTool, type ConsentTerms, consentDurations } from '../../domain/consent.ts';
import type { ShownExtra, ShownTool } from '../../domain/consent-page.ts';
import { isHeldInQuarantine, type Quarantine } from '../../domain/quarantine.ts';
import { type Risk, risks } from '../../domain/risk.ts';
import { amountOf } from './amount.ts';
import type { ChoiceContext, ToolContext, ToolGroupContext, ToolMark } from './contexts.ts';
import { type DescribedTool, definitionOf } from './described-tool.ts';
import { differenceOf, unknownDifference } from './difference.ts';
import { durationOptions, firstDuration } from './durations.ts';
import type { DifferenceContext } from './part-contexts.ts';
import { limitWords, mostSeconds } from './policy-words.ts';
import { riskWords } from './risk-words.ts';
import { textsOf } from './tool-texts.ts';
import { quarantineWords } from './trust-words.ts';

export type { DescribedTool } from './described-tool.ts';

/** What a page may offer. */
export interface Offer {
  tools: readonly ShownTool<DescribedTool>[];
  resources: ShownExtra;
  prompts: ShownExtra;
  standing?: ConsentTerms & { isPaused?: boolean };
  quarantine?: Quarantine;
  shownDigest: string;
}

/** What a person has ticked and chosen so far, not yet decided. */
export interface Draft {
  ticked: ReadonlySet<string>;
  resources: boolean;
  prompts: boolean;
  duration: ConsentDuration | 'unchanged';
  query: string;
  /** Groups whose tools are in sight: the person works on them. */
  openGroups: ReadonlySet<Risk>;
}

/** From how many tools on a page has a search. */
const searchFromTools = 20;

/** Up to how many tools all groups are open from the start: more, and Allow is out of the first view of a telephone. */
const openUpToTools = 1;

/** The draft that a page begins with. */
export function firstDraft(offer: Offer): Draft {
  return {
    ticked: new Set(offer.tools.filter(({ ticked }) => ticked).map(({ tool }) => tool.name)),
    resources: offer.resources.shown && (offer.resources.standing || !offer.standing),
    prompts: offer.prompts.shown && (offer.prompts.standing || !offer.standing),
    duration: firstDuration({ standing: offer.standing, most: longest(offer) }),
    query: '',
    openGroups: new Set(),
  };
}

/** Whether policy keeps a tool off the page; what stands is on it all the same, and waits. */
function isWithheld({ isHeld, standing, permission }: ShownTool): boolean {
  return isHeld && standing === 'new' && permission.kind !== 'allowed';
}

/** For how many seconds anything of an offer may be allowed at most; undefined: without end. */
export function longest({ tools, resources, prompts }: Offer): number | undefined {
  const shown = [...tools.filter(({ isHeld }) => !isHeld), ...[resources, prompts].filter((extra) => extra.shown)];
  const all = shown.map(({ permission }) => mostSeconds(permission));
  return all.length === 0 || all.includes(undefined) ? undefined : Math.max(...all.map((seconds) => seconds ?? 0)) || undefined;
}

/** Turns all tools of one risk on or off. */
export function switchGroup(offer: Offer, draft: Draft, to: { risk: Risk; isOn: boolean }): Draft {
  const ticked = new Set(draft.ticked);
  for (const { tool, isHeld } of offer.tools) {
    if (tool.risk !== to.risk || isHeld) continue;
    if (to.isOn) ticked.add(tool.name);
    else ticked.delete(tool.name);
  }
  return { ...draft, ticked, openGroups: new Set([...draft.openGroups, to.risk]) };
}

/** Takes every tick away and opens all groups, for whoever wants single tools. */
export function pickSingly(draft: Draft): Draft {
  return { ...draft, ticked: new Set(), resources: false, prompts: false, openGroups: new Set(risks) };
}

/** A draft whose tools are all in sight, where they are few enough to be looked through. */
export function unfolded<D extends Draft>(draft: D, { tools }: Pick<Offer, 'tools'>): D {
  return tools.length < searchFromTools ? { ...draft, openGroups: new Set(risks) } : draft;
}

/** Whether the page marks anything as asked for now. */
export function hasAsked({ tools, resources, prompts, standing }: Offer): boolean {
  if (!standing) return false;
  return tools.some(({ askedFor }) => askedFor) || [resources, prompts].some((extra) => extra.shown && !extra.standing);
}

/** Builds the context. `marks` says whether tools are marked by what was allowed before; changed ones always are. */
export function choiceContext(
  offer: Offer,
  draft: Draft,
  options: { now: Date; marks: boolean; signedInAt?: Date; problem?: string },
): ChoiceContext {
  const onPage = offer.tools.filter((shown) => !isWithheld(shown));
  const at = { ...options, most: longest(offer) };
  const isSearchable = onPage.length >= searchFromTools;
  const query = isSearchable ? draft.query.trim().toLowerCase() : '';
  const stood = new Map(offer.standing?.tools.map((tool) => [tool.name, tool]));
  const entries = onPage.map((shown, index) => ({
    shown,
    context: toolContext(shown, {
      ...at,
      index,
      draft,
      isInQuarantine: offer.quarantine !== undefined,
      stood: stood.get(shown.tool.name),
    }),
    isFound: matches(shown.tool, query),
  }));
  const groups = risks.flatMap((risk): ToolGroupContext[] => {
    const all = entries.filter(({ shown }) => shown.tool.risk === risk);
    if (all.length === 0) return [];
    const found = all.filter(({ isFound }) => isFound);
    const needsLook = found.some(({ context }) => context.mark === 'asked');
    return [
      {
        risk,
        ...riskWords[risk],
        tools: found.map(({ context }) => context),
        count: all.length,
        tickedCount: all.filter(({ context }) => context.ticked).length,
        openWorldCount: all.filter(({ shown }) => shown.tool.openWorld).length,
        isHeld: all.every(({ shown }) => shown.isHeld),
        isOpen:
          query !== '' ||
          draft.openGroups.has(risk) ||
          onPage.length <= openUpToTools ||
          needsLook ||
          found.some(({ context }) => context.mark === 'changed'),
      },
    ];
  });
  const hidden = entries.filter(({ isFound, context }) => !isFound && context.ticked);
  const counted = entries.map(({ shown: { tool }, context: { title, ticked, ratedBy } }) => ({
    risk: tool.risk,
    openWorld: tool.openWorld,
    title,
    ticked,
    by: ratedBy,
  }));
  const most = at.most ?? Number.POSITIVE_INFINITY;
  return {
    groups,
    amount: amountOf(counted, {
      resources: offer.resources.shown && draft.resources,
      prompts: offer.prompts.shown && draft.prompts,
    }),
    canPick: offer.standing === undefined && onPage.filter(({ isHeld }) => !isHeld).length > 1,
    canShorten: draft.duration !== '1h' && most >= (consentDurations['1h'] ?? 0),
    toolCount: onPage.length,
    isPaused: offer.standing?.isPaused ?? false,
    withheld: withheldOf(offer),
    canAllow: onPage.some(({ isHeld }) => !isHeld) || offer.resources.shown || offer.prompts.shown,
    tickedCount: entries.filter(({ context }) => context.ticked).length,
    ...(isSearchable && { search: { query: draft.query, found: entries.filter(({ isFound }) => isFound).length } }),
    hiddenTicked: hidden.map(({ shown: { tool } }) => ({ value: tool.name, risk: tool.risk, openWorld: tool.openWorld })),
    ...(offer.resources.shown && { resources: extraContext(offer.resources, { ...at, offer, ticked: draft.resources }) }),
    ...(offer.prompts.shown && { prompts: extraContext(offer.prompts, { ...at, offer, ticked: draft.prompts }) }),
    durations: durationOptions({ standing: offer.standing, most: at.most }, { chosen: draft.duration, now: options.now }),
    shownDigest: offer.shownDigest,
    ...(offer.quarantine && { quarantine: quarantineWords(offer.quarantine, { now: options.now, waits: offer.standing !== undefined }) }),
    ...(options.problem !== undefined && { problem: options.problem }),
  };
}

/** What the page does not offer, as people know it. */
function withheldOf({ tools, resources, prompts }: Offer): string[] {
  const names = tools.filter(isWithheld).map(({ tool }) => textsOf(tool).title);
  return [...names, ...(resources.isWithheld ? ['Resources'] : []), ...(prompts.isWithheld ? ['Prompts'] : [])];
}

function extraContext(
  { standing, permission }: ShownExtra,
  at: { offer: Offer; ticked: boolean; marks: boolean; now: Date; signedInAt?: Date; most: number | undefined },
): NonNullable<ChoiceContext['resources']> {
  return {
    ticked: at.ticked,
    isNew: at.marks && at.offer.standing !== undefined && !standing,
    waits: standing && permission.kind !== 'allowed',
    limits: limitWords(permission, at),
  };
}

function toolContext(
  shown: ShownTool<DescribedTool>,
  at: {
    index: number;
    draft: Draft;
    marks: boolean;
    isInQuarantine: boolean;
    stood: ConsentedTool | undefined;
    now: Date;
    signedInAt?: Date;
    most: number | undefined;
  },
): ToolContext {
  const { tool, permission } = shown;
  const difference = at.stood && differenceSince(at.stood, shown);
  const mark = markOf(shown, at.marks);
  return {
    ...textsOf(tool),
    value: tool.name,
    key: `tool-${at.index}`,
    openWorld: tool.openWorld,
    ticked: !shown.isHeld && at.draft.ticked.has(tool.name),
    isHeld: shown.isHeld,
    waits: !shown.isHeld && (permission.kind !== 'allowed' || (at.isInQuarantine && isHeldInQuarantine(tool))),
    isDisallowed: permission.kind !== 'allowed',
    limits: shown.isHeld ? [] : limitWords(permission, at),
    ...(mark && { mark }),
    ...(difference && { difference }),
  };
}

/** How a tool that stands differs from what the person was shown; of one that differs in nothing that she decides by, undefined. */
function differenceSince(stood: ConsentedTool, shown: ShownTool<DescribedTool>): DifferenceContext | undefined {
  const { tool, standing, difference, ticked } = shown;
  if (standing === 'new' || (standing === 'kept' && ticked)) return undefined;
  const risks = { riskBefore: stood, riskNow: tool, isDoubted: tool.isDoubted ?? false };
  const now = definitionOf(tool);
  if (difference) return differenceOf({ before: difference.before, now, ...risks });
  return stood.digest === tool.digest ? differenceOf({ before: now, now, ...risks }) : unknownDifference(risks);
}

function markOf({ standing, askedFor, ticked }: ShownTool, marks: boolean): ToolMark | undefined {
  // What stands and is not ticked may do more by an administrator's word, or by a report of its server.
  if (standing === 'changed' || (standing === 'kept' && !ticked)) return 'changed';
  if (!marks) return undefined;
  return standing === 'kept' ? 'kept' : askedFor ? 'asked' : 'other';
}

function matches(tool: DescribedTool, query: string): boolean {
  if (query === '') return true;
  return [tool.name, tool.title ?? '', tool.description ?? ''].some((text) => text.toLowerCase().includes(query));
}
