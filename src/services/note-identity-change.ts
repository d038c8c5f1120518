import { isOtherClient } from '../domain/client-change.ts';
import type { ClientMetadata } from '../domain/client-metadata.ts';
import { hostBehind } from '../domain/policy-client.ts';
import { findQuarantine, restartQuarantine } from '../domain/quarantine.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { findClientStanding } from '../store/client-standing.ts';
import { changeClientStanding, type StoredClient } from '../store/clients.ts';
import { beginConsentSweep } from '../store/consent-sweeps.ts';
import { findPolicyRevision } from '../store/policies.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/**
 * Judges a client anew that now says `metadata` of itself: where that makes it another one, an administrator's verification of the one
 * before ends, the time of a quarantine begins once more, also of one that was over, and rules of a policy may see another host behind
 * it. On the caller's transaction, which holds the client locked; the caller finishes the sweep that may be begun here after its commit.
 */
export async function noteIdentityChange(
  runtime: Runtime,
  db: Database,
  { tenant, client, metadata, origin }: { tenant: Tenant; client: StoredClient; metadata: ClientMetadata; origin: Origin },
): Promise<void> {
  if (!isOtherClient(client.metadata, metadata)) return;
  const { id: clientId, verifiedAt } = client;
  const at = runtime.clock.now();
  await changeClientStanding(db, tenant.id, clientId, {
    identityChangedAt: at,
    ...(verifiedAt && { verifiedAt: null }),
    ...restartQuarantine(client, at),
  });
  const event = { ...origin, outcome: 'success', at, clientId } as const;
  const reason = 'metadata-changed';
  if (verifiedAt) await recordAuditEvent(db, tenant.id, { ...event, type: 'client.unverified', detail: { reason } });
  const standing = await findClientStanding(db, tenant.id, clientId);
  const quarantine = standing && findQuarantine(standing.client, standing.setting, at);
  const hasBegun = quarantine && !findQuarantine(client, standing.setting, at);
  if (hasBegun) {
    const detail = { until: quarantine.endsAt?.toISOString() ?? null, reason };
    await recordAuditEvent(db, tenant.id, { ...event, type: 'client.quarantined', detail });
  }
  // Of a verified one also where no quarantine is seen to begin: a setting of the tenant that is changed meanwhile passes it over.
  const isOtherHost = hostBehind(client) !== hostBehind({ ...client, metadata });
  if (hasBegun || verifiedAt || (isOtherHost && (await findPolicyRevision(db, tenant.id)) > 0)) {
    await beginConsentSweep(db, { tenantId: tenant.id, clientId }, at);
  }
}
