/** Consent: one person's decision for one client and one server. Pure rules; the newest version of a consent is in force. */
import { type Decision, decisionOf, type OwnTerm } from './decision.ts';
import type { ConsentId } from './ids.ts';
import type { RiskProfile } from './risk.ts';

/** A tool as it was shown when the person allowed it. */
export interface ConsentedTool extends RiskProfile, OwnTerm {
  name: string;
  /** Digest of the definition that was shown. */
  digest: string;
}

/** What one version of a consent allows. */
export interface ConsentTerms {
  tools: readonly ConsentedTool[];
  resources: boolean;
  prompts: boolean;
  /** What these two have of their own, as tools do. */
  own?: { resources?: OwnTerm; prompts?: OwnTerm };
  /** Absent: until revoked. Nothing in it lasts longer. */
  expiresAt?: Date;
}

/** A consent with the version in force. */
export interface Consent extends ConsentTerms, Decision {
  id: ConsentId;
  version: number;
  salt: string;
  endedAt?: Date;
  /** The person has paused it: it allows nothing until she lets it go on, and then what stands here. */
  isPaused?: boolean;
}

/** A tool of the catalogue, as far as rules need it. */
export interface CatalogueTool extends RiskProfile {
  name: string;
  digest: string;
  /** Digests of definitions it had than which this one is riskier by more than its risk (see tool-change.ts). */
  riskierThan?: readonly string[];
  /** An administrator has looked at this definition for everybody. */
  isAccepted?: boolean;
  /** Its server reports a riskier definition, and the issuer has not read it itself yet. */
  isDoubted?: boolean;
}

/** What is remembered of a tool that is allowed as the catalogue has it. */
export function asShown({ name, digest, risk, openWorld }: CatalogueTool): ConsentedTool {
  return { name, digest, risk, openWorld };
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

/** Whether terms allow nothing at all. */
export function areEmpty(terms: ConsentTerms): boolean {
  return terms.tools.length === 0 && !terms.resources && !terms.prompts;
}

/**
 * Whether two decisions allow the same for as long, by the same proof: then tokens given under the one need not end under the other. What
 * is decided anew is not the same, though it looks it: it had lapsed, or waited.
 */
export function areEqual(a: ConsentTerms & Decision, b: ConsentTerms & Decision): boolean {
  return spellTerms(a) === spellTerms(b);
}

function spellTerms(terms: ConsentTerms & Decision): string {
  const spellOwn = (part: OwnTerm | undefined) => [part?.expiresAt ?? null, decisionOf(part, terms).decidedAt];
  const tools = terms.tools.map((tool) => JSON.stringify([tool.name, tool.digest, tool.risk, tool.openWorld, ...spellOwn(tool)])).sort();
  const extras = (['resources', 'prompts'] as const).map((extra) => terms[extra] && spellOwn(terms.own?.[extra]));
  return JSON.stringify([tools, extras, terms.expiresAt ?? null]);
}
