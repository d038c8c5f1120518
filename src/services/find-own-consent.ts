import { isInForce } from '../domain/consent.ts';
import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, UserId } from '../domain/ids.ts';
import { findClient } from '../store/clients.ts';
import { findConsent, type StoredConsent } from '../store/consents.ts';
import { findServer } from '../store/servers.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Finds a consent in force that belongs to a person. Another person's, an ended one, one for a client or a server that is being removed and none at all look the same. */
export async function findOwnConsent(
  runtime: Runtime,
  tenant: Tenant,
  wanted: { userId: UserId; consentId: ConsentId },
): Promise<Outcome<StoredConsent, { kind: 'unknown-consent' }>> {
  const consent = await findConsent(runtime.store, tenant.id, wanted.consentId);
  const isOwn = consent?.userId === wanted.userId && isInForce(consent, runtime.clock.now());
  const isThere =
    isOwn &&
    (await findClient(runtime.store, tenant.id, consent.clientId)) !== undefined &&
    (await findServer(runtime.store, tenant.id, consent.serverId)) !== undefined;
  return consent && isThere ? succeed(consent) : fail({ kind: 'unknown-consent' });
}
