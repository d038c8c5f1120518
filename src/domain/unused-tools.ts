/** Tools that somebody allowed and that nobody called since: what an agent does not need it should not have. Pure. */
import type { Consent } from './consent.ts';
import { decisionOf } from './decision.ts';

/** After so many days without a call. */
export const unusedAfterDays = 30;

/** Names of the tools of a consent that were allowed that long ago, and were not called since then. */
export function findUnusedTools(consent: Consent, lastCalls: ReadonlyMap<string, Date>, now: Date): string[] {
  const since = now.getTime() - unusedAfterDays * 86_400_000;
  return consent.tools
    .filter((tool) => decisionOf(tool, consent).decidedAt.getTime() <= since)
    .map(({ name }) => name)
    .filter((name) => (lastCalls.get(name)?.getTime() ?? since) <= since);
}
