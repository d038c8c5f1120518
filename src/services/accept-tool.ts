import type { ServerId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { lockConsentsOfServer } from '../store/consents.ts';
import { lockServer } from '../store/servers.ts';
import { invalidateStatusOfServer } from '../store/status.ts';
import { keepTools, listTools, type StoredTool } from '../store/tools.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** The tool as it stands now, or why nothing was changed. */
export type Acceptance = { ok: true; tool: StoredTool } | { ok: false; problem: 'unknown-tool' | 'for-people' | 'in-doubt' };

/**
 * Accepts a tool as it is defined now, for everybody who allowed it as it was before: what waited goes on. A later change that is
 * riskier ends that. Only where the tenant lets administrators look in the place of people.
 */
export async function acceptTool(
  runtime: Runtime,
  tenant: Tenant,
  change: { serverId: ServerId; tool: string; origin: Origin },
): Promise<Acceptance> {
  const { serverId, origin } = change;
  if (tenant.settings.riskierTools !== 'administrators') return { ok: false, problem: 'for-people' };
  return transact(runtime.store, async (db): Promise<Acceptance> => {
    await lockServer(db, tenant.id, serverId, 'change');
    const before = (await listTools(db, tenant.id, serverId)).find(({ name }) => name === change.tool);
    if (!before) return { ok: false, problem: 'unknown-tool' };
    // What is reported is not what would be accepted.
    if (before.isDoubted) return { ok: false, problem: 'in-doubt' };
    if (before.isAccepted) return { ok: true, tool: before };
    const at = runtime.clock.now();
    const tool: StoredTool = { ...before, acceptedAt: at, isAccepted: true };
    await lockConsentsOfServer(db, tenant.id, serverId);
    await invalidateStatusOfServer(db, tenant.id, serverId, at);
    await keepTools(db, tenant.id, serverId, [tool]);
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'server.tool-accepted',
      outcome: 'success',
      at,
      serverId,
      tool: tool.name,
      detail: { digest: tool.digest },
    });
    return { ok: true, tool };
  });
}
