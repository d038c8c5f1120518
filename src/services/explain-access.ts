import type { ClientKind } from '../domain/client-trust.ts';
import { explainAccess as explain, type ToolVerdict } from '../domain/explain-access.ts';
import { policyClient } from '../domain/policy-client.ts';
import { findQuarantine } from '../domain/quarantine.ts';
import type { Database } from '../store/client.ts';
import { findClients, type StoredClient } from '../store/clients.ts';
import { listConsentIdsOfServer } from '../store/concerned-consents.ts';
import { findConsentOf, findConsentsAsDecided, type StoredConsent, withPausedTerms } from '../store/consents.ts';
import { listGroups } from '../store/groups.ts';
import { listCatalogue } from '../store/tools.ts';
import { findUsers, type StoredUser } from '../store/users.ts';
import { type AccountAccess, explainAccounts, explainKeys, type KeyAccess } from './explain-machines.ts';
import { type AccessQuestion, type ExplainScene, findPolicies, type PoliciesOfPeople, pages, perPage } from './explain-scene.ts';
import type { Runtime, Tenant } from './runtime.ts';

export type { AccessQuestion } from './explain-scene.ts';

/** What one person's agent may do on a server, and why not more. */
export interface AgentAccess {
  kind: 'person';
  user: StoredUser;
  /** Names of the groups she is in. */
  groups: readonly string[];
  client: Pick<StoredClient, 'id' | 'metadata'> & { kind: ClientKind };
  /** As rules see it. */
  host?: string;
  isVerified: boolean;
  consent?: StoredConsent;
  tools: readonly ToolVerdict[];
}

/** What may call tools: an agent for a person, an API key, a service account by its client. */
export type AccessExplanation = AgentAccess | KeyAccess | AccountAccess;

/**
 * Explains who can call what. Of a person and a client that are both named there is always one answer; otherwise one for each consent that
 * has not ended or whose client is blocked, each API key for the server, and each service account that was assigned something there.
 */
export async function* explainAccess(runtime: Runtime, tenant: Tenant, question: AccessQuestion): AsyncGenerator<AccessExplanation> {
  const { store } = runtime;
  const { server, user, client } = question;
  const catalogue = await listCatalogue(store, tenant.id, server.id);
  const groups = (await listGroups(store, tenant.id)).map(({ name }) => name);
  const scene = { question, catalogue, groups };
  if (user && client) {
    const found = await findConsentOf(store, tenant.id, { userId: user.id, clientId: client.id, serverId: server.id });
    const consent = found && (await withPausedTerms(store, tenant.id, found));
    const policies = await findPolicies(runtime, tenant, [user.id]);
    yield explainOne(runtime, tenant, { ...scene, user, client, policies, ...(consent && { consent }) });
    return;
  }
  yield* explainPeople(runtime, tenant, scene);
  if (!client) yield* explainKeys(runtime, tenant, scene);
  if (!user) yield* explainAccounts(runtime, tenant, scene);
}

async function* explainPeople(runtime: Runtime, tenant: Tenant, scene: ExplainScene): AsyncGenerator<AgentAccess> {
  const { server, user, client } = scene.question;
  const about = { serverId: server.id, ...(user && { userId: user.id }), ...(client && { clientId: client.id }) };
  const read = async (after: string) =>
    (await listConsentIdsOfServer(runtime.store, tenant.id, { ...about, after, limit: perPage })).map((id) => ({ id }));
  for await (const page of pages(read)) {
    const consents = await findConsentsAsDecided(
      runtime.store,
      tenant.id,
      page.map(({ id }) => id),
    );
    const { users, clients } = await findParties(runtime.store, tenant, consents);
    const policies = await findPolicies(runtime, tenant, [...users.keys()]);
    for (const consent of consents) {
      const [whose, by] = [users.get(consent.userId), clients.get(consent.clientId)];
      if (whose && by) yield explainOne(runtime, tenant, { ...scene, user: whose, client: by, policies, consent });
    }
  }
}

async function findParties(db: Database, tenant: Tenant, consents: readonly StoredConsent[]) {
  const users = await findUsers(db, tenant.id, [...new Set(consents.map(({ userId }) => userId))]);
  const clients = await findClients(db, tenant.id, new Set(consents.map(({ clientId }) => clientId)));
  return { users, clients };
}

function explainOne(
  { clock }: Runtime,
  tenant: Tenant,
  about: ExplainScene & { user: StoredUser; client: StoredClient; policies: PoliciesOfPeople; consent?: StoredConsent },
): AgentAccess {
  const { question, user, client, catalogue, policies, consent } = about;
  const now = clock.now();
  const groups = policies.groupsOf.get(user.id) ?? [];
  const described = policyClient(client);
  const tools = explain(
    {
      isUserDisabled: user.disabledAt !== undefined,
      isClientBlocked: client.blockedAt !== undefined,
      isInQuarantine: findQuarantine(client, tenant.settings.quarantine, now) !== undefined,
      ...(consent && { consent }),
      catalogue,
      policy: policies.policy,
      parties: { groups, client: described, resourceKey: question.server.resourceKey },
      groups: about.groups,
      now,
    },
    question.tool,
  );
  const { host, isVerified } = described;
  return { kind: 'person', user, groups, client, ...(host !== undefined && { host }), isVerified, ...(consent && { consent }), tools };
}
