import { withOverride } from '../domain/catalogue-step.ts';
import type { ServerId } from '../domain/ids.ts';
import type { RiskProfile } from '../domain/risk.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { lockConsentsOfServer } from '../store/consents.ts';
import { lockServer } from '../store/servers.ts';
import { invalidateStatusOfServer } from '../store/status.ts';
import { keepTools, listTools, type StoredTool } from '../store/tools.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** The tool as it stands now, or why nothing was changed. */
export type RiskOverride = { ok: true; tool: StoredTool } | { ok: false; problem: 'unknown-tool' };

/**
 * Says what a tool may do, instead of the server's own annotations; null takes that back. A word that is milder than the claim holds
 * until the server claims worse than it does now; one that is stricter stays, with what is claimed beyond it. Where a tool becomes riskier, what people allowed waits until they have looked again.
 */
export async function overrideToolRisk(
  runtime: Runtime,
  tenant: Tenant,
  change: { serverId: ServerId; tool: string; override: RiskProfile | null; origin: Origin },
): Promise<RiskOverride> {
  return transact(runtime.store, (db) => overrideToolRiskIn(runtime, db, { ...change, tenant }));
}

/** The same on the caller's transaction. */
export async function overrideToolRiskIn(
  runtime: Pick<Runtime, 'clock'>,
  db: Database,
  change: { tenant: Pick<Tenant, 'id'>; serverId: ServerId; tool: string; override: RiskProfile | null; origin: Origin },
): Promise<RiskOverride> {
  const { tenant, serverId, override, origin } = change;
  await lockServer(db, tenant.id, serverId, 'change');
  const before = (await listTools(db, tenant.id, serverId)).find(({ name }) => name === change.tool);
  if (!before) return { ok: false, problem: 'unknown-tool' };
  const tool = withOverride(before, override);
  const at = runtime.clock.now();
  if (tool.risk !== before.risk || tool.openWorld !== before.openWorld) {
    await lockConsentsOfServer(db, tenant.id, serverId);
    await invalidateStatusOfServer(db, tenant.id, serverId, at);
  }
  await keepTools(db, tenant.id, serverId, [tool]);
  await recordAuditEvent(db, tenant.id, {
    ...origin,
    type: 'server.tool-risk-set',
    outcome: 'success',
    at,
    serverId,
    tool: tool.name,
    detail: { risk: tool.risk, openWorld: tool.openWorld, by: override ? 'administrator' : 'server' },
  });
  return { ok: true, tool };
}
