/** What a tool may do, in three steps; beside it the mark `openWorld`: it reaches beyond its server. */

/** From harmless to irreversible. */
export type Risk = 'read' | 'write' | 'destructive';

/** All risks, mildest first. */
export const risks: readonly Risk[] = ['read', 'write', 'destructive'];

/** A tool's risk as a whole. */
export interface RiskProfile {
  risk: Risk;
  openWorld: boolean;
}

/** Whether `now` may do more harm than `before`: a higher risk, or open to the world where it was not. */
export function isRiskier(now: RiskProfile, before: RiskProfile): boolean {
  return risks.indexOf(now.risk) > risks.indexOf(before.risk) || (now.openWorld && !before.openWorld);
}
