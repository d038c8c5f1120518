/** Service accounts: subjects that are no person. They may do nothing until an administrator assigns them tools (ABUSE-62). */
import type { ServiceAccountId } from '../domain/ids.ts';
import { listApiKeys } from '../store/api-keys.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { invalidateMachineStatus } from '../store/machine-status.ts';
import {
  createServiceAccount as createRow,
  deleteServiceAccount,
  findServiceAccount as findRow,
  listServiceAccounts as listRows,
  lockServiceAccount,
  type StoredServiceAccount,
  setServiceAccountDisabled,
} from '../store/service-accounts.ts';
import { listAssignments, type ToolAssignment } from '../store/tool-assignments.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

type WorkRuntime = Pick<Runtime, 'store' | 'clock'>;
type WorkTenant = Pick<Tenant, 'id'>;

/** A service account with what it may do. */
export interface ServiceAccountOverview {
  account: StoredServiceAccount;
  assignments: readonly ToolAssignment[];
}

/** Makes a service account. */
export function createServiceAccount(
  runtime: WorkRuntime,
  tenant: WorkTenant,
  { name, origin }: { name: string; origin: Origin },
): Promise<ServiceAccountId> {
  return transact(runtime.store, (db) => addServiceAccount(runtime, db, { tenant, name, origin }));
}

/** The same on the caller's transaction, for what makes its own account. */
export async function addServiceAccount(
  runtime: Pick<Runtime, 'clock'>,
  db: Database,
  { tenant, name, origin }: { tenant: WorkTenant; name: string; origin: Origin },
): Promise<ServiceAccountId> {
  const at = runtime.clock.now();
  const id = await createRow(db, tenant.id, { name, createdAt: at });
  await recordAuditEvent(db, tenant.id, {
    ...origin,
    type: 'service-account.created',
    outcome: 'success',
    at,
    userId: id,
    detail: { name },
  });
  return id;
}

/** Lists all service accounts with what they may do, oldest first. */
export async function listServiceAccounts(runtime: WorkRuntime, tenant: WorkTenant): Promise<ServiceAccountOverview[]> {
  const accounts = await listRows(runtime.store, tenant.id);
  const assignments = await listAssignments(runtime.store, tenant.id);
  return accounts.map((account) => ({
    account,
    assignments: assignments.filter(({ serviceAccountId }) => serviceAccountId === account.id),
  }));
}

/** Finds a service account by its id, disabled ones included. */
export async function findServiceAccount(
  runtime: WorkRuntime,
  tenant: WorkTenant,
  id: string,
): Promise<ServiceAccountOverview | undefined> {
  const account = await findRow(runtime.store, tenant.id, id as ServiceAccountId);
  return account && { account, assignments: await listAssignments(runtime.store, tenant.id, { serviceAccountId: account.id }) };
}

/** Whether there is one, and whether it stood otherwise before. */
export type ServiceAccountChange = { isChanged: boolean } | undefined;

/**
 * Disables a service account, or enables it again. While it is disabled its client and its API keys are refused, and the tokens that they
 * have end: at introspection at once, by the status list within its bound. Doing it twice is a success.
 */
export async function setServiceAccountStanding(
  runtime: WorkRuntime,
  tenant: WorkTenant,
  { id, isDisabled, origin }: { id: ServiceAccountId; isDisabled: boolean; origin: Origin },
): Promise<ServiceAccountChange> {
  return transact(runtime.store, async (db) => {
    if (!(await lockServiceAccount(db, tenant.id, id))) return undefined;
    const at = runtime.clock.now();
    const isChanged = await setServiceAccountDisabled(db, tenant.id, id, isDisabled ? at : null);
    if (!isChanged) return { isChanged };
    if (isDisabled) await invalidateMachineStatus(db, tenant.id, { serviceAccountId: id }, at);
    const type = isDisabled ? 'service-account.disabled' : 'service-account.enabled';
    await recordAuditEvent(db, tenant.id, { ...origin, type, outcome: 'success', at, userId: id });
    return { isChanged };
  });
}

/** Removes a service account with its API keys; one that a client acts as stays, and is removed with the client. */
export async function removeServiceAccount(
  runtime: WorkRuntime,
  tenant: WorkTenant,
  { id, origin }: { id: ServiceAccountId; origin: Origin },
): Promise<{ ok: true } | { ok: false; problem: 'unknown-account' | 'has-client' }> {
  return transact(runtime.store, async (db) => {
    if (!(await lockServiceAccount(db, tenant.id, id))) return { ok: false, problem: 'unknown-account' } as const;
    const account = await findRow(db, tenant.id, id);
    if (account?.clientId) return { ok: false, problem: 'has-client' } as const;
    await deleteLockedServiceAccount(runtime, db, { tenant, id, origin });
    return { ok: true } as const;
  });
}

/** What becomes of an account whose client is removed on the caller's transaction: it stays for good API keys that act as it, without the client's tokens. */
export async function leaveServiceAccount(
  runtime: Pick<Runtime, 'clock'>,
  db: Database,
  { tenant, id, origin }: { tenant: WorkTenant; id: ServiceAccountId; origin: Origin },
): Promise<void> {
  await lockServiceAccount(db, tenant.id, id);
  const now = runtime.clock.now();
  const keys = await listApiKeys(db, tenant.id, { filter: { serviceAccountId: id }, since: now });
  if (keys.length > 0) await invalidateMachineStatus(db, tenant.id, { clientOf: id }, now);
  else await deleteLockedServiceAccount(runtime, db, { tenant, id, origin });
}

/** Removes an account that the caller holds locked and that no client acts as (any more). */
async function deleteLockedServiceAccount(
  runtime: Pick<Runtime, 'clock'>,
  db: Database,
  { tenant, id, origin }: { tenant: WorkTenant; id: ServiceAccountId; origin: Origin },
): Promise<void> {
  const at = runtime.clock.now();
  const account = await findRow(db, tenant.id, id);
  await invalidateMachineStatus(db, tenant.id, { serviceAccountId: id }, at);
  await deleteServiceAccount(db, tenant.id, id);
  await recordAuditEvent(db, tenant.id, {
    ...origin,
    type: 'service-account.removed',
    outcome: 'success',
    at,
    userId: id,
    detail: { name: account?.name ?? null },
  });
}
