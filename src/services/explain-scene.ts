/** What all answers to one question of who can call what rest on, and how many they may be. */
import type { CatalogueTool } from '../domain/consent.ts';
import type { UserId } from '../domain/ids.ts';
import type { Policy } from '../domain/policy.ts';
import type { StoredClient } from '../store/clients.ts';
import { findPolicyFactsOf } from '../store/policies.ts';
import type { StoredServer } from '../store/servers.ts';
import type { StoredUser } from '../store/users.ts';
import { findPolicy } from './find-rules.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What is asked: about one person, or one tool and everybody and everything that may be able to call it. */
export interface AccessQuestion {
  server: StoredServer;
  user?: StoredUser;
  client?: StoredClient;
  tool?: string;
}

/** How many are read at a time; no more than these are in memory. */
export const perPage = 500;

/** What all answers to one question rest on. */
export interface ExplainScene {
  question: AccessQuestion;
  catalogue: readonly CatalogueTool[];
  /** The names of all groups that there are. */
  groups: readonly string[];
}

/** The policy in force, and who of some people is in which groups. */
export interface PoliciesOfPeople {
  policy: Policy;
  groupsOf: ReadonlyMap<UserId, readonly string[]>;
}

/** Finds them for a page of people. */
export async function findPolicies(runtime: Runtime, tenant: Tenant, userIds: readonly UserId[]): Promise<PoliciesOfPeople> {
  const { revision, groups } = await findPolicyFactsOf(runtime.store, tenant.id, userIds);
  return { policy: await findPolicy(runtime, runtime.store, { tenantId: tenant.id, revision }), groupsOf: groups };
}

/** Pages of rows in the order of their ids, until one is not full. */
export async function* pages<Row extends { id: string }>(read: (after: string) => Promise<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  for (let after = ''; ; ) {
    const page = await read(after);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (!last || page.length < perPage) return;
    after = last.id;
  }
}
