import type { ServerId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { listConsents, lockConsentsOfServer } from '../store/consents.ts';
import { deleteServer, findServer, lockServer } from '../store/servers.ts';
import { invalidateStatusOfServer } from '../store/status.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** The outcome; `consents` counts those that ended with the server. */
export type ServerRemoval = { ok: true; consents: number } | { ok: false; problem: 'unknown-server' };

/** Removes a server with its catalogue and everything people allowed for it; tokens for it die by the status list. */
export async function removeServer(
  runtime: Runtime,
  tenant: Tenant,
  { serverId, origin }: { serverId: ServerId; origin: Origin },
): Promise<ServerRemoval> {
  return transact(runtime.store, async (db): Promise<ServerRemoval> => {
    await lockServer(db, tenant.id, serverId, 'removal');
    const server = await findServer(db, tenant.id, serverId);
    if (!server) return { ok: false, problem: 'unknown-server' };
    const at = runtime.clock.now();
    await lockConsentsOfServer(db, tenant.id, serverId);
    const consents = await listConsents(db, tenant.id, { serverId });
    await invalidateStatusOfServer(db, tenant.id, serverId, at);
    await deleteServer(db, tenant.id, serverId);
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'server.removed',
      outcome: 'success',
      at,
      serverId,
      detail: { resource: server.resource, name: server.name, consents: consents.length },
    });
    return { ok: true, consents: consents.length };
  });
}
