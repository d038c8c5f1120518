import { fail, type Outcome } from '../domain/failures.ts';
import type { ConsentId, UserId } from '../domain/ids.ts';
import { findConsent, lockConsent } from '../store/consents.ts';
import { findServer } from '../store/servers.ts';
import { type Addition, ceilingOfChange } from './prepare-consent.ts';
import { type AnsweredPage, problemWithParties, type RecordedConsent, recordAnswer, transactOutcome } from './record-answer.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** Records a change that a person makes to a consent of hers: on `/account`, or through a widen link that asks for one `addition`. */
export async function changeConsent(
  runtime: Runtime,
  tenant: Tenant,
  change: { userId: UserId; consentId: ConsentId; addition?: Addition; answer: AnsweredPage; signedInAt?: Date; origin: Origin },
): Promise<Outcome<RecordedConsent>> {
  const { consentId, addition, answer, signedInAt, origin } = change;
  return transactOutcome(runtime, async (db) => {
    await lockConsent(db, tenant.id, consentId, 'update');
    const consent = await findConsent(db, tenant.id, consentId);
    if (!consent || consent.userId !== change.userId) return fail({ kind: 'unknown-consent' });
    if (!(await findServer(db, tenant.id, consent.serverId))) return fail({ kind: 'unknown-consent' });
    if (consent.endedAt) return fail({ kind: 'consent-ended' });
    const problem = await problemWithParties(db, tenant.id, consent);
    if (problem) return fail(problem);
    const from = addition ? ('widen' as const) : ('account' as const);
    return recordAnswer(runtime, db, {
      tenantId: tenant.id,
      consentId,
      parties: consent,
      ceiling: ceilingOfChange(addition),
      answer,
      from,
      origin,
      now: runtime.clock.now(),
      ...(signedInAt && { signedInAt }),
    });
  });
}
