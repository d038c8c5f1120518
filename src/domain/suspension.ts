/** When a tool that was allowed waits, because it may do more, or wants more, than what was shown. */
import type { CatalogueTool } from './consent.ts';
import { isRiskier, type RiskProfile } from './risk.ts';

/** A tool as it was shown to whoever allowed it. */
export type ShownDefinition = RiskProfile & { digest: string };

/** Why it waits. */
export type Suspension =
  /** Until whoever allowed it, or an administrator for everybody, has looked at it as it is now. */
  | 'riskier-than-consented'
  /** Until the issuer has read itself what its server reports. */
  | 'reported-riskier';

/** Finds out whether a tool waits, comparing what the catalogue says with what was shown; what came between them does not count. */
export function suspensionOf(present: CatalogueTool, shown: ShownDefinition): Suspension | undefined {
  const isWorse = isRiskier(present, shown) || (present.riskierThan?.includes(shown.digest) ?? false);
  if (isWorse && !present.isAccepted) return 'riskier-than-consented';
  return present.isDoubted ? 'reported-riskier' : undefined;
}
