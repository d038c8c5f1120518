import type { ServerId } from '../domain/ids.ts';
import { isEqualConstantTime, sha256 } from '../platform/digest.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { findServer, findServerCredentialDigest, noteLibrary } from '../store/servers.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A server's library introducing itself with the server's credential. */
export interface LibraryAnnouncement {
  serverId: string;
  secret: string;
  /** The package's name and version, as it says. */
  library: string;
  version: string;
  address: string;
  requestId: string;
}

/**
 * Notes that a server runs our library: from now on pages promise that a change takes effect there within seconds.
 * False when the credential is wrong, whatever is wrong with it. Audited when something is new, not at every start.
 */
export async function announceLibrary(runtime: Runtime, tenant: Tenant, announcement: LibraryAnnouncement): Promise<boolean> {
  const { secret, library, version, address, requestId } = announcement;
  const serverId = announcement.serverId as ServerId;
  const digest = await findServerCredentialDigest(runtime.store, tenant.id, serverId);
  if (digest === undefined || !isEqualConstantTime(sha256(secret), digest)) return false;
  return transact(runtime.store, async (db) => {
    const server = await findServer(db, tenant.id, serverId);
    if (!server) return false;
    const at = runtime.clock.now();
    await noteLibrary(db, tenant.id, serverId, { name: library, version, seenAt: at });
    if (server.libraryName !== library || server.libraryVersion !== version) {
      await recordAuditEvent(db, tenant.id, {
        type: 'server.library-announced',
        outcome: 'success',
        actorType: 'server',
        actorId: serverId,
        address,
        requestId,
        at,
        serverId,
        detail: { library, version },
      });
    }
    return true;
  });
}
