import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { noteLibrary } from '../store/servers.ts';
import { authenticateServer } from './authenticate-server.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** What a server's library says, with the server's credential. */
export interface LibraryAnnouncement extends Pick<Origin, 'address' | 'requestId' | 'traceId'> {
  serverId: string;
  secret: string;
  /** Short printable texts; the caller has seen to that. */
  library: string;
  version: string;
}

/**
 * Notes which library a server runs: from then on pages promise the quick end of access that it brings.
 * False when the credential is not right; nothing is noted then.
 */
export async function announceLibrary(runtime: Runtime, tenant: Tenant, announcement: LibraryAnnouncement): Promise<boolean> {
  const { serverId, secret, library, version, ...caller } = announcement;
  const server = await authenticateServer(runtime, tenant, { id: serverId, secret });
  if (!server) return false;
  await transact(runtime.store, async (db) => {
    const at = runtime.clock.now();
    const isNoted = await noteLibrary(db, tenant.id, server.id, { name: library, version, seenAt: at });
    if (!isNoted || (server.libraryName === library && server.libraryVersion === version)) return;
    await recordAuditEvent(db, tenant.id, {
      ...caller,
      type: 'server.library-announced',
      actorType: 'server',
      actorId: server.id,
      outcome: 'success',
      at,
      serverId: server.id,
      detail: { library, version },
    });
  });
  return true;
}
