import { type ReceiptClaims, receiptType } from '../domain/consent-receipt.ts';
import { type Failure, fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, UserId } from '../domain/ids.ts';
import { transact } from '../store/client.ts';
import { findUser } from '../store/users.ts';
import { obtainAuditKey } from './audit-keys.ts';
import { findOwnConsentWithParties } from './find-own-consent.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A receipt to be handed out. */
export interface ConsentReceipt {
  jws: string;
  version: number;
}

/** Makes a signed record of what a person allows one agent now, for her to keep. Only of her own consents that are in force. */
export async function issueReceipt(
  runtime: Runtime,
  tenant: Tenant,
  wanted: { userId: UserId; consentId: ConsentId },
): Promise<Outcome<ConsentReceipt, Failure>> {
  const found = await findOwnConsentWithParties(runtime, tenant, wanted);
  if (!found.ok) return found;
  const { consent, client, server } = found.value;
  const user = await findUser(runtime.store, tenant.id, consent.userId);
  if (!user) return fail({ kind: 'unknown-consent' });
  const claims: ReceiptClaims = {
    iss: tenant.issuer,
    sub: user.id,
    iat: Math.floor(runtime.clock.now().getTime() / 1_000),
    jti: `${consent.id}.${consent.version}`,
    schema_version: 'toolgrant-consent-receipt-1',
    record_id: consent.id,
    record_version: consent.version,
    pii_principal: { id: user.id, email: user.email },
    pii_controller: { name: tenant.name, url: tenant.issuer },
    recipient: { client_id: client.id, client_name: client.metadata.name ?? null },
    service: { name: server.name, resource: server.resource },
    permissions: {
      tools: consent.tools.map(({ name, risk, openWorld, digest, expiresAt }) => ({
        ...{ name, risk, open_world: openWorld, digest },
        valid_until: expiresAt?.toISOString() ?? null,
      })),
      resources: consent.resources,
      prompts: consent.prompts,
    },
    event: { state: consent.pausedVersion === undefined ? 'given' : 'paused', time: consent.decidedAt.toISOString() },
    valid_until: consent.expiresAt?.toISOString() ?? null,
    withdrawal: `${tenant.issuer}/account/consents/${encodeURIComponent(consent.id)}/revoke`,
  };
  const key = await transact(runtime.store, (db) => obtainAuditKey(runtime, db, tenant.id));
  return succeed({ jws: key.signJws(claims, receiptType), version: consent.version });
}
