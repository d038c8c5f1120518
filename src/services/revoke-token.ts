import type { ClientId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { findConsent, lockConsent } from '../store/consents.ts';
import { findInstallationOfIndex } from '../store/installation-of-index.ts';
import { findInstallation } from '../store/installations.ts';
import { invalidateStatusOfInstallations } from '../store/status.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/**
 * Revokes the access tokens of the installation that a status index stands for (RFC 7009). The installation goes on: its next
 * token takes a new index. Another client's token, or one revoked before: nothing happens (ABUSE-53).
 */
export async function revokeAccessToken(
  runtime: Runtime,
  tenant: Tenant,
  revocation: { clientId: ClientId; status: { list: number; index: number }; origin: Origin },
): Promise<void> {
  const { clientId, status, origin } = revocation;
  await transact(runtime.store, async (db) => {
    const installationId = await findInstallationOfIndex(db, tenant.id, status);
    const found = installationId && (await findInstallation(db, tenant.id, installationId));
    if (!found) return;
    await lockConsent(db, tenant.id, found.consentId, 'update');
    const installation = await findInstallation(db, tenant.id, found.id);
    const consent = await findConsent(db, tenant.id, found.consentId);
    const current = installation?.status;
    if (consent?.clientId !== clientId || current?.list !== status.list || current.index !== status.index) return;
    const at = runtime.clock.now();
    await invalidateStatusOfInstallations(db, tenant.id, [found.id], at);
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'token.revoked',
      outcome: 'success',
      at,
      userId: consent.userId,
      clientId,
      serverId: consent.serverId,
      consentId: consent.id,
      consentVersion: consent.version,
      installationId: found.id,
      detail: { token: 'access' },
    });
  });
}
