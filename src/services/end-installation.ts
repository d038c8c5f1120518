import type { AuditEventType } from '../domain/audit-event.ts';
import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, InstallationId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { findConsent, lockConsent } from '../store/consents.ts';
import { endInstallations, findInstallation, findInstallationOfGrant } from '../store/installations.ts';
import { invalidateStatusOfInstallations } from '../store/status.ts';
import { type OwnConsentRequest, withOwnConsent } from './revise-consent.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** Why one installation ended while its consent stands. */
export type InstallationEndReason = 'refresh-reuse' | 'code-replay' | 'revoked-by-client';

const eventOfReason: Readonly<Record<InstallationEndReason, AuditEventType>> = {
  'refresh-reuse': 'token.refresh-reused',
  'code-replay': 'token.code-replayed',
  'revoked-by-client': 'token.revoked',
};

/** Ends one installation of a person's consent: one place where she uses the agent. The others go on. Twice is a success. */
export async function endOwnInstallation(
  runtime: Runtime,
  tenant: Tenant,
  request: OwnConsentRequest & { installationId: InstallationId },
): Promise<Outcome<{ consentId: ConsentId }>> {
  const at = runtime.clock.now();
  return withOwnConsent(runtime, { ...request, tenant }, async (db, consent) => {
    const installation = await findInstallation(db, tenant.id, request.installationId);
    if (installation?.consentId !== consent.id) return fail({ kind: 'unknown-installation' });
    const { id: installationId } = installation;
    const ended = await endInstallations(db, tenant.id, { id: installationId }, { at, reason: 'revoked-by-user' });
    if (ended.length === 0) return succeed(undefined);
    await invalidateStatusOfInstallations(db, tenant.id, [installationId], at);
    const { id: consentId, userId, clientId, serverId, version: consentVersion } = consent;
    await recordAuditEvent(db, tenant.id, {
      ...request.origin,
      type: 'installation.ended',
      outcome: 'success',
      at,
      ...{ userId, clientId, serverId, consentId, consentVersion, installationId },
    });
    return succeed(undefined);
  });
}

/**
 * Ends the installation of an engine grant: the whole refresh-token family, and its access tokens through the status list.
 * Runs in a transaction of its own, because it must stay when the request that led to it fails. Unknown or ended: nothing to do.
 */
export async function endInstallationOfGrant(
  runtime: Runtime,
  tenant: Tenant,
  end: { grantId: string; reason: InstallationEndReason; origin: Origin },
): Promise<InstallationId | undefined> {
  return transact(runtime.store, async (db) => {
    const installation = await findInstallationOfGrant(db, tenant.id, end.grantId);
    if (!installation) return undefined;
    await lockConsent(db, tenant.id, installation.consentId, 'update');
    const at = runtime.clock.now();
    const ended = await endInstallations(db, tenant.id, { id: installation.id }, { at, reason: end.reason });
    if (ended.length === 0) return undefined;
    await invalidateStatusOfInstallations(db, tenant.id, [installation.id], at);
    const consent = await findConsent(db, tenant.id, installation.consentId);
    await recordAuditEvent(db, tenant.id, {
      ...end.origin,
      type: eventOfReason[end.reason],
      outcome: end.reason === 'revoked-by-client' ? 'success' : 'denied',
      at,
      installationId: installation.id,
      consentId: installation.consentId,
      ...(consent && { userId: consent.userId, clientId: consent.clientId, serverId: consent.serverId, consentVersion: consent.version }),
    });
    return installation.id;
  });
}
