/** What a token may carry: consent ∩ catalogue ∩ not expired ∩ digest not riskier than consented ∩ not held by a quarantine. One function for every place that asks. */
import type { CatalogueTool, Consent, ConsentedTool } from './consent.ts';
import { isHeldInQuarantine } from './quarantine.ts';
import { isRiskier } from './risk.ts';

/** Why a consented tool is not effective. */
export type LeftOutReason = 'consent-ended' | 'consent-expired' | 'not-in-catalogue' | 'riskier-than-consented' | 'client-in-quarantine';

/** The outcome for one consent at one instant. */
export interface EffectiveTools {
  /** Tools that may be called, by name, in the order of their names. */
  allowed: readonly ConsentedTool[];
  leftOut: readonly { name: string; reason: LeftOutReason }[];
  resources: boolean;
  prompts: boolean;
  /** The earliest instant at which any of this ends by itself. */
  expiresAt?: Date;
}

/**
 * Computes the effective tools. A tool counts until `margin` before its end, because a token made for less would be
 * of no use (ENG-29); `marginSeconds` is 0 where nothing is issued. A client in quarantine may only read, by what the catalogue says
 * now.
 */
export function effectiveTools(
  consent: Consent,
  catalogue: readonly CatalogueTool[],
  at: { now: Date; marginSeconds: number; isInQuarantine: boolean },
): EffectiveTools {
  const consented = [...consent.tools].sort((a, b) => (a.name < b.name ? -1 : 1));
  const ended = endReason(consent, at);
  if (ended) return { allowed: [], leftOut: consented.map(({ name }) => ({ name, reason: ended })), resources: false, prompts: false };
  const present = new Map(catalogue.map((tool) => [tool.name, tool]));
  const allowed: ConsentedTool[] = [];
  const leftOut: { name: string; reason: LeftOutReason }[] = [];
  for (const tool of consented) {
    const now = present.get(tool.name);
    if (!now) leftOut.push({ name: tool.name, reason: 'not-in-catalogue' });
    else if (isRiskier(now, tool)) leftOut.push({ name: tool.name, reason: 'riskier-than-consented' });
    else if (at.isInQuarantine && isHeldInQuarantine(now)) {
      leftOut.push({ name: tool.name, reason: 'client-in-quarantine' });
    } else allowed.push(tool);
  }
  return {
    allowed,
    leftOut,
    resources: consent.resources,
    prompts: consent.prompts,
    ...(consent.expiresAt && { expiresAt: consent.expiresAt }),
  };
}

function endReason(consent: Consent, { now, marginSeconds }: { now: Date; marginSeconds: number }): LeftOutReason | undefined {
  if (consent.endedAt) return 'consent-ended';
  if (consent.expiresAt && consent.expiresAt.getTime() - marginSeconds * 1_000 <= now.getTime()) return 'consent-expired';
  return undefined;
}
