/** Consent: one person's decision for one client and one server. Pure rules; the newest version of a consent is in force. */
import { type Ceiling, isUnderCeiling } from './ceiling.ts';
import type { ConsentId } from './ids.ts';
import { isHeldInQuarantine } from './quarantine.ts';
import { isRiskier, type RiskProfile } from './risk.ts';

/** A tool as it was shown when the person allowed it. */
export interface ConsentedTool extends RiskProfile {
  name: string;
  /** Digest of the definition that was shown. */
  digest: string;
}

/** What one version of a consent allows. */
export interface ConsentTerms {
  tools: readonly ConsentedTool[];
  resources: boolean;
  prompts: boolean;
  /** Absent: until revoked. */
  expiresAt?: Date;
}

/** A consent with the version in force. */
export interface Consent extends ConsentTerms {
  id: ConsentId;
  version: number;
  salt: string;
  endedAt?: Date;
}

/** A tool of the catalogue, as far as rules need it. */
export interface CatalogueTool extends RiskProfile {
  name: string;
  digest: string;
}

/** How long a person allows something. */
export type ConsentDuration = '1h' | '1d' | '30d' | 'until-revoked';

/** The durations on offer, in the order they are shown, in seconds. */
export const consentDurations: Readonly<Record<ConsentDuration, number | undefined>> = {
  '1h': 3_600,
  '1d': 86_400,
  '30d': 30 * 86_400,
  'until-revoked': undefined,
};

/** What the page offers unless the person chooses otherwise. */
export const defaultConsentDuration: ConsentDuration = '30d';

/** When a consent given `now` for `duration` ends; undefined: never by itself. */
export function consentExpiry(duration: ConsentDuration, now: Date): Date | undefined {
  const seconds = consentDurations[duration];
  return seconds === undefined ? undefined : new Date(now.getTime() + seconds * 1_000);
}

/** Whether a consent counts at all at `now`. */
export function isInForce(consent: Pick<Consent, 'endedAt' | 'expiresAt'>, now: Date): boolean {
  return consent.endedAt === undefined && (consent.expiresAt === undefined || consent.expiresAt > now);
}

/** How a tool on the consent page relates to what the person allowed before. */
export type ToolStanding = 'new' | 'kept' | 'changed';

/** A tool on the consent page. */
export interface ShownTool<T extends CatalogueTool = CatalogueTool> {
  tool: T;
  /** `kept`: allowed before, unchanged; `changed`: allowed before, its definition differs now; `new`: not allowed before. */
  standing: ToolStanding;
  /** Named by the request and not allowed before: what the agent wants now. Clients that ask again repeat their aggregates too. */
  askedFor: boolean;
  /** Whether its box is ticked when the page first shows. */
  ticked: boolean;
  /** Cannot be allowed now, because the client is in quarantine. What stands can be kept: it waits. */
  isHeld: boolean;
}

/**
 * The tools a consent page shows: those under the ceiling, and those that stand already.
 * Ticked at first: what stood and is not riskier now; of the new ones, on a first consent only, those that neither
 * destroy nor reach beyond the server. A tool asked for afterwards is ticked by the person, never by the page.
 * For a client in quarantine, what does more than read is shown, and cannot be ticked unless it stands.
 */
export function toolsToShow<T extends CatalogueTool>(
  catalogue: readonly T[],
  ceiling: Ceiling,
  at: { standing: ConsentTerms | undefined; isInQuarantine: boolean },
): ShownTool<T>[] {
  const { standing, isInQuarantine } = at;
  const before = new Map(standing?.tools.map((tool) => [tool.name, tool]));
  return catalogue.flatMap((tool): ShownTool<T>[] => {
    const stood = before.get(tool.name);
    if (!stood) {
      if (!isUnderCeiling(ceiling, tool)) return [];
      const isHeld = isInQuarantine && isHeldInQuarantine(tool);
      const ticked = standing === undefined && tool.risk !== 'destructive' && !tool.openWorld && !isHeld;
      return [{ tool, standing: 'new', askedFor: ceiling.toolNames.includes(tool.name), ticked, isHeld }];
    }
    const ticked = !isRiskier(tool, stood);
    const isHeld = isInQuarantine && !ticked && isHeldInQuarantine(tool);
    return [{ tool, standing: stood.digest === tool.digest ? 'kept' : 'changed', askedFor: false, ticked, isHeld }];
  });
}

/** What the person sent back from a consent page. */
export interface ConsentAnswer {
  tickedTools: readonly string[];
  resources: boolean;
  prompts: boolean;
  /** `unchanged` keeps the end that stands; on a first consent it is the default duration. */
  duration: ConsentDuration | 'unchanged';
}

/** Which of `resources` and `prompts` a page may offer: those asked for, and those that stand. */
export function extrasToShow(
  ceiling: Pick<Ceiling, 'resources' | 'prompts'>,
  standing: ConsentTerms | undefined,
): { resources: boolean; prompts: boolean } {
  return { resources: ceiling.resources || (standing?.resources ?? false), prompts: ceiling.prompts || (standing?.prompts ?? false) };
}

/** The terms an answer amounts to: only what was shown, could be ticked, **and** was, whatever else was sent (ABUSE-38). */
export function termsOfAnswer(
  shown: { tools: readonly ShownTool[]; resources: boolean; prompts: boolean },
  answer: ConsentAnswer,
  at: { now: Date; standing: ConsentTerms | undefined },
): ConsentTerms {
  const ticked = new Set(answer.tickedTools);
  const tools = shown.tools
    .filter(({ tool, isHeld }) => !isHeld && ticked.has(tool.name))
    .map(({ tool }) => ({ name: tool.name, digest: tool.digest, risk: tool.risk, openWorld: tool.openWorld }));
  const expiresAt = expiryOfAnswer(answer.duration, at);
  return {
    tools,
    resources: shown.resources && answer.resources,
    prompts: shown.prompts && answer.prompts,
    ...(expiresAt && { expiresAt }),
  };
}

function expiryOfAnswer(
  duration: ConsentAnswer['duration'],
  { now, standing }: { now: Date; standing: ConsentTerms | undefined },
): Date | undefined {
  if (duration !== 'unchanged') return consentExpiry(duration, now);
  return standing ? standing.expiresAt : consentExpiry(defaultConsentDuration, now);
}

/** Whether terms allow nothing at all. */
export function areEmpty(terms: ConsentTerms): boolean {
  return terms.tools.length === 0 && !terms.resources && !terms.prompts;
}

/** Whether two terms allow the same for as long: then tokens given under the one need not end under the other. */
export function areEqual(a: ConsentTerms, b: ConsentTerms): boolean {
  const tools = (terms: ConsentTerms) => terms.tools.map((tool) => JSON.stringify([tool.name, tool.digest])).sort();
  return (
    JSON.stringify(tools(a)) === JSON.stringify(tools(b)) &&
    a.resources === b.resources &&
    a.prompts === b.prompts &&
    a.expiresAt?.getTime() === b.expiresAt?.getTime()
  );
}
