import { isInForce } from '../domain/consent.ts';
import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, UserId } from '../domain/ids.ts';
import { findClient, type StoredClient } from '../store/clients.ts';
import { findConsent, type StoredConsent } from '../store/consents.ts';
import { findServer, type StoredServer } from '../store/servers.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Which consent of whom. */
interface WantedConsent {
  userId: UserId;
  consentId: ConsentId;
}

/** A consent with whom it is about. */
export interface OwnConsent {
  consent: StoredConsent;
  client: StoredClient;
  server: StoredServer;
}

/** Finds a consent in force that belongs to a person, with its parties. Another person's, an ended one, one for a client or a server that is being removed and none at all look the same. */
export async function findOwnConsentWithParties(
  { store, clock }: Pick<Runtime, 'store' | 'clock'>,
  tenant: Tenant,
  wanted: WantedConsent,
): Promise<Outcome<OwnConsent, { kind: 'unknown-consent' }>> {
  const consent = await findConsent(store, tenant.id, wanted.consentId);
  if (consent?.userId !== wanted.userId || !isInForce(consent, clock.now())) return fail({ kind: 'unknown-consent' });
  const client = await findClient(store, tenant.id, consent.clientId);
  const server = client && (await findServer(store, tenant.id, consent.serverId));
  return server ? succeed({ consent, client, server }) : fail({ kind: 'unknown-consent' });
}

/** The same without them. */
export async function findOwnConsent(
  runtime: Pick<Runtime, 'store' | 'clock'>,
  tenant: Tenant,
  wanted: WantedConsent,
): Promise<Outcome<StoredConsent, { kind: 'unknown-consent' }>> {
  const found = await findOwnConsentWithParties(runtime, tenant, wanted);
  return found.ok ? succeed(found.value.consent) : found;
}
