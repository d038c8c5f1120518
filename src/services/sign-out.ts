import type { ClientId, UserId } from '../domain/ids.ts';
import { type ArtifactKey, deleteArtifact } from '../store/artifacts.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** A sign-in session that its person ends; `clientId`: the client that sent her to us for it. */
export interface SignOut {
  session: ArtifactKey;
  userId: UserId;
  clientId?: ClientId;
  origin: Pick<Origin, 'address' | 'requestId' | 'traceId'>;
}

/** Ends one session of a person's, in one browser; her agents stay connected. False when it had ended already. */
export async function signOut(runtime: Runtime, tenant: Tenant, { session, userId, clientId, origin }: SignOut): Promise<boolean> {
  return transact(runtime.store, async (db) => {
    if (!(await deleteArtifact(db, tenant.id, session))) return false;
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'user.signed-out',
      outcome: 'success',
      actorType: 'user',
      actorId: userId,
      at: runtime.clock.now(),
      userId,
      ...(clientId !== undefined && { clientId }),
    });
    return true;
  });
}
