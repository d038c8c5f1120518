/** Why a person's agent can or cannot call a tool, in words, each "no" with the step that helps. */
import type { ToolVerdict } from '../domain/explain-access.ts';
import type { AgentAccess } from '../services/explain-access.ts';
import { minute } from './plain-text.ts';
import { type AccessPlace, commonWords, editPolicy, hints, type VerdictWords } from './verdict-words.ts';

/** Puts a verdict on a person's agent in words. */
export function agentWords(verdict: ToolVerdict, of: AgentAccess, place: AccessPlace): VerdictWords {
  if (verdict.can) {
    const until = verdict.until ? `until ${minute(verdict.until)}` : 'until it is revoked';
    const changed = verdict.hasChanged ? '; its definition changed since it was allowed, and nothing got riskier' : '';
    return { why: `allowed ${until}, by the rule ${verdict.rule ?? '?'}${changed}` };
  }
  const { user, client, consent } = of;
  const { reason, rule, tool } = verdict;
  const change = `${place.issuer}/account/consents/${consent?.id ?? ''}`;
  switch (reason) {
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
    case 'riskier-than-consented': {
      const accept = place.mayAccept ? `, or you for everybody: toolgrant server tool ${place.server.id} ${tool} --accept` : '';
      return { why: 'it may do more than when she allowed it', next: `she looks at it and allows it again: ${change}${accept}` };
    }
    case 'client-in-quarantine':
      return { why: 'the agent is in quarantine and may only read', next: `toolgrant client verify ${client.id}` };
    default:
      return commonWords(verdict, place);
  }
}

/** What nobody has allowed yet: the step is hers, unless policy is in the way too. */
function mayAllow({ permission, rule, ...verdict }: ToolVerdict, why: string, next: string): VerdictWords {
  if (permission === 'denied') return { why: `${why}, and could not: the rule ${rule} denies it`, next: editPolicy };
  if (permission === 'not-allowed') return { why: `${why}, and could not: no rule allows it${hints(verdict)}`, next: editPolicy };
  return { why, next };
}

function endedWords({ consent }: AgentAccess): string {
  const on = consent?.endedAt ? ` on ${minute(consent.endedAt)}` : '';
  const by: Readonly<Record<string, string>> = {
    'revoked-by-user': 'this person revoked it',
    'ended-by-admin': 'an administrator ended it',
    'client-blocked': 'it ended when the agent was blocked',
    'all-ended': 'an administrator ended all consents',
  };
  return `${by[consent?.endReason ?? ''] ?? 'it has ended'}${on}`;
}
