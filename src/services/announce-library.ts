import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { noteLibrary, type StoredServer } from '../store/servers.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** The longest name and version that are kept, in characters. */
const maxCharacters = 100;

/**
 * Notes which library a server runs: from then on pages promise the quick end of access that it brings.
 * The server has shown its credential. False when what it says is no name and version; nothing is kept then.
 */
export async function announceLibrary(
  runtime: Runtime,
  tenant: Tenant,
  announcement: { server: StoredServer; library: unknown; version: unknown; origin: Origin },
): Promise<boolean> {
  const { server, library, version, origin } = announcement;
  if (!isLabel(library) || !isLabel(version)) return false;
  await transact(runtime.store, async (db) => {
    const at = runtime.clock.now();
    await noteLibrary(db, tenant.id, server.id, { name: library, version, seenAt: at });
    if (server.libraryName === library && server.libraryVersion === version) return;
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'server.library-announced',
      outcome: 'success',
      at,
      serverId: server.id,
      detail: { library, version },
    });
  });
  return true;
}

function isLabel(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxCharacters && /^[\x21-\x7e]+$/.test(value);
}
