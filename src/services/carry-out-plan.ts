/** Does what a plan of a file says, each change with its event: on the transaction of the caller, all of it or nothing. */
import { type ClientMetadata, hasSecret } from '../domain/client-metadata.ts';
import type { ClientId, ServerId } from '../domain/ids.ts';
import type { ReadTool } from '../domain/read-tools.ts';
import type { RiskProfile } from '../domain/risk.ts';
import type { TenantChange } from '../domain/tenant-plan.ts';
import { sha256 } from '../platform/digest.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { createClient, findClient, lockClient, updateClient } from '../store/clients.ts';
import { lockGroup } from '../store/groups.ts';
import { createServer, renameServer } from '../store/servers.ts';
import { listTools } from '../store/tools.ts';
import { newServerCredential } from './add-server.ts';
import { applyCatalogue } from './apply-catalogue.ts';
import { changePolicy } from './change-policy.ts';
import { newClientSecret } from './client-credentials.ts';
import { changeMembersIn, createGroupIn } from './manage-groups.ts';
import { noteIdentityChange } from './note-identity-change.ts';
import { overrideToolRiskIn } from './override-tool-risk.ts';
import { describeMetadata } from './register-client.ts';
import { PlanOvertaken } from './retry-overtaken.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** A server that is to be added: the id it gets, and its tools where they could be read. */
export interface NewServerReading {
  id: ServerId;
  tools?: readonly ReadTool[];
}

/** What a change is done with. */
export interface CarryingOut {
  tenant: Tenant;
  origin: Origin;
  /** By the key of the resource. */
  newServers: ReadonlyMap<string, NewServerReading>;
}

/** Does one change; throws {@link PlanOvertaken}, or what the database says of another change of the same rows. Lock the tenant's file first, and plan under that lock. */
export async function carryOut(
  runtime: Runtime,
  db: Database,
  { change, ...about }: CarryingOut & { change: TenantChange },
): Promise<void> {
  const { tenant, origin } = about;
  switch (change.kind) {
    case 'add-server':
      return addServer(runtime, db, { ...about, change });
    case 'rename-server': {
      const { server, name } = change;
      await renameServer(db, tenant.id, server.id, name);
      const detail = { name, before: server.name };
      await recordAuditEvent(db, tenant.id, { ...event(runtime, origin), type: 'server.changed', serverId: server.id, detail });
      return undefined;
    }
    case 'set-risk': {
      const { server, tool, now } = change;
      const set = await overrideToolRiskIn(runtime, db, { tenant, serverId: server.id, tool, override: now ?? null, origin });
      if (!set.ok) throw new PlanOvertaken(`the tool ${tool} is gone`);
      return undefined;
    }
    case 'add-client':
      return addClient(runtime, db, { ...about, id: change.id, metadata: change.metadata });
    case 'change-client':
      return changeClient(runtime, db, { ...about, id: change.client.id, metadata: change.metadata });
    case 'add-group':
      if (!(await createGroupIn(runtime, db, { tenant, name: change.name, origin })))
        throw new PlanOvertaken(`the group ${change.name} is there already`);
      return undefined;
    case 'change-members': {
      const group = await lockGroup(db, tenant.id, change.group);
      if (!group) throw new PlanOvertaken(`the group ${change.group} is gone`);
      const [add, remove] = [change.add, change.remove].map((people) => people.map(({ userId }) => userId));
      await changeMembersIn(runtime, db, { tenant, group, add: add ?? [], remove: remove ?? [], origin });
      return undefined;
    }
    case 'change-policy':
      await changePolicy(runtime, db, { tenant, policy: change.policy, origin });
      return undefined;
    default:
      return change satisfies never;
  }
}

function event({ clock }: Runtime, origin: Origin) {
  return { ...origin, outcome: 'success', at: clock.now() } as const;
}

/** Its credential is told to nobody: `toolgrant server credential` makes the one that is used. */
async function addServer(
  runtime: Runtime,
  db: Database,
  { change, tenant, origin, newServers }: CarryingOut & { change: TenantChange & { kind: 'add-server' } },
): Promise<void> {
  const { uri, name, tools } = change;
  const reading = newServers.get(uri.key);
  const createdAt = runtime.clock.now();
  const credentialDigest = sha256(newServerCredential());
  const id = await createServer(db, tenant.id, { uri, name, createdAt, credentialDigest, ...(reading && { id: reading.id }) });
  if (!id) throw new PlanOvertaken(`the server ${uri.resource} is there already`);
  const detail = { resource: uri.resource, name };
  await recordAuditEvent(db, tenant.id, { ...event(runtime, origin), type: 'server.added', serverId: id, detail });
  if (!reading?.tools) return;
  await applyCatalogue(runtime, db, { tenant, serverId: id, read: reading.tools, origin });
  const present = new Set((await listTools(db, tenant.id, id)).map((tool) => tool.name));
  for (const [tool, override] of knownOf(tools, present))
    await overrideToolRiskIn(runtime, db, { tenant, serverId: id, tool, override, origin });
}

function knownOf(tools: ReadonlyMap<string, RiskProfile>, present: ReadonlySet<string>): [string, RiskProfile][] {
  return [...tools].filter(([tool]) => present.has(tool));
}

/** A secret, where it has one, is told to nobody: `toolgrant client secret` makes the one that is used. */
async function addClient(
  runtime: Runtime,
  db: Database,
  { tenant, origin, id, metadata }: CarryingOut & { id: ClientId; metadata: ClientMetadata },
): Promise<void> {
  const createdAt = runtime.clock.now();
  const secret = hasSecret(metadata.authMethod) && { secretDigest: sha256(newClientSecret()) };
  await createClient(db, tenant.id, { id, kind: 'manual', metadata, createdAt, ...secret });
  const detail = describeMetadata(id, metadata);
  await recordAuditEvent(db, tenant.id, { ...event(runtime, origin), type: 'client.registered', clientId: id, detail });
}

async function changeClient(
  runtime: Runtime,
  db: Database,
  { tenant, origin, id, metadata }: CarryingOut & { id: ClientId; metadata: ClientMetadata },
): Promise<void> {
  await lockClient(db, tenant.id, id);
  const client = await findClient(db, tenant.id, id);
  if (!client) throw new PlanOvertaken(`the client ${id} is gone`);
  const needsSecret = hasSecret(metadata.authMethod);
  const secretDigest = needsSecret ? (client.secretDigest === undefined ? sha256(newClientSecret()) : undefined) : null;
  await updateClient(db, tenant.id, id, { metadata, secretDigest });
  await noteIdentityChange(runtime, db, { tenant, client, metadata, origin });
  const detail = describeMetadata(id, metadata);
  await recordAuditEvent(db, tenant.id, { ...event(runtime, origin), type: 'client.updated', clientId: id, detail });
}
