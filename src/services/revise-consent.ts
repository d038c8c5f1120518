/** Changes of a consent that are no new decision: what it keeps stays decided when it was, and lasts no longer. */
import type { ConsentTerms } from '../domain/consent.ts';
import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, TenantId, UserId } from '../domain/ids.ts';
import { randomToken } from '../platform/random.ts';
import type { Database } from '../store/client.ts';
import { addConsentVersion, findConsent, findNewestVersion, lockConsent, type StoredConsent } from '../store/consents.ts';
import { invalidateStatusOfConsent } from '../store/status.ts';
import { transactOutcome } from './record-answer.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** Whose consent, and who says so. */
export interface OwnConsentRequest {
  userId: UserId;
  consentId: ConsentId;
  origin: Origin;
}

/** Runs `work` in a transaction that holds a person's own consent locked; an ended one, and another person's, are refused. */
export async function withOwnConsent(
  runtime: Runtime,
  { tenant, userId, consentId }: Pick<OwnConsentRequest, 'userId' | 'consentId'> & { tenant: Tenant },
  work: (db: Database, consent: StoredConsent) => Promise<Outcome<unknown>>,
): Promise<Outcome<{ consentId: ConsentId }>> {
  return transactOutcome(runtime, async (db) => {
    await lockConsent(db, tenant.id, consentId, 'update');
    const consent = await findConsent(db, tenant.id, consentId);
    if (!consent || consent.userId !== userId) return fail({ kind: 'unknown-consent' });
    if (consent.endedAt) return fail({ kind: 'consent-ended' });
    const outcome = await work(db, consent);
    return outcome.ok ? succeed({ consentId }) : outcome;
  });
}

/** Adds a version to a consent that the caller holds locked, and ends the tokens of before; returns its number. */
export async function reviseConsent(
  db: Database,
  tenantId: TenantId,
  revision: { consent: StoredConsent; terms: ConsentTerms; pausedVersion?: number; at: Date },
): Promise<number> {
  const { consent, terms, pausedVersion, at } = revision;
  const { id, clientVersion, decidedAt, signedInAt } = consent;
  const version = (await findNewestVersion(db, tenantId, id)) + 1;
  const kept = { id, version, terms, salt: randomToken(16), origin: 'account' as const, clientVersion, decidedAt, signedInAt };
  await addConsentVersion(db, tenantId, { ...kept, ...(pausedVersion !== undefined && { pausedVersion }) });
  await invalidateStatusOfConsent(db, tenantId, id, at);
  return version;
}
