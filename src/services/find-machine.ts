import { narrowToOwner } from '../domain/api-key.ts';
import type { CatalogueTool, ConsentTerms } from '../domain/consent.ts';
import { type DecidedTerms, type EffectiveTools, effectiveTools } from '../domain/effective-tools.ts';
import {
  type ApiKeyId,
  type ClientId,
  parseApiKeyId,
  type ServerId,
  type SubjectId,
  type TenantId,
  type ToolAssignmentId,
  type UserId,
} from '../domain/ids.ts';
import { nothingAllowed, type RulesInForce, unrestricted } from '../domain/policy.ts';
import { policyClientOfKey } from '../domain/policy-client.ts';
import { findApiKey, findApiKeyDigests, type StoredApiKey } from '../store/api-keys.ts';
import type { Database } from '../store/client.ts';
import { findClient } from '../store/clients.ts';
import { findPolicyFacts, type PolicyFacts } from '../store/policies.ts';
import { findServer, type StoredServer } from '../store/servers.ts';
import { findServiceAccount } from '../store/service-accounts.ts';
import { findAssignment, listAssignments } from '../store/tool-assignments.ts';
import { listCatalogue } from '../store/tools.ts';
import { findUser, type StoredUser } from '../store/users.ts';
import { findQuarantineNow } from './find-quarantine-now.ts';
import { rulesBy } from './find-rules.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A program that acts by itself: a machine client, or an API key. */
export type MachineId = ClientId | ApiKeyId;

/** A machine at one server, as it stands. */
export interface Machine {
  id: MachineId;
  /** Whom it acts as. */
  subject: SubjectId;
  /** What it may do, before the catalogue is looked at; a key's end is among it. */
  terms: DecidedTerms;
  salt: string;
  /** What its tokens' status index belongs to. */
  holder: { kind: 'assignment'; id: ToolAssignmentId } | { kind: 'key'; id: ApiKeyId };
  status?: { list: number; index: number };
  isInQuarantine: boolean;
  /** Policy is about people, and the keys that act as them. What service accounts may do, an administrator said tool by tool. */
  rules: RulesInForce;
}

/**
 * Why a machine may do nothing: it is gone, revoked, expired or blocked (`over`); whom it acts as is disabled; or nothing at this
 * server was assigned to it.
 */
export type MachineProblem = 'over' | 'disabled' | 'not-assigned';

/** Finds a machine at a server. Whoever issues a token for it locks it first (`lockMachine`). */
export async function findMachine(
  runtime: Pick<Runtime, 'store' | 'log'>,
  db: Database,
  { tenant, id, serverId, now }: { tenant: Pick<Tenant, 'id'>; id: MachineId; serverId: ServerId; now: Date },
): Promise<Machine | { problem: MachineProblem }> {
  const keyId = parseApiKeyId(id);
  if (keyId === undefined) return findMachineClient(db, tenant.id, { clientId: id as ClientId, serverId, now });
  const key = await findApiKey(db, tenant.id, keyId);
  if (key && key.serverId !== serverId && !isOver(key, now)) return { problem: 'not-assigned' };
  return key ? findKeyMachine(runtime, db, { tenant, key, now }) : { problem: 'over' };
}

async function findMachineClient(
  db: Database,
  tenantId: TenantId,
  { clientId, serverId, now }: { clientId: ClientId; serverId: ServerId; now: Date },
): Promise<Machine | { problem: MachineProblem }> {
  const client = await findClient(db, tenantId, clientId);
  if (!client?.serviceAccountId || client.blockedAt) return { problem: 'over' };
  const account = await findServiceAccount(db, tenantId, client.serviceAccountId);
  if (!account || account.disabledAt) return { problem: 'disabled' };
  const assignment = await findAssignment(db, tenantId, { serviceAccountId: account.id, serverId });
  if (!assignment) return { problem: 'not-assigned' };
  const { tools, resources, prompts, assignedAt, salt, status } = assignment;
  return {
    id: clientId,
    subject: account.id,
    terms: { tools, resources, prompts, decidedAt: assignedAt },
    salt,
    holder: { kind: 'assignment', id: assignment.id },
    ...(status && { status }),
    isInQuarantine: (await findQuarantineNow(db, tenantId, { clientId, now })) !== undefined,
    rules: unrestricted,
  };
}

/** What keys have in common, so that it is read once for all keys of a list. */
export class SeenByKeys {
  readonly servers = new Map<ServerId, StoredServer | undefined>();
  readonly users = new Map<UserId, StoredUser | undefined>();
  readonly policies = new Map<UserId, PolicyFacts>();
}

/** Looks something up that may have been read before. */
export async function lookUp<Key, Value>(seen: Map<Key, Value>, key: Key, read: () => Promise<Value>): Promise<Value> {
  if (!seen.has(key)) seen.set(key, await read());
  return seen.get(key) as Value;
}

/** The same for a key that was read, at its server. */
export async function findKeyMachine(
  runtime: Pick<Runtime, 'store' | 'log'>,
  db: Database,
  about: { tenant: Pick<Tenant, 'id'>; key: StoredApiKey; now: Date; seen?: SeenByKeys },
): Promise<Machine | { problem: MachineProblem }> {
  const { tenant, key, now, seen = new SeenByKeys() } = about;
  const { id: tenantId } = tenant;
  if (isOver(key, now)) return { problem: 'over' };
  const { id, owner, serverId, tools, resources, prompts, createdAt, rotatedAt, expiresAt, salt, status } = key;
  const own: ConsentTerms = { tools, resources, prompts, expiresAt };
  const holder = { kind: 'key', id } as const;
  const common = { id, salt, holder, ...(status && { status }), isInQuarantine: false };
  if ('userId' in owner) {
    const { userId } = owner;
    const user = await lookUp(seen.users, userId, () => findUser(db, tenantId, userId));
    if (!user || user.disabledAt) return { problem: 'disabled' };
    const server = await lookUp(seen.servers, serverId, () => findServer(db, tenantId, serverId));
    const policy = await lookUp(seen.policies, userId, () => findPolicyFacts(db, tenantId, userId));
    const rules = server && (await rulesBy(runtime, db, { tenantId, ...policy, client: policyClientOfKey(id), server }));
    // Nobody but she replaces it, so that is her decision once more.
    return { ...common, subject: user.id, terms: { ...own, decidedAt: rotatedAt ?? createdAt }, rules: rules ?? nothingAllowed };
  }
  const account = await findServiceAccount(db, tenantId, owner.serviceAccountId);
  if (!account || account.disabledAt) return { problem: 'disabled' };
  const assignment = await findAssignment(db, tenantId, { serviceAccountId: account.id, serverId });
  return { ...common, subject: account.id, terms: { ...narrowToOwner(own, assignment), decidedAt: createdAt }, rules: unrestricted };
}

function isOver({ revokedAt, expiresAt }: StoredApiKey, now: Date): boolean {
  return revokedAt !== undefined || expiresAt <= now;
}

/** The resource of the only server that a machine may do anything at; undefined when there are none or several. */
export async function findOnlyResource(db: Database, tenant: Pick<Tenant, 'id'>, id: MachineId): Promise<string | undefined> {
  const keyId = parseApiKeyId(id);
  const servers =
    keyId === undefined
      ? await findAssignedServers(db, tenant.id, id as ClientId)
      : [(await findApiKey(db, tenant.id, keyId))?.serverId].filter((serverId) => serverId !== undefined);
  const [serverId, ...others] = servers;
  return serverId && others.length === 0 ? (await findServer(db, tenant.id, serverId))?.resource : undefined;
}

async function findAssignedServers(db: Database, tenantId: TenantId, clientId: ClientId): Promise<ServerId[]> {
  const { serviceAccountId } = (await findClient(db, tenantId, clientId)) ?? {};
  return serviceAccountId ? (await listAssignments(db, tenantId, { serviceAccountId })).map(({ serverId }) => serverId) : [];
}

/** The digests that an API key is proven by; none for one that is over, or whose owner is disabled. */
export async function findApiKeyProof(
  runtime: Pick<Runtime, 'store' | 'clock' | 'log'>,
  tenant: Pick<Tenant, 'id'>,
  id: ApiKeyId,
): Promise<readonly string[]> {
  const { store, clock } = runtime;
  const now = clock.now();
  const key = await findApiKey(store, tenant.id, id);
  const machine = key && (await findKeyMachine(runtime, store, { tenant, key, now }));
  return !machine || 'problem' in machine ? [] : findApiKeyDigests(store, tenant.id, id, now);
}

/** What a machine may call at a server now. */
export async function findMachineTools(
  db: Database,
  tenant: Pick<Tenant, 'id'>,
  { machine, serverId, ...at }: { machine: JudgedMachine; serverId: ServerId } & MachineMoment,
): Promise<{ effective: EffectiveTools; catalogue: CatalogueTool[] }> {
  const catalogue = await listCatalogue(db, tenant.id, serverId);
  return { effective: judgeMachine(machine, catalogue, at), catalogue };
}

type JudgedMachine = Pick<Machine, 'terms' | 'isInQuarantine' | 'rules'>;

interface MachineMoment {
  now: Date;
  marginSeconds: number;
}

/** The same, from a catalogue. */
export function judgeMachine(
  { terms, isInQuarantine, rules }: JudgedMachine,
  catalogue: readonly CatalogueTool[],
  at: MachineMoment,
): EffectiveTools {
  return effectiveTools(terms, catalogue, { ...at, isInQuarantine, rules });
}
