/**
 * What becomes of a tool: when its server is read again, when an administrator speaks of it, when its server reports it. Pure; what is
 * judged by it is in suspension.ts.
 */
import type { CatalogueTool } from './consent.ts';
import { isRiskier, type RiskProfile, risks } from './risk.ts';
import { type JsonObject, riskOfAnnotations, type ToolDefinition } from './tool.ts';
import { classifyChange, type ToolChange, traitsBeyondRisk } from './tool-change.ts';

/** A tool of a catalogue. `risk` and `openWorld` are what counts: an administrator's word, else the server's claim. */
export interface KnownTool extends CatalogueTool, ToolDefinition {
  /** Its place in the server's list. */
  position: number;
  /** What an administrator said instead of the server. */
  override?: RiskProfile;
  firstSeenAt: Date;
  /** When an administrator looked at the definition for everybody. */
  acceptedAt?: Date;
  /** Since when its server reports a riskier definition that the issuer has not read itself. */
  doubtedAt?: Date;
}

/** A definition that a tool has or had. */
export interface KnownDefinition {
  definition: ToolDefinition;
  digest: string;
}

/** What becomes of one tool by a reading. */
export interface CatalogueStep {
  tool: KnownTool;
  before: KnownTool | undefined;
  change: ToolChange | 'added';
  isOtherRisk: boolean;
  /** Whoever decided on the one before must look again. */
  isRiskier: boolean;
  /** A report about it is settled by this reading. */
  isSettled: boolean;
  isMoved: boolean;
}

/** An administrator's word on a tool, and the claim that it was about. */
export interface SaidOfTool {
  override: RiskProfile;
  annotations: JsonObject;
}

/** A reading of one tool. */
export interface ToolReading {
  position: number;
  /** What is known of it; undefined where the server did not have it. */
  before: KnownTool | undefined;
  /** What an administrator said of it before the server took it away, and what that one claimed then; where it had it earlier. */
  saidBefore?: SaidOfTool | undefined;
  at: Date;
  /** When the reading began: what the server reported since is not settled by it. */
  readAt: Date;
}

/** The step from what is known of a tool to what was read. */
export function stepTo({ definition, digest }: KnownDefinition, reading: ToolReading): CatalogueStep {
  const { before } = reading;
  const tool = asRead({ definition, digest }, reading);
  if (!before) return { tool, before, change: 'added', isOtherRisk: false, isRiskier: false, isSettled: false, isMoved: false };
  const change = digest === before.digest ? 'none' : classifyChange(before, tool);
  return {
    tool,
    before,
    // A digest that differs is a change, whatever it was made of.
    change: change === 'none' && digest !== before.digest ? 'cosmetic' : change,
    isOtherRisk: tool.risk !== before.risk || tool.openWorld !== before.openWorld,
    isRiskier: isRiskier(tool, before) || (change === 'riskier' && traitsBeyondRisk(before, tool).length > 0),
    isSettled: before.doubtedAt !== undefined && tool.doubtedAt === undefined,
    isMoved: before.position !== tool.position,
  };
}

function asRead({ definition, digest }: KnownDefinition, { position, before, saidBefore, at, readAt }: ToolReading): KnownTool {
  const override = before ? overrideThatHolds(definition, before) : saidBefore && strictWord(definition, saidBefore);
  return {
    ...definition,
    position,
    digest,
    ...(override ?? riskOfAnnotations(definition.annotations)),
    ...(override && { override }),
    firstSeenAt: before?.firstSeenAt ?? at,
    ...(before?.riskierThan && { riskierThan: before.riskierThan }),
    ...(before?.acceptedAt && { acceptedAt: before.acceptedAt, isAccepted: true }),
    ...(before?.doubtedAt && before.doubtedAt > readAt && { doubtedAt: before.doubtedAt, isDoubted: true }),
  };
}

/**
 * An administrator judged the tool by what the server claimed then. When it claims worse now, and worse than the administrator said,
 * that judgement is over.
 */
function overrideThatHolds(now: ToolDefinition, { override, annotations }: KnownTool): RiskProfile | undefined {
  if (!override) return undefined;
  const claimed = riskOfAnnotations(now.annotations);
  const isOver = isRiskier(claimed, riskOfAnnotations(annotations)) && isRiskier(claimed, override);
  return isOver ? strictWord(now, { override, annotations }) : override;
}

/**
 * What stays of a judgement that is over: one that did not make the claim milder, with what is claimed beyond it. Otherwise a server
 * would be rid of it by claiming worse for a while, or by taking the tool away, and then doing as before.
 */
function strictWord(now: ToolDefinition, { override, annotations }: SaidOfTool): RiskProfile | undefined {
  const before = riskOfAnnotations(annotations);
  if (isRiskier(before, override) && !isRiskier(override, before)) return undefined;
  const claimed = riskOfAnnotations(now.annotations);
  const worse = risks.indexOf(claimed.risk) > risks.indexOf(override.risk) ? claimed.risk : override.risk;
  return { risk: worse, openWorld: claimed.openWorld || override.openWorld };
}

/**
 * The tool of a step, compared with the definitions that it had. What an administrator accepted stays so until it is riskier than it
 * was, or riskier than any definition than which that one was not: a part that went and came back may want more than it did.
 */
export function withComparisons({ tool, before, isRiskier: isRiskierNow }: CatalogueStep, earlier: readonly KnownDefinition[]): KnownTool {
  const { riskierThan: _, acceptedAt, isAccepted: __, ...rest } = tool;
  const riskierThan = earlier
    .filter(({ digest, definition }) => digest !== tool.digest && traitsBeyondRisk(definition, tool).length > 0)
    .map(({ digest }) => digest);
  const isCovered = !isRiskierNow && riskierThan.every((digest) => before?.riskierThan?.includes(digest));
  return { ...rest, riskierThan, ...(acceptedAt && isCovered && { acceptedAt, isAccepted: true }) };
}

/** A tool as it is once an administrator said what it may do, or took that back. */
export function withOverride<Tool extends KnownTool>(before: Tool, override: RiskProfile | null): Tool {
  const { override: _, acceptedAt, isAccepted: __, ...rest } = before;
  const said = { ...rest, ...(override ?? riskOfAnnotations(before.annotations)), ...(override && { override }) } as Tool;
  return { ...said, ...(acceptedAt && !isRiskier(said, before) && { acceptedAt, isAccepted: true }) };
}

/**
 * Whether people would have to look before they allow a tool as its server reports it; an administrator's word that is no milder holds.
 */
export function isWorseThanKnown(reported: ToolDefinition, known: KnownTool): boolean {
  const claimed = riskOfAnnotations(reported.annotations);
  const isMoreThanSaid = isRiskier(claimed, known) && isRiskier(claimed, riskOfAnnotations(known.annotations));
  return isMoreThanSaid || traitsBeyondRisk(known, reported).length > 0;
}
