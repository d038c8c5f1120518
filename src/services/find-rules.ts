import { LRUCache } from 'lru-cache';
import type { TenantId, UserId } from '../domain/ids.ts';
import { type Policy, type PolicyClient, peopleDecide, type RulesInForce, rulesFor, unrestricted } from '../domain/policy.ts';
import { policyClient } from '../domain/policy-client.ts';
import { readStoredRules } from '../domain/policy-form.ts';
import type { Database, Store } from '../store/client.ts';
import { findClient } from '../store/clients.ts';
import type { ConsentParties } from '../store/consents.ts';
import { findPolicyFacts, findPolicyRules, type PolicyFacts } from '../store/policies.ts';
import { findServer } from '../store/servers.ts';
import type { Runtime } from './runtime.ts';

/** For whom rules are wanted. */
export interface RulesQuestion {
  tenantId: TenantId;
  userId: UserId;
  client: PolicyClient;
  server: { resourceKey: string };
}

/**
 * Finds the rules for a person, client and server, by the policy and the groups that count at this moment. Whoever issues a token reads
 * them with the consent locked: who changes them commits that first, and goes through the consents afterwards.
 */
export async function findRules(
  runtime: Pick<Runtime, 'store' | 'log'>,
  db: Database,
  { tenantId, userId, client, server }: RulesQuestion,
): Promise<RulesInForce> {
  const facts = await findPolicyFacts(db, tenantId, userId);
  return rulesBy(runtime, db, { tenantId, ...facts, client, server });
}

/** The same where the policy in force and the groups were read already. */
export async function rulesBy(
  runtime: Pick<Runtime, 'store' | 'log'>,
  db: Database,
  { tenantId, revision, groups, client, server }: Omit<RulesQuestion, 'userId'> & PolicyFacts,
): Promise<RulesInForce> {
  if (revision === 0) return unrestricted;
  return rulesFor(await findPolicy(runtime, db, { tenantId, revision }), { groups, client, resourceKey: server.resourceKey });
}

/** The same for the parties of a consent; undefined when client or server is gone. */
export async function findRulesOf(
  runtime: Pick<Runtime, 'store' | 'log'>,
  db: Database,
  { tenantId, userId, clientId, serverId }: ConsentParties & { tenantId: TenantId },
): Promise<RulesInForce | undefined> {
  const [client, server] = [await findClient(db, tenantId, clientId), await findServer(db, tenantId, serverId)];
  return client && server && findRules(runtime, db, { tenantId, userId, client: policyClient(client), server });
}

/** How many policies are remembered at most. */
const maxKept = 200;

/** Policies by tenant and revision, which never change. Which revision counts is read anew each time. */
const kept = new WeakMap<Store, LRUCache<string, Policy>>();

/** A policy that lets nothing be allowed: it stands in for one that this version cannot read. */
const closed: Policy = { rules: [] };

/** Finds a policy by its revision, which must be committed: what is rolled back would be remembered. */
export async function findPolicy(
  { store, log }: Pick<Runtime, 'store' | 'log'>,
  db: Database,
  { tenantId, revision }: { tenantId: TenantId; revision: number },
): Promise<Policy> {
  if (revision === 0) return peopleDecide;
  const policies = kept.get(store) ?? new LRUCache<string, Policy>({ max: maxKept });
  kept.set(store, policies);
  const key = `${tenantId} ${revision}`;
  const known = policies.get(key);
  if (known) return known;
  const read = readStoredRules(await findPolicyRules(db, tenantId, revision));
  if (!read)
    log.error({ tenant: tenantId, revision }, 'the policy cannot be read by this version: until it is set anew, nothing may be used');
  const policy = read ?? closed;
  policies.set(key, policy);
  return policy;
}
