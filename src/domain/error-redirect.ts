import type { RedirectKind } from './redirect-uri.ts';

/** What is known when an authorization request fails. */
export interface FailedRequest {
  /** An administrator made the client, or vouches for it. */
  isVerified: boolean;
  /** How far the person in this browser has come: nobody is signed in, somebody is, or she has answered this very request. */
  person: 'unknown' | 'signed-in' | 'answered';
  /** She allows this client something already. */
  isKnownToPerson: boolean;
  redirectKind: RedirectKind;
}

/**
 * Whether the browser is sent back to the client with the error by itself. Anybody may register a client, and then a link to us
 * must not lead wherever a stranger wants (RFC 9700 §4.11.2): until a person has signed in, only verified clients hear of errors
 * at once; after that, a web site that she never allowed anything must wait for her answer too. A program on her own computer is
 * no place that a stranger could put a page at.
 */
export function mayRedirectError({ isVerified, person, isKnownToPerson, redirectKind }: FailedRequest): boolean {
  if (isVerified || person === 'answered') return true;
  return person === 'signed-in' && (isKnownToPerson || redirectKind !== 'https');
}
