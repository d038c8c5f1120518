import { type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { type StoredConsent, withPausedTerms } from '../store/consents.ts';
import { type OwnConsentRequest, reviseConsent, withOwnConsent } from './revise-consent.ts';
import type { Runtime, Tenant } from './runtime.ts';

/**
 * Pauses a consent of a person's: a version that allows nothing, and knows which one counts again. Its agents stay connected, and their
 * tokens allow nothing meanwhile. Twice is a success.
 */
export async function pauseConsent(
  runtime: Runtime,
  tenant: Tenant,
  request: OwnConsentRequest,
): Promise<Outcome<{ consentId: ConsentId }>> {
  const at = runtime.clock.now();
  return withOwnConsent(runtime, { ...request, tenant }, async (db, consent) => {
    if (consent.pausedVersion !== undefined) return succeed(undefined);
    const terms = { tools: [], resources: false, prompts: false, ...(consent.expiresAt && { expiresAt: consent.expiresAt }) };
    const version = await reviseConsent(db, tenant.id, { consent, terms, pausedVersion: consent.version, at });
    await note(db, tenant, { type: 'consent.paused', consent, version, request, at });
    return succeed(undefined);
  });
}

/** Lets a paused consent go on, as it was decided then. Twice is a success. */
export async function resumeConsent(
  runtime: Runtime,
  tenant: Tenant,
  request: OwnConsentRequest,
): Promise<Outcome<{ consentId: ConsentId }>> {
  const at = runtime.clock.now();
  return withOwnConsent(runtime, { ...request, tenant }, async (db, paused) => {
    if (paused.pausedVersion === undefined) return succeed(undefined);
    const consent = await withPausedTerms(db, tenant.id, paused);
    const version = await reviseConsent(db, tenant.id, { consent, terms: consent, at });
    await note(db, tenant, { type: 'consent.resumed', consent, version, request, at });
    return succeed(undefined);
  });
}

async function note(
  db: Database,
  tenant: Tenant,
  event: {
    type: 'consent.paused' | 'consent.resumed';
    consent: StoredConsent;
    version: number;
    request: OwnConsentRequest;
    at: Date;
  },
): Promise<void> {
  const { type, consent, version, request, at } = event;
  const { id: consentId, userId, clientId, serverId } = consent;
  await recordAuditEvent(db, tenant.id, {
    ...request.origin,
    ...{ type, outcome: 'success', at, userId, clientId, serverId, consentId, consentVersion: version },
  });
}
