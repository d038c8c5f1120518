import { parseCeiling } from '../domain/ceiling.ts';
import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, InstallationId } from '../domain/ids.ts';
import { namedScopes } from '../domain/spell-scope.ts';
import { holdClient } from '../store/clients.ts';
import { createInstallation, type InstallationPlace } from '../store/installations.ts';
import { holdServer } from '../store/servers.ts';
import { holdUser } from '../store/users.ts';
import { type ConsentRequest, composePage, findServerOfResource } from './prepare-consent.ts';
import { problemWithParties, transactOutcome } from './record-answer.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Takes up what stands, for a proven client that asks for nothing more (`needsConsent` said so): a new installation, no new decision. */
export async function reuseConsent(
  runtime: Runtime,
  tenant: Tenant,
  reuse: ConsentRequest & { grantId: string; place?: InstallationPlace },
): Promise<Outcome<{ consentId: ConsentId; installationId: InstallationId }>> {
  const { userId, clientId, grantId, place = {} } = reuse;
  return transactOutcome(runtime, async (db) => {
    const now = runtime.clock.now();
    const server = await findServerOfResource(db, tenant.id, reuse.resource);
    // Held before they are judged: what is removed meanwhile would take the rows written here along, or refuse them.
    if (!server || !(await holdServer(db, tenant.id, server.id))) return fail({ kind: 'unknown-resource', resource: reuse.resource });
    if (!(await holdClient(db, tenant.id, clientId))) return fail({ kind: 'unknown-client' });
    if (!(await holdUser(db, tenant.id, userId))) return fail({ kind: 'unknown-user' });
    const parties = { userId, clientId, serverId: server.id };
    const problem = await problemWithParties(db, tenant.id, parties);
    if (problem) return fail(problem);
    const { standing, clientChange } = await composePage(runtime, db, {
      tenantId: tenant.id,
      parties,
      ceiling: parseCeiling(reuse.requestedScope),
      now,
    });
    if (!standing) return fail({ kind: 'unknown-consent' });
    if (clientChange || standing.isPaused) return fail({ kind: 'page-outdated' });
    const requestedScopes = namedScopes(reuse.requestedScope);
    const installation = { consentId: standing.id, grantId, requestedScopes, createdAt: now, place };
    const installationId = await createInstallation(db, tenant.id, installation);
    return succeed({ consentId: standing.id, installationId });
  });
}
