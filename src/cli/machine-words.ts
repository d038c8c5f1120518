/** Why an API key or a service account can or cannot call a tool, in words, each "no" with the step that helps. */
import type { ToolVerdict } from '../domain/explain-access.ts';
import type { AccountAccess, KeyAccess } from '../services/explain-machines.ts';
import { minute } from './plain-text.ts';
import { type AccessPlace, commonWords, type VerdictWords } from './verdict-words.ts';

/** Puts a verdict on an API key in words. */
export function keyWords(verdict: ToolVerdict, { key, owner }: KeyAccess, place: AccessPlace): VerdictWords {
  const { reason, rule, tool } = verdict;
  if (verdict.can) return { why: `allowed ${untilOf(verdict)}${rule === undefined ? '' : `, by the rule ${rule}`}${changedOf(verdict)}` };
  const assign = 'account' in owner ? assignStep(owner.account.id, tool, place) : '';
  const anew =
    'account' in owner
      ? `make another: toolgrant apikey create --service-account ${owner.account.id}`
      : `its owner makes another: ${place.issuer}/account`;
  switch (reason) {
    case 'user-disabled':
      return 'account' in owner
        ? { why: 'its service account is disabled', next: `toolgrant service-account enable ${owner.account.id}` }
        : { why: 'the account of its owner is disabled', next: `toolgrant user enable ${owner.user.email}` };
    case 'not-ticked':
      return { why: 'the key was not made for it', next: anew };
    case 'not-assigned':
      return { why: 'the key was made for it, and its service account is not assigned it', next: assign };
    case 'consent-ended':
      return { why: `the key was revoked${key.revokedAt ? ` on ${minute(key.revokedAt)}` : ''}`, next: anew };
    case 'consent-expired':
      return { why: `the time of the key was over on ${minute(key.expiresAt)}`, next: `replace it: toolgrant apikey rotate ${key.id}` };
    case 'riskier-than-consented':
      return {
        why: 'it may do more than when it was allowed',
        next: 'account' in owner ? `assign all of them anew, as they are now: ${assign}` : anew,
      };
    case 'policy-time-over':
      return { why: `the rule ${rule} lets it last less long than the key has been there`, next: anew };
    case 'needs-sign-in':
      return { why: `the rule ${rule} wants a sign-in shortly before, which no key has` };
    default:
      return commonWords(verdict, place);
  }
}

/** Puts a verdict on a service account, by its client, in words. */
export function accountWords(verdict: ToolVerdict, { account, client }: AccountAccess, place: AccessPlace): VerdictWords {
  const { reason, tool } = verdict;
  if (verdict.can) return { why: `assigned${changedOf(verdict)}` };
  const assign = assignStep(account.id, tool, place);
  switch (reason) {
    case 'user-disabled':
      return { why: 'the service account is disabled', next: `toolgrant service-account enable ${account.id}` };
    case 'client-blocked':
      return { why: 'its client is blocked', next: `toolgrant client unblock ${client.id}` };
    case 'client-in-quarantine':
      return { why: 'its client is in quarantine and may only read', next: `toolgrant client verify ${client.id}` };
    case 'never-allowed':
      return { why: 'nothing on this server is assigned to it', next: assign };
    case 'not-ticked':
      return { why: 'it is not among the tools that were assigned', next: assign };
    case 'riskier-than-consented':
      return { why: 'it may do more than when it was assigned', next: `assign all of them anew, as they are now: ${assign}` };
    default:
      return commonWords(verdict, place);
  }
}

/** An assignment is said whole: what is not named goes. */
function assignStep(accountId: string, tool: string, { server }: AccessPlace): string {
  return `toolgrant service-account tool ${accountId} --server ${server.id} --tool <each that it has> --tool ${tool}`;
}

function untilOf({ until }: ToolVerdict): string {
  return until ? `until ${minute(until)}` : 'until it is revoked';
}

function changedOf({ hasChanged }: ToolVerdict): string {
  return hasChanged ? '; its definition changed since, and nothing got riskier' : '';
}
