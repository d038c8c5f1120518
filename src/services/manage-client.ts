import { type ClientMetadataProblem, hasSecret, parseClientMetadata } from '../domain/client-metadata.ts';
import type { ClientId } from '../domain/ids.ts';
import { isEqualConstantTime, sha256 } from '../platform/digest.ts';
import { findArtifact } from '../store/artifacts.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { findClient, lockClient, type StoredClient, updateClient } from '../store/clients.ts';
import { managementTokenModel, newClientSecret } from './client-credentials.ts';
import { noteIdentityChange } from './note-identity-change.ts';
import { noteClientUse } from './reap-clients.ts';
import { describeMetadata } from './register-client.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { finishConsentSweep } from './sweep-consents.ts';

/** The client that a management token manages; undefined for a token that is unknown or another client's (ABUSE-11). */
export async function findManagedClient(
  runtime: Runtime,
  tenant: Tenant,
  { clientId, token }: { clientId: string; token: string },
): Promise<StoredClient | undefined> {
  const artifact = await findArtifact(runtime.store, tenant.id, { model: managementTokenModel, digest: sha256(token) });
  if (artifact?.uid !== clientId) return undefined;
  const client = await findClient(runtime.store, tenant.id, clientId as ClientId);
  return client?.kind === 'dynamic' ? noteClientUse(runtime, tenant, client) : undefined;
}

/** The outcome of a change. `secret` is there when the client got one by it. */
export type ClientUpdate =
  | { ok: true; client: StoredClient; secret?: string }
  | { ok: false; problem: ClientMetadataProblem | { kind: 'wrong-secret' } | { kind: 'unknown-client' } };

/**
 * Replaces the metadata of a client by itself (RFC 7592 §2.2). A secret that comes along must be its own and is only compared;
 * the stored digest stays as it is, unless the client begins or stops to have a secret. Of changes at the same time each sees
 * what the one before left, so that a secret is told once; one that comes after a removal finds no client.
 */
export async function changeClient(
  runtime: Runtime,
  tenant: Tenant,
  change: { clientId: ClientId; body: Readonly<Record<string, unknown>>; origin: Origin },
): Promise<ClientUpdate> {
  const { clientId, origin } = change;
  const { client_secret: claimedSecret, ...body } = change.body;
  const update = await transact(runtime.store, async (db): Promise<ClientUpdate> => {
    await lockClient(db, tenant.id, clientId);
    const client = await findClient(db, tenant.id, clientId);
    if (!client) return { ok: false, problem: { kind: 'unknown-client' } };
    if (claimedSecret !== undefined && !isOwnSecret(client, claimedSecret)) return { ok: false, problem: { kind: 'wrong-secret' } };
    const parsed = parseClientMetadata(body);
    if (!parsed.ok) return parsed;
    const { metadata } = parsed;
    const needsSecret = hasSecret(metadata.authMethod);
    const secret = needsSecret && client.secretDigest === undefined ? newClientSecret() : undefined;
    const secretDigest = secret === undefined ? (needsSecret ? undefined : null) : sha256(secret);
    await updateClient(db, tenant.id, clientId, { metadata, secretDigest });
    await noteIdentityChange(runtime, db, { tenant, client, metadata, origin });
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'client.updated',
      outcome: 'success',
      at: runtime.clock.now(),
      clientId,
      detail: describeMetadata(clientId, metadata),
    });
    return { ok: true, client: { ...client, metadata }, ...(secret !== undefined && { secret }) };
  });
  if (update.ok) await finishConsentSweep(runtime, { tenantId: tenant.id, clientId });
  return update;
}

function isOwnSecret(client: StoredClient, claimed: unknown): boolean {
  return typeof claimed === 'string' && client.secretDigest !== undefined && isEqualConstantTime(sha256(claimed), client.secretDigest);
}
