import type { ResourceUri } from '../domain/resource-uri.ts';
import type { TenantFile } from '../domain/tenant-file.ts';
import { planTenant, type TenantChange, type TenantPlan, unknownTool } from '../domain/tenant-plan.ts';
import type { WrittenProblem } from '../domain/written-problems.ts';
import type { GuardedFetch } from '../platform/guarded-fetch.ts';
import { type Database, transact } from '../store/client.ts';
import { lockTenantFile } from '../store/tenants.ts';
import { carryOut } from './carry-out-plan.ts';
import { type ConsentEffects, noEffects, previewPlan } from './preview-plan.ts';
import type { CatalogueProblem } from './read-catalogue.ts';
import { type NewServersReading, readNewServers } from './read-new-servers.ts';
import { retryOvertaken } from './retry-overtaken.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { finishConsentSweep } from './sweep-consents.ts';
import { finishPolicySweep } from './sweep-policy.ts';
import { readTenantState } from './tenant-state.ts';

/** What keeps a file from being applied: something in it, or a server of it whose tools cannot be read. */
export type TenantFileProblem = WrittenProblem | { path: WrittenProblem['path']; resource: string; catalogue: CatalogueProblem };

/** What a file changed, or would; or everything that keeps it from being applied. */
export type TenantFileOutcome =
  | { ok: true; changes: readonly TenantChange[]; notes: readonly WrittenProblem[]; effects: ConsentEffects }
  | { ok: false; problems: readonly TenantFileProblem[] }
  /** Each time that it was tried, something else changed the same: nothing was done. */
  | { ok: false; isOvertaken: true };

/** How a file is applied. */
export interface TenantFileRequest {
  file: TenantFile;
  /** Nothing is changed; it is only said what would be. */
  isDryRun: boolean;
  /** Reads the tools of servers that are added; without it they have none until they are synced. */
  fetch?: GuardedFetch;
  origin: Origin;
}

/**
 * Makes a tenant what a file says: all of it, in one transaction, or nothing. What the file does not speak of stays as it is. Applying it
 * once more changes nothing.
 */
export async function applyTenantFile(runtime: Runtime, tenant: Tenant, request: TenantFileRequest): Promise<TenantFileOutcome> {
  const { file, isDryRun, fetch } = request;
  const plan = await planNow(runtime, runtime.store, { tenant, file });
  if (plan.problems.length > 0) return { ok: false, problems: plan.problems };
  const uris = plan.changes.flatMap((change) => (change.kind === 'add-server' ? [change.uri] : []));
  const reading = await readNewServers(runtime, tenant, { uris, ...(fetch && { fetch }) });
  if (reading.problems.length > 0) return { ok: false, problems: reading.problems.map((problem) => located(file, problem)) };
  const effects = await previewPlan(runtime, tenant, plan.changes);
  const notes = [...plan.notes, ...notesOnNewServers(file, reading)];
  if (isDryRun) return { ok: true, changes: plan.changes, notes, effects };
  const done = await retryOvertaken(() => carryOutAll(runtime, tenant, { ...request, reading }));
  if (!done) return { ok: false, isOvertaken: true };
  if (done.problems.length > 0) return { ok: false, problems: done.problems };
  await finishPolicySweep(runtime, tenant.id);
  for (const change of done.changes) {
    if (change.kind === 'change-client') await finishConsentSweep(runtime, { tenantId: tenant.id, clientId: change.client.id });
  }
  return { ok: true, changes: done.changes, notes, effects: done.changes.length > 0 ? effects : noEffects };
}

async function planNow(runtime: Runtime, db: Database, { tenant, file }: { tenant: Tenant; file: TenantFile }): Promise<TenantPlan> {
  const clientIds = (file.clients ?? []).map(({ id }) => id);
  const emails = (file.groups ?? []).flatMap(({ members }) => members ?? []);
  return planTenant(file, await readTenantState(runtime, db, { tenant, named: { clientIds, emails } }));
}

/** How long all changes of one file may take. */
const timeoutMs = 5 * 60_000;

/**
 * What was planned may have changed meanwhile: it is planned once more under the lock, and that is what is done. The lock keeps other
 * files out, and nothing else: whoever changes the same by a command may still come first.
 */
function carryOutAll(
  runtime: Runtime,
  tenant: Tenant,
  { file, origin, reading }: TenantFileRequest & { reading: NewServersReading },
): Promise<TenantPlan> {
  const work = async (db: Database) => {
    await lockTenantFile(db, tenant.id);
    const plan = await planNow(runtime, db, { tenant, file });
    if (plan.problems.length > 0) return plan;
    for (const change of plan.changes) await carryOut(runtime, db, { change, tenant, origin, newServers: reading.servers });
    return plan;
  };
  return transact(runtime.store, work, { timeoutMs });
}

function located(file: TenantFile, { uri, problem }: { uri: ResourceUri; problem: CatalogueProblem }): TenantFileProblem {
  return { path: ['servers', indexOf(file, uri.key), 'resource'], resource: uri.resource, catalogue: problem };
}

function indexOf({ servers = [] }: TenantFile, key: string): number {
  return servers.findIndex(({ resource }) => resource.key === key);
}

function notesOnNewServers(file: TenantFile, { servers }: NewServersReading): WrittenProblem[] {
  return [...servers].flatMap(([key, { tools }]) => {
    const index = indexOf(file, key);
    const names = new Set(tools?.map(({ definition }) => definition.name));
    const said = [...(file.servers?.[index]?.tools?.keys() ?? [])];
    return said
      .filter((tool) => !names.has(tool))
      .map((tool): WrittenProblem => ({ path: ['servers', index, 'tools', tool], problem: unknownTool, isUnknownName: true }));
  });
}
