/** Why a tool can or cannot be called, in words, each "no" with the step that helps. */
import type { ToolVerdict } from '../domain/explain-access.ts';
import type { AccessExplanation } from '../services/explain-access.ts';
import { minute } from './plain-text.ts';

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

/** Puts a verdict in words. */
export function verdictWords(verdict: ToolVerdict, of: AccessExplanation, place: AccessPlace): VerdictWords {
  if (verdict.can) {
    const until = verdict.until ? `until ${minute(verdict.until)}` : 'until it is revoked';
    const changed = verdict.hasChanged ? '; its definition changed since it was allowed, and nothing got riskier' : '';
    return { why: `allowed ${until}, by the rule ${verdict.rule ?? '?'}${changed}` };
  }
  const { user, client, consent } = of;
  const { reason, rule, tool } = verdict;
  const change = `${place.issuer}/account/consents/${consent?.id ?? ''}`;
  switch (reason) {
    case 'unknown-tool':
      return { why: 'the server has no such tool', next: `toolgrant server tool ${place.server.id} lists those it has` };
    case 'user-disabled':
      return { why: 'the account is disabled', next: `toolgrant user enable ${user.email}` };
    case 'client-blocked':
      return { why: 'the agent is blocked', next: `toolgrant client unblock ${client.id}` };
    case 'never-allowed':
      return mayAllow(
        verdict,
        'this person never allowed this agent anything on this server',
        'the agent asks when it connects to the server',
      );
    case 'not-ticked':
      return mayAllow(
        verdict,
        'this person has not allowed it',
        `she can: ${place.issuer}/widen?${new URLSearchParams({ consent: consent?.id ?? '', tool })}`,
      );
    case 'consent-ended':
      return mayAllow(verdict, endedWords(of), 'the agent asks anew when it connects to the server');
    case 'consent-expired': {
      const on = consent?.expiresAt ? ` on ${minute(consent.expiresAt)}` : '';
      return mayAllow(verdict, `the time that this person chose was over${on}`, 'the agent asks anew when it connects to the server');
    }
    case 'consent-paused':
      return { why: 'this person has paused the agent', next: `she lets it go on: ${place.issuer}/account` };
    case 'tool-expired':
      return { why: 'its time is over', next: `she can allow it again: ${change}` };
    case 'policy-time-over':
      return { why: `the rule ${rule} lets it last less long than it has been allowed for`, next: `she can allow it again: ${change}` };
    case 'needs-sign-in':
      return {
        why: `the rule ${rule} wants her to have signed in shortly before she allows it`,
        next: `she can allow it again: ${change}`,
      };
    case 'not-in-catalogue':
      return { why: 'the server does not offer it any more', next: `if it does: toolgrant server sync ${place.server.id}` };
    case 'riskier-than-consented': {
      const accept = place.mayAccept ? `, or you for everybody: toolgrant server tool ${place.server.id} ${tool} --accept` : '';
      return { why: 'it may do more than when she allowed it', next: `she looks at it and allows it again: ${change}${accept}` };
    }
    case 'reported-riskier':
      return { why: 'its server reports that it may do more now', next: `toolgrant server sync ${place.server.id} reads it` };
    case 'client-in-quarantine':
      return { why: 'the agent is in quarantine and may only read', next: `toolgrant client verify ${client.id}` };
    case 'denied-by-policy':
      return { why: `the rule ${rule} denies it`, next: editPolicy };
    case 'not-allowed-by-policy':
      return { why: `no rule allows it${hints(verdict)}`, next: editPolicy };
    case undefined:
      return { why: 'nobody can say why' };
    default:
      return reason satisfies never;
  }
}

const editPolicy = 'change the policy: toolgrant export, edit, toolgrant apply --dry-run';

/** What nobody has allowed yet: the step is hers, unless policy is in the way too. */
function mayAllow({ permission, rule, ...verdict }: ToolVerdict, why: string, next: string): VerdictWords {
  if (permission === 'denied') return { why: `${why}, and could not: the rule ${rule} denies it`, next: editPolicy };
  if (permission === 'not-allowed') return { why: `${why}, and could not: no rule allows it${hints(verdict)}`, next: editPolicy };
  return { why, next };
}

function hints({ wouldAllow = [] }: Pick<ToolVerdict, 'wouldAllow'>): string {
  const [first] = wouldAllow;
  return first ? ` (${first.rule} would, for the group ${first.groups.join(' or ')})` : '';
}

function endedWords({ consent }: AccessExplanation): string {
  const on = consent?.endedAt ? ` on ${minute(consent.endedAt)}` : '';
  const by: Readonly<Record<string, string>> = {
    'revoked-by-user': 'this person revoked it',
    'ended-by-admin': 'an administrator ended it',
    'client-blocked': 'it ended when the agent was blocked',
    'all-ended': 'an administrator ended all consents',
  };
  return `${by[consent?.endReason ?? ''] ?? 'it has ended'}${on}`;
}
