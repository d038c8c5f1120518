import type { PresentClient, PresentServer, TenantState } from '../domain/tenant-plan.ts';
import type { Database } from '../store/client.ts';
import { listManualClients } from '../store/clients.ts';
import { listGroups, listMembers } from '../store/groups.ts';
import { findPolicyRevision } from '../store/policies.ts';
import { listServers } from '../store/servers.ts';
import { listOverrides } from '../store/tools.ts';
import { findUserIds } from '../store/users.ts';
import { findPolicy } from './find-rules.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What a file names that is looked up: clients by their ids, people by their addresses. */
export interface NamedThere {
  clientIds: readonly string[];
  emails: readonly string[];
}

/** Reads all of a tenant that a file can speak of. */
export async function readTenantState(
  runtime: Pick<Runtime, 'store' | 'log'>,
  db: Database,
  { tenant, named }: { tenant: Pick<Tenant, 'id'>; named: NamedThere },
): Promise<TenantState> {
  const overrides = await listOverrides(db, tenant.id);
  const servers = await listServers(db, tenant.id);
  const clients = await listManualClients(db, tenant.id, named.clientIds);
  const groups = await listGroups(db, tenant.id);
  const ids = groups.map(({ id }) => id);
  const members = Map.groupBy(await listMembers(db, tenant.id, ids), ({ groupId }) => groupId);
  return {
    servers: servers.map(({ id, resource, resourceKey, name }): PresentServer => {
      return { id, resource, resourceKey, name, tools: overrides.get(id) ?? new Map() };
    }),
    clients: clients.map(({ id, kind, metadata, serviceAccountId, isBeingRemoved }): PresentClient => {
      return { id, kind, metadata, isMachine: serviceAccountId !== undefined, isBeingRemoved };
    }),
    groups: groups.map(({ id, name }) => ({ name, members: (members.get(id) ?? []).map(({ userId, email }) => ({ userId, email })) })),
    people: await findUserIds(db, tenant.id, named.emails),
    policy: await findPolicy(runtime, db, { tenantId: tenant.id, revision: await findPolicyRevision(db, tenant.id) }),
  };
}
