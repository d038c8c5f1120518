import { judgeTrust } from '../domain/client-trust.ts';
import { isInForce } from '../domain/consent.ts';
import { mayRedirectError } from '../domain/error-redirect.ts';
import type { ClientId, UserId } from '../domain/ids.ts';
import { parseRedirectUri } from '../domain/redirect-uri.ts';
import { findClient } from '../store/clients.ts';
import { listConsents } from '../store/consents.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** An authorization request that failed, and how far it came. */
export interface FailedAuthorization {
  clientId: ClientId;
  redirectUri: string;
  /** Who is signed in in the browser. */
  userId?: UserId | undefined;
  /** Whether that person has answered this very request. */
  hasAnswered: boolean;
}

/** Whether the browser is sent back to the client with the error by itself; false: a page says what happened, and leads nowhere. */
export async function judgeErrorRedirect(runtime: Runtime, tenant: Tenant, failed: FailedAuthorization): Promise<boolean> {
  const { clientId, redirectUri, userId, hasAnswered } = failed;
  const client = await findClient(runtime.store, tenant.id, clientId);
  const redirect = parseRedirectUri(redirectUri);
  if (!client || 'problem' in redirect) return false;
  const now = runtime.clock.now();
  const consents = userId === undefined ? [] : await listConsents(runtime.store, tenant.id, { userId, clientId });
  return mayRedirectError({
    // Whoever publishes a document at the host that gets the answer may be a stranger as well.
    isVerified: judgeTrust(client).voucher?.by === 'administrator',
    person: userId === undefined ? 'unknown' : hasAnswered ? 'answered' : 'signed-in',
    isKnownToPerson: consents.some((consent) => isInForce(consent, now)),
    redirectKind: redirect.kind,
  });
}
