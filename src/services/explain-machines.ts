/** What programs may do on a server, and why not more: API keys, and service accounts by their clients. */
import { keptApiKeySeconds, narrowToOwner } from '../domain/api-key.ts';
import type { DecidedTerms } from '../domain/effective-tools.ts';
import { explainAccess as explain, type ToolVerdict } from '../domain/explain-access.ts';
import type { ServiceAccountId } from '../domain/ids.ts';
import { peopleDecide } from '../domain/policy.ts';
import { policyClient, policyClientOfKey } from '../domain/policy-client.ts';
import { findQuarantine } from '../domain/quarantine.ts';
import { listKeyPageOfServer, type StoredApiKey } from '../store/api-keys.ts';
import { findClients, type StoredClient } from '../store/clients.ts';
import { listServiceAccounts, type StoredServiceAccount } from '../store/service-accounts.ts';
import { listAssignments, type ToolAssignment } from '../store/tool-assignments.ts';
import { findUsers, type StoredUser } from '../store/users.ts';
import { type ExplainScene, findPolicies, type PoliciesOfPeople, pages, perPage } from './explain-scene.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What an API key may do, of a person (`user`) or of a service account. */
export interface KeyAccess {
  kind: 'api-key';
  key: StoredApiKey;
  owner: { user: StoredUser; groups: readonly string[] } | { account: StoredServiceAccount };
  tools: readonly ToolVerdict[];
}

/** What a service account may do by its machine client. */
export interface AccountAccess {
  kind: 'service-account';
  account: StoredServiceAccount;
  client: StoredClient;
  /** Absent: it was assigned nothing on this server. */
  assignment?: ToolAssignment;
  tools: readonly ToolVerdict[];
}

/** Explains the keys for a server: one person's, or all. Those that have been over for long are gone. */
export async function* explainKeys(runtime: Runtime, tenant: Tenant, scene: ExplainScene): AsyncGenerator<KeyAccess> {
  const { store, clock } = runtime;
  const { server, user } = scene.question;
  const since = new Date(clock.now().getTime() - keptApiKeySeconds * 1_000);
  const about = { serverId: server.id, ...(user && { userId: user.id }), since, limit: perPage };
  const accounts = user ? undefined : await readAccounts(runtime, tenant, scene);
  for await (const keys of pages((after) => listKeyPageOfServer(store, tenant.id, { ...about, after }))) {
    const userIds = [...new Set(keys.flatMap(({ owner }) => ('userId' in owner ? [owner.userId] : [])))];
    const users = await findUsers(store, tenant.id, userIds);
    const policies = await findPolicies(runtime, tenant, userIds);
    for (const key of keys) {
      const { owner } = key;
      if ('userId' in owner) {
        const whose = users.get(owner.userId);
        if (whose) yield explainPersonsKey(runtime, scene, { key, user: whose, policies });
      } else {
        const account = accounts?.all.get(owner.serviceAccountId);
        if (account) yield explainAccountsKey(runtime, scene, { key, account, assignment: accounts?.assigned.get(account.id) });
      }
    }
  }
}

/** Explains the service accounts that have a machine client and were assigned something on a server; or the one that a client acts as. */
export async function* explainAccounts(runtime: Runtime, tenant: Tenant, scene: ExplainScene): AsyncGenerator<AccountAccess> {
  const wanted = scene.question.client;
  if (wanted && wanted.serviceAccountId === undefined) return;
  const { all, assigned } = await readAccounts(runtime, tenant, scene);
  const concerned = [...all.values()].filter(({ id, clientId }) => (wanted ? clientId === wanted.id : assigned.has(id)));
  const clients = await findClients(
    runtime.store,
    tenant.id,
    concerned.flatMap(({ clientId }) => clientId ?? []),
  );
  for (const account of concerned) {
    const client = account.clientId && clients.get(account.clientId);
    if (client) yield explainAccount(runtime, tenant, { scene, account, client, assignment: assigned.get(account.id) });
  }
}

/** An administrator makes them one by one: there are never as many as people. */
async function readAccounts({ store }: Runtime, tenant: Tenant, { question }: ExplainScene) {
  const all = await listServiceAccounts(store, tenant.id);
  const assignments = await listAssignments(store, tenant.id, { serverId: question.server.id });
  return {
    all: new Map<ServiceAccountId, StoredServiceAccount>(all.map((account) => [account.id, account])),
    assigned: new Map<ServiceAccountId, ToolAssignment>(assignments.map((one) => [one.serviceAccountId, one])),
  };
}

function explainPersonsKey(
  { clock }: Runtime,
  { question, catalogue, groups: all }: ExplainScene,
  { key, user, policies }: { key: StoredApiKey; user: StoredUser; policies: PoliciesOfPeople },
): KeyAccess {
  const groups = policies.groupsOf.get(user.id) ?? [];
  const tools = explain(
    {
      isUserDisabled: user.disabledAt !== undefined,
      isClientBlocked: false,
      isInQuarantine: false,
      // Nobody but she replaces it, so that is her decision once more.
      consent: { ...termsOf(key), decidedAt: key.rotatedAt ?? key.createdAt },
      catalogue,
      policy: policies.policy,
      parties: { groups, client: policyClientOfKey(key.id), resourceKey: question.server.resourceKey },
      groups: all,
      now: clock.now(),
    },
    question.tool,
  );
  return { kind: 'api-key', key, owner: { user, groups }, tools };
}

function explainAccountsKey(
  { clock }: Runtime,
  { question, catalogue }: ExplainScene,
  { key, account, assignment }: { key: StoredApiKey; account: StoredServiceAccount; assignment: ToolAssignment | undefined },
): KeyAccess {
  const terms = termsOf(key);
  const made = new Set(key.tools.map(({ name }) => name));
  const facts = {
    isUserDisabled: account.disabledAt !== undefined,
    isClientBlocked: false,
    isInQuarantine: false,
    consent: { ...terms, ...narrowToOwner(terms, assignment), decidedAt: key.createdAt },
    catalogue,
    ...unbound(policyClientOfKey(key.id), question.server.resourceKey),
    now: clock.now(),
  };
  const tools = explain(facts, question.tool)
    .map(withoutPolicy)
    .map(
      (verdict): ToolVerdict =>
        verdict.reason === 'not-ticked' && made.has(verdict.tool) ? { ...verdict, reason: 'not-assigned' } : verdict,
    );
  return { kind: 'api-key', key, owner: { account }, tools };
}

function explainAccount(
  { clock }: Runtime,
  tenant: Tenant,
  about: { scene: ExplainScene; account: StoredServiceAccount; client: StoredClient; assignment: ToolAssignment | undefined },
): AccountAccess {
  const { scene, account, client, assignment } = about;
  const { question, catalogue } = scene;
  const now = clock.now();
  const facts = {
    isUserDisabled: account.disabledAt !== undefined,
    isClientBlocked: client.blockedAt !== undefined,
    isInQuarantine: findQuarantine(client, tenant.settings.quarantine, now) !== undefined,
    ...(assignment && { consent: { ...assignment, decidedAt: assignment.assignedAt } }),
    catalogue,
    ...unbound(policyClient(client), question.server.resourceKey),
    now,
  };
  const tools = explain(facts, question.tool).map(withoutPolicy);
  return { kind: 'service-account', account, client, ...(assignment && { assignment }), tools };
}

function termsOf({ tools, resources, prompts, expiresAt, revokedAt }: StoredApiKey): Omit<DecidedTerms, 'decidedAt'> {
  return { tools, resources, prompts, ...(expiresAt && { expiresAt }), ...(revokedAt && { endedAt: revokedAt }) };
}

/** Policy is about people. What service accounts may do, an administrator said tool by tool. */
function unbound(client: ReturnType<typeof policyClient>, resourceKey: string) {
  return { policy: peopleDecide, parties: { groups: [], client, resourceKey }, groups: [] };
}

function withoutPolicy({ rule: _rule, permission: _permission, ...verdict }: ToolVerdict): ToolVerdict {
  return verdict;
}
