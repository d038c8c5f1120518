import type { LeftOutReason } from '../../domain/effective-tools.ts';
import { maxApiKeysOfPerson } from '../../services/create-api-key.ts';
import { type ApiKeyOverview, madeAt } from '../../services/manage-api-keys.ts';
import type { KeyContext } from '../views/contexts.ts';
import { inWords } from '../views/instants.ts';
import { readableName } from '../views/untrusted-text.ts';
import { countByRisk } from './count-by-risk.ts';

/** How many tools of a key are named; it has few as a rule. */
const namedTools = 6;

/** Said to who wants one more. */
export const tooManyKeys = `You have ${maxApiKeysOfPerson} keys, which is the most. Revoke one that you no longer need.`;

/** An API key as its owner reads it: what it may do now, or once its time is over what it was for. */
export function keyOf({ key, server, standing, effective }: ApiKeyOverview, now: Date): KeyContext {
  const { tools, resources, prompts } = effective ? { ...effective, tools: effective.allowed } : key;
  return {
    id: key.id,
    name: keyName(key),
    server: { name: server.name, resource: server.resource },
    tools: tools.slice(0, namedTools).map(({ name }) => readableName(name, 'a tool')),
    moreTools: Math.max(0, tools.length - namedTools),
    ...countByRisk(tools),
    resources,
    prompts,
    waiting: effective?.leftOut.map(({ name, reason }) => ({ title: readableName(name, 'a tool'), reason: waitingWords(reason) })) ?? [],
    until: inWords(key.expiresAt, now),
    madeOn: inWords(madeAt(key), now),
    isReplaced: key.rotatedAt !== undefined,
    lastUsed: key.lastUsedAt ? inWords(key.lastUsedAt, now) : 'not yet',
    ...(standing === 'expired' && { end: 'over' }),
    ...(standing === 'expiring' && { end: 'soon' }),
    ...(key.previousUntil && key.previousUntil > now && { oldUntil: inWords(key.previousUntil, now) }),
  };
}

/** The name that its owner gave it. */
export function keyName({ name }: ApiKeyOverview['key']): string {
  return readableName(name, 'unnamed key');
}

function waitingWords(reason: LeftOutReason): string {
  switch (reason) {
    case 'riskier-than-consented':
      return 'it may do more than when you made the key: make another one';
    case 'reported-riskier':
      return 'its server says that it does more now: it is being looked at';
    case 'denied-by-policy':
    case 'not-allowed-by-policy':
    case 'needs-sign-in':
      return 'your organisation does not allow it now';
    case 'policy-time-over':
      return 'your organisation lets a key use it for less long: replace the key';
    case 'client-in-quarantine':
    case 'tool-expired':
    case 'not-in-catalogue':
    case 'consent-ended':
    case 'consent-expired':
    case 'consent-paused':
      return 'the server does not offer it now';
    default:
      return reason satisfies never;
  }
}
