import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, TenantId, UserId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { endConsentRow, findConsent, lockConsent } from '../store/consents.ts';
import { endInstallations } from '../store/installations.ts';
import { invalidateStatusOfConsent } from '../store/status.ts';
import { transactOutcome } from './record-answer.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** Why a consent ended. */
export type ConsentEndReason = 'revoked-by-user' | 'ended-by-admin' | 'all-ended';

/**
 * Ends a consent with all its installations: refreshes fail at once, access tokens die by the status list.
 * With `userId`, only that person's own. Ending twice is a success.
 */
export async function endConsent(
  runtime: Runtime,
  tenant: Tenant,
  end: { consentId: ConsentId; userId?: UserId; reason: ConsentEndReason; origin: Origin },
): Promise<Outcome<{ consentId: ConsentId }>> {
  const { consentId } = end;
  return transactOutcome(runtime, async (db) => {
    await lockConsent(db, tenant.id, consentId, 'update');
    const consent = await findConsent(db, tenant.id, consentId);
    if (!consent || (end.userId !== undefined && consent.userId !== end.userId)) return fail({ kind: 'unknown-consent' });
    await endLockedConsent(db, tenant.id, { ...end, at: runtime.clock.now() });
    return succeed({ consentId });
  });
}

async function endLockedConsent(
  db: Database,
  tenantId: TenantId,
  end: { consentId: ConsentId; reason: ConsentEndReason; origin: Origin; at: Date },
): Promise<void> {
  const { consentId, reason, at } = end;
  if (!(await endConsentRow(db, tenantId, consentId, { at, reason }))) return;
  await invalidateStatusOfConsent(db, tenantId, consentId, at);
  const installations = await endInstallations(db, tenantId, { consentId }, { at, reason: 'consent-ended' });
  const consent = await findConsent(db, tenantId, consentId);
  await recordAuditEvent(db, tenantId, {
    ...end.origin,
    type: 'consent.ended',
    outcome: 'success',
    at,
    consentId,
    ...(consent && { userId: consent.userId, clientId: consent.clientId, serverId: consent.serverId, consentVersion: consent.version }),
    detail: { reason, installations: installations.length },
  });
}
