/** How an OAuth client appears on pages: as an agent that says its own name. */
import { parseRedirectUri } from '../../domain/redirect-uri.ts';
import type { AgentContext, RedirectContext } from '../views/contexts.ts';
import { readableName } from '../views/untrusted-text.ts';

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

/** Where the answer goes, in the form that a person can judge. */
export function redirectOf(uri: string): RedirectContext {
  const parsed = parseRedirectUri(uri);
  const url = new URL(uri);
  if ('problem' in parsed || parsed.kind === 'private-use') return { uri, target: `${url.protocol}//`, kind: 'app' };
  return { uri, target: url.host, kind: parsed.kind === 'https' ? 'web' : 'loopback' };
}
