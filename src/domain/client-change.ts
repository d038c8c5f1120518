/** What a client says of itself that people decide by, and how two versions of it differ. */
import type { ClientMetadata } from './client-metadata.ts';
import { answerPlace } from './client-trust.ts';

/** One version of it. */
export interface ClientIdentity {
  name?: string;
  redirectUris: readonly string[];
  /** Tells its keys apart from others; absent when it has none. */
  keysDigest?: string;
}

/** A difference, in the form that a person can judge. At least one of its members is there. */
export interface ClientChange {
  name?: { before: string | undefined; now: string | undefined };
  /** Where answers may go now and could not before, and the other way round: hosts, or schemes of apps as `scheme://`. */
  places?: { added: readonly string[]; removed: readonly string[] };
  /** Other addresses at the same places. */
  hasOtherAddresses?: boolean;
  hasOtherKeys?: boolean;
}

/** What of metadata is an identity; `digest` makes a short text of a long one. */
export function identityOf(metadata: ClientMetadata, digest: (text: string) => string): ClientIdentity {
  const { name, redirectUris } = metadata;
  const keys = spellKeys(metadata);
  return { ...(name !== undefined && { name }), redirectUris, ...(keys !== undefined && { keysDigest: digest(keys) }) };
}

/** The same for the same keys, whatever the order of them or of their members: the database keeps neither. */
function spellKeys({ jwks, jwksUri }: ClientMetadata): string | undefined {
  return jwks ? `[${jwks.map((key) => JSON.stringify(key, Object.keys(key).sort())).sort()}]` : jwksUri;
}

/**
 * Whether a client is another one than it was, for whoever judged it: by what people decide by, or by how it proves who it is. What was
 * said of the one before does not hold for it.
 */
export function isOtherClient(before: ClientMetadata, now: ClientMetadata): boolean {
  const spell = (metadata: ClientMetadata) => {
    const { name, redirectUris, authMethod, isProofOptional } = metadata;
    return JSON.stringify([name ?? null, [...redirectUris].sort(), spellKeys(metadata) ?? null, authMethod, isProofOptional ?? false]);
  };
  return spell(before) !== spell(now);
}

/** How a client differs from what it was; undefined when it does not. */
export function compareClients(before: ClientIdentity, now: ClientIdentity): ClientChange | undefined {
  const change: ClientChange = {};
  if (before.name !== now.name) change.name = { before: before.name, now: now.name };
  const [placesBefore, placesNow] = [placesOf(before), placesOf(now)];
  const added = without(placesNow, placesBefore);
  const removed = without(placesBefore, placesNow);
  if (added.length > 0 || removed.length > 0) change.places = { added, removed };
  else if (!areSame(before.redirectUris, now.redirectUris)) change.hasOtherAddresses = true;
  if (before.keysDigest !== now.keysDigest) change.hasOtherKeys = true;
  return Object.keys(change).length > 0 ? change : undefined;
}

function placesOf({ redirectUris }: ClientIdentity): string[] {
  const places = redirectUris.map((uri) => {
    const place = answerPlace(uri);
    return place.kind === 'app' ? `${place.scheme}://` : place.host;
  });
  return [...new Set(places)];
}

function without(these: readonly string[], those: readonly string[]): string[] {
  return these.filter((one) => !those.includes(one));
}

function areSame(these: readonly string[], those: readonly string[]): boolean {
  return without(these, those).length === 0 && without(those, these).length === 0;
}
