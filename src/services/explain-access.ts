import type { ClientKind } from '../domain/client-trust.ts';
import type { CatalogueTool } from '../domain/consent.ts';
import { explainAccess as explain, type ToolVerdict } from '../domain/explain-access.ts';
import type { UserId } from '../domain/ids.ts';
import { policyClient } from '../domain/policy-client.ts';
import { findQuarantine } from '../domain/quarantine.ts';
import type { StoredClient } from '../store/clients.ts';
import { findClient } from '../store/clients.ts';
import { findConsentOf, listConsentPage, listConsents, type StoredConsent, withPausedTerms } from '../store/consents.ts';
import { listGroups } from '../store/groups.ts';
import { findPolicyFacts } from '../store/policies.ts';
import type { StoredServer } from '../store/servers.ts';
import { listCatalogue } from '../store/tools.ts';
import { findUser, type StoredUser } from '../store/users.ts';
import { findPolicy } from './find-rules.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What is asked: about one person, or one tool and everybody who allowed an agent something on its server. */
export interface AccessQuestion {
  server: StoredServer;
  user?: StoredUser;
  client?: StoredClient;
  tool?: string;
}

/** What one person's agent may do on a server, and why not more. */
export interface AccessExplanation {
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

/** How many consents are read at a time. */
const perPage = 500;

/**
 * Explains who can call what. Of a person and a client that are both named there is always one answer; otherwise one for each consent:
 * of a person those that have not ended, of everybody those in force.
 */
export async function* explainAccess(runtime: Runtime, tenant: Tenant, question: AccessQuestion): AsyncGenerator<AccessExplanation> {
  const { server, user, client } = question;
  const catalogue = await listCatalogue(runtime.store, tenant.id, server.id);
  const groups = (await listGroups(runtime.store, tenant.id)).map(({ name }) => name);
  const known = { question, catalogue, groups };
  if (user && client) {
    const consent = await findConsentOf(runtime.store, tenant.id, { userId: user.id, clientId: client.id, serverId: server.id });
    yield explainOne(runtime, tenant, { ...known, user, client, ...(consent && { consent }) });
    return;
  }
  for await (const consent of consentsOf(runtime, tenant, question)) {
    const whose = user ?? (await findUser(runtime.store, tenant.id, consent.userId));
    const by = client ?? (await findClient(runtime.store, tenant.id, consent.clientId));
    if (whose && by) yield explainOne(runtime, tenant, { ...known, user: whose, client: by, consent });
  }
}

async function* consentsOf(runtime: Runtime, tenant: Tenant, { server, user, client }: AccessQuestion): AsyncGenerator<StoredConsent> {
  const filter = { serverId: server.id, ...(client && { clientId: client.id }) };
  if (user) {
    yield* await listConsents(runtime.store, tenant.id, { ...filter, userId: user.id });
    return;
  }
  const now = runtime.clock.now();
  for (let page: { after?: Pick<StoredConsent, 'createdAt' | 'id'> } = {}; ; ) {
    const consents = await listConsentPage(runtime.store, tenant.id, { now, filter, page: { ...page, limit: perPage } });
    yield* consents;
    const last = consents.at(-1);
    if (!last || consents.length < perPage) return;
    page = { after: { createdAt: last.createdAt, id: last.id } };
  }
}

async function explainOne(
  runtime: Runtime,
  tenant: Tenant,
  about: {
    question: AccessQuestion;
    user: StoredUser;
    client: StoredClient;
    consent?: StoredConsent;
    catalogue: readonly CatalogueTool[];
    groups: readonly string[];
  },
): Promise<AccessExplanation> {
  const { question, user, client, catalogue, groups } = about;
  const consent = about.consent && (await withPausedTerms(runtime.store, tenant.id, about.consent));
  const now = runtime.clock.now();
  const facts = await findPolicyFacts(runtime.store, tenant.id, user.id as UserId);
  const policy = await findPolicy(runtime, runtime.store, { tenantId: tenant.id, revision: facts.revision });
  const described = policyClient(client);
  const tools = explain(
    {
      isUserDisabled: user.disabledAt !== undefined,
      isClientBlocked: client.blockedAt !== undefined,
      isInQuarantine: findQuarantine(client, tenant.settings.quarantine, now) !== undefined,
      ...(consent && { consent }),
      catalogue,
      policy,
      parties: { groups: facts.groups, client: described, resourceKey: question.server.resourceKey },
      groups,
      now,
    },
    question.tool,
  );
  const { host, isVerified } = described;
  return { user, groups: facts.groups, client, ...(host !== undefined && { host }), isVerified, ...(consent && { consent }), tools };
}
