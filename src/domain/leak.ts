/** The way data leaks out: what reads, together with what reaches outside, in one agent that others can talk into things. Pure. */
import type { RiskProfile } from './risk.ts';

/** Whether a selection has both ends of it. Resources are read, too. */
export function canLeak(tools: readonly RiskProfile[], { resources }: { resources: boolean }): boolean {
  const reads = resources || tools.some(({ risk }) => risk === 'read');
  return reads && tools.some(({ openWorld }) => openWorld);
}
