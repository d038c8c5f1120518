import { type PublicJwk, parseClientKeys } from '../domain/client-keys.ts';
import { type DocumentOutcome, obtainDocument } from './obtain-document.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A key that is not there is looked for again, at most so often; in seconds. */
const leastAgeSeconds = 60;

/**
 * The public keys that a client publishes at its `jwks_uri`, from the cache that all instances share (ENG-18). With `kid`, keys that do
 * not have it are asked for anew when they are a minute old: a client that has rotated its keys signs with one we have not seen.
 */
export async function obtainClientKeys(
  runtime: Runtime,
  tenant: Tenant,
  request: {
    uri: string;
    kid?: string | undefined;
    /** Whether somebody allowed the client something. */
    isReliedOn: boolean;
    /** Groups addresses that belong to one caller. */
    caller: string;
  },
): Promise<DocumentOutcome<readonly PublicJwk[]>> {
  const { uri, kid, isReliedOn, caller } = request;
  const document = { kind: 'jwks', url: uri, read: parseClientKeys, isReliedOn, caller } as const;
  const found = await obtainDocument(runtime, tenant, document);
  if (!found.ok || kid === undefined || found.value.some((key) => key.kid === kid)) return found;
  const notBefore = new Date(runtime.clock.now().getTime() - leastAgeSeconds * 1_000);
  return found.fetchedAt < notBefore ? obtainDocument(runtime, tenant, { ...document, notBefore }) : found;
}
