import type { ServerId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { setServerCredentialDigest } from '../store/servers.ts';
import { newServerCredential } from './add-server.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** The new credential, which is told once only; or why there is none. */
export type CredentialRotation = { ok: true; credential: string } | { ok: false; problem: 'unknown-server' };

/** Gives a server a new credential; the old one is refused from now on. */
export async function rotateServerCredential(
  runtime: Runtime,
  tenant: Tenant,
  { serverId, origin }: { serverId: ServerId; origin: Origin },
): Promise<CredentialRotation> {
  const credential = newServerCredential();
  return transact(runtime.store, async (db): Promise<CredentialRotation> => {
    if (!(await setServerCredentialDigest(db, tenant.id, serverId, sha256(credential)))) return { ok: false, problem: 'unknown-server' };
    const at = runtime.clock.now();
    await recordAuditEvent(db, tenant.id, { ...origin, type: 'server.credential-rotated', outcome: 'success', at, serverId });
    return { ok: true, credential };
  });
}
