import { parseCeiling } from '../domain/ceiling.ts';
import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { InstallationId } from '../domain/ids.ts';
import { namedScopes } from '../domain/spell-scope.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { holdClient, markClientAuthorized } from '../store/clients.ts';
import { obtainConsentRow } from '../store/consents.ts';
import { createInstallation, type InstallationPlace } from '../store/installations.ts';
import { holdServer } from '../store/servers.ts';
import { holdUser } from '../store/users.ts';
import { type ConsentRequest, findServerOfResource } from './prepare-consent.ts';
import { type AnsweredPage, problemWithParties, type RecordedConsent, recordAnswer, transactOutcome } from './record-answer.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

export type { InstallationPlace } from '../store/installations.ts';

/** Records a decision on the consent page as a new version, and makes the installation that the engine grant stands for. */
export async function recordConsent(
  runtime: Runtime,
  tenant: Tenant,
  decision: ConsentRequest & { answer: AnsweredPage; signedInAt?: Date; grantId: string; origin: Origin; place?: InstallationPlace },
): Promise<Outcome<RecordedConsent & { installationId: InstallationId }>> {
  const { userId, clientId, answer, signedInAt, grantId, origin, place = {} } = decision;
  return transactOutcome(runtime, async (db) => {
    const now = runtime.clock.now();
    const server = await findServerOfResource(db, tenant.id, decision.resource);
    // Held before they are judged: what is removed meanwhile would take the rows written here along, or refuse them.
    if (!server || !(await holdServer(db, tenant.id, server.id))) return fail({ kind: 'unknown-resource', resource: decision.resource });
    if (!(await holdClient(db, tenant.id, clientId))) return fail({ kind: 'unknown-client' });
    if (!(await holdUser(db, tenant.id, userId))) return fail({ kind: 'unknown-user' });
    const parties = { userId, clientId, serverId: server.id };
    const problem = await problemWithParties(db, tenant.id, parties);
    if (problem) return fail(problem);
    const consentId = await obtainConsentRow(db, tenant.id, parties, now);
    const ceiling = parseCeiling(decision.requestedScope);
    const recorded = await recordAnswer(runtime, db, {
      tenantId: tenant.id,
      consentId,
      parties,
      ceiling,
      answer,
      from: 'consent',
      origin,
      now,
      ...(signedInAt && { signedInAt }),
    });
    if (!recorded.ok) return recorded;
    const requestedScopes = namedScopes(decision.requestedScope);
    const installationId = await createInstallation(db, tenant.id, { consentId, grantId, requestedScopes, createdAt: now, place });
    await markClientAuthorized(db, tenant.id, clientId, now);
    return succeed({ ...recorded.value, installationId });
  });
}

/** Records that the person pressed Deny. What stood stays. */
export async function recordDenial(runtime: Runtime, tenant: Tenant, denial: ConsentRequest & { origin: Origin }): Promise<void> {
  const { userId, clientId, origin } = denial;
  await transact(runtime.store, async (db) => {
    const server = await findServerOfResource(db, tenant.id, denial.resource);
    const about = { userId, clientId, ...(server && { serverId: server.id }) };
    await recordAuditEvent(db, tenant.id, { ...origin, ...about, type: 'consent.denied', outcome: 'denied', at: runtime.clock.now() });
  });
}
