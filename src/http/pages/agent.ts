/** How an OAuth client appears on pages: as an agent that says its own name. */
import type { ClientChange } from '../../domain/client-change.ts';
import { answerPlace, type ClientTrust, judgeTrust, type TrustedClient } from '../../domain/client-trust.ts';
import type { ClientFacts } from '../../services/describe-client.ts';
import type { AgentChangeContext, AgentFactsContext, RedirectContext } from '../views/contexts.ts';
import type { AgentContext } from '../views/frame-contexts.ts';
import { knownWords, publisherWords, voucherWords, warningWords } from '../views/trust-words.ts';
import { readableName, readableText } from '../views/untrusted-text.ts';

/** What of a client is shown. */
export type DescribedClient = TrustedClient & { metadata: { name?: string } };

/** The agent, by itself or, with `trust`, in one request. */
export function agentOf(client: DescribedClient, now: Date, trust: ClientTrust = judgeTrust(client)): AgentContext {
  const voucher = voucherWords(trust, now);
  return {
    name: readableName(client.metadata.name, 'An agent without a name'),
    ...(voucher !== undefined && { voucher }),
    clientId: client.id,
  };
}

/** How it changed. */
export function agentChangeOf({ name, places, hasOtherAddresses = false, hasOtherKeys = false }: ClientChange): AgentChangeContext {
  const shownName = (text: string | undefined) => readableName(text, 'without a name');
  const shown = (of: readonly string[] = []) => of.map((place) => readableText(place, 200));
  return {
    ...(name && { name: { before: shownName(name.before), now: shownName(name.now) } }),
    addedPlaces: shown(places?.added),
    removedPlaces: shown(places?.removed),
    hasOtherAddresses,
    hasOtherKeys,
  };
}

/** What is known here of the agent that asks. */
export function factsOf({ trust, lookAlikes, ...known }: ClientFacts, now: Date): AgentFactsContext {
  const publisher = publisherWords(trust);
  return {
    ...(publisher !== undefined && { publisher }),
    known: knownWords(known, now),
    warnings: warningWords(lookAlikes),
  };
}

/** Where the answer goes, in the form that a person can judge. */
export function redirectOf(uri: string): RedirectContext {
  const place = answerPlace(uri);
  return place.kind === 'app' ? { uri, target: `${place.scheme}://`, kind: 'app' } : { uri, target: place.host, kind: place.kind };
}
