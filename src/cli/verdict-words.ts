/** What is the same of whoever calls a tool, in words: an agent, an API key, a service account. */
import type { ToolVerdict } from '../domain/explain-access.ts';

/** Where steps lead. */
export interface AccessPlace {
  issuer: string;
  server: { id: string; name: string };
  /** Whether an administrator may look at riskier tools for everybody. */
  mayAccept: boolean;
}

/** A verdict in words: why, and for a "no" what to do next. */
export interface VerdictWords {
  why: string;
  next?: string;
}

/** The first step where policy is in the way. */
export const editPolicy = 'change the policy: toolgrant export, edit, toolgrant apply --dry-run';

/** Puts in words what does not depend on who calls. */
export function commonWords(verdict: ToolVerdict, place: AccessPlace): VerdictWords {
  const { reason, rule } = verdict;
  switch (reason) {
    case 'unknown-tool':
      return { why: 'the server has no such tool', next: `toolgrant server tool ${place.server.id} lists those it has` };
    case 'not-in-catalogue':
      return { why: 'the server does not offer it any more', next: `if it does: toolgrant server sync ${place.server.id}` };
    case 'reported-riskier':
      return { why: 'its server reports that it may do more now', next: `toolgrant server sync ${place.server.id} reads it` };
    case 'denied-by-policy':
      return { why: `the rule ${rule} denies it`, next: editPolicy };
    case 'not-allowed-by-policy':
      return { why: `no rule allows it${hints(verdict)}`, next: editPolicy };
    default:
      // Callers put all others in words themselves.
      return { why: reason ?? 'nobody can say why' };
  }
}

/** Which group a rule would allow it to. */
export function hints({ wouldAllow = [] }: Pick<ToolVerdict, 'wouldAllow'>): string {
  const [first] = wouldAllow;
  return first ? ` (${first.rule} would, for the group ${first.groups.join(' or ')})` : '';
}
