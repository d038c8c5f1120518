import type { ClientKind } from './client-trust.ts';
import type { PolicyClient } from './policy.ts';

/** What of a client says which rules concern it. */
interface DescribedClient {
  id: string;
  kind: ClientKind;
  verifiedAt?: Date;
  metadata: { redirectUris: readonly string[] };
}

/** Describes a client as rules see it. */
export function policyClient({ id, kind, verifiedAt, metadata }: DescribedClient): PolicyClient {
  const host = hostBehind({ id, kind, metadata });
  return { id, kind, isVerified: kind === 'manual' || verifiedAt !== undefined, ...(host !== undefined && { host }) };
}

/** Describes an API key of a person's: nobody stands behind it but her. */
export function policyClientOfKey(id: string): PolicyClient {
  return { id, kind: 'api-key', isVerified: false };
}

/**
 * The host that stands behind a client: the one that publishes its document, else the one that all its answers go to. Undefined where
 * answers go to several, to a program on a computer or to an app, which anybody can be; and on any port but that of https.
 */
export function hostBehind({ id, kind, metadata }: Omit<DescribedClient, 'verifiedAt'>): string | undefined {
  const [first, ...others] = kind === 'document' ? [id] : metadata.redirectUris;
  const host = first === undefined ? undefined : httpsHost(first);
  return others.every((uri) => httpsHost(uri) === host) ? host : undefined;
}

function httpsHost(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  return protocol === 'https:' && port === '' ? hostname : undefined;
}
