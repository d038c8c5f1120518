/** How an OAuth client appears on pages: as an agent that says its own name. */
import type { ClientChange } from '../../domain/client-change.ts';
import { parseRedirectUri } from '../../domain/redirect-uri.ts';
import type { AgentChangeContext, AgentContext, RedirectContext } from '../views/contexts.ts';
import { readableName, readableText } from '../views/untrusted-text.ts';

/** What of a client is shown. */
export interface DescribedClient {
  id: string;
  kind: string;
  metadata: { name?: string };
}

/** The agent. Its name counts as verified only where an administrator made the client. */
export function agentOf(client: DescribedClient): AgentContext {
  return {
    name: readableName(client.metadata.name, 'An agent without a name'),
    isVerified: client.kind === 'manual',
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

/** Where the answer goes, in the form that a person can judge. */
export function redirectOf(uri: string): RedirectContext {
  const parsed = parseRedirectUri(uri);
  const url = new URL(uri);
  if ('problem' in parsed || parsed.kind === 'private-use') return { uri, target: `${url.protocol}//`, kind: 'app' };
  return { uri, target: url.host, kind: parsed.kind === 'https' ? 'web' : 'loopback' };
}
