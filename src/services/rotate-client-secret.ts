import { hasSecret } from '../domain/client-metadata.ts';
import type { ClientId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { findClient, lockClient, updateClientSecret } from '../store/clients.ts';
import { newClientSecret } from './client-credentials.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** The new secret, which is told once only, and how long the one before works beside it; or why there is none. */
export type SecretRotation =
  | { ok: true; secret: string; previousUntil?: Date }
  | { ok: false; problem: 'unknown-client' | 'registered-itself' | 'has-no-secret' };

/**
 * Gives a client made by hand a new secret. The one before works for `overlapSeconds` more, so that the client can be given the new one
 * without an outage; 0 ends it at once. One that is older still ends now: there are never more than two.
 */
export async function rotateClientSecret(
  runtime: Runtime,
  tenant: Tenant,
  rotation: { clientId: ClientId; overlapSeconds: number; origin: Origin },
): Promise<SecretRotation> {
  const { clientId, overlapSeconds, origin } = rotation;
  return transact(runtime.store, async (db): Promise<SecretRotation> => {
    await lockClient(db, tenant.id, clientId);
    const client = await findClient(db, tenant.id, clientId);
    if (!client) return { ok: false, problem: 'unknown-client' };
    // It would never learn of the new one: only itself can ask for another, by registering.
    if (client.kind !== 'manual') return { ok: false, problem: 'registered-itself' };
    if (!hasSecret(client.metadata.authMethod)) return { ok: false, problem: 'has-no-secret' };
    const at = runtime.clock.now();
    const secret = newClientSecret();
    const previous =
      overlapSeconds > 0 && client.secretDigest !== undefined
        ? { digest: client.secretDigest, until: new Date(at.getTime() + overlapSeconds * 1_000) }
        : undefined;
    await updateClientSecret(db, tenant.id, clientId, { digest: sha256(secret), previous });
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'client.secret-rotated',
      outcome: 'success',
      at,
      clientId,
      detail: { previousUntil: previous?.until.toISOString() ?? null },
    });
    return { ok: true, secret, ...(previous && { previousUntil: previous.until }) };
  });
}
