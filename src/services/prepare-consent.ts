import { type Ceiling, otherScopes, parseCeiling } from '../domain/ceiling.ts';
import { type ClientChange, compareClients } from '../domain/client-change.ts';
import { type ConsentTerms, isInForce } from '../domain/consent.ts';
import { type Extra, extrasToShow, type ShownExtra, type ShownTool, toolsToShow } from '../domain/consent-page.ts';
import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ClientId, ConsentId, TenantId, UserId } from '../domain/ids.ts';
import { nothingAllowed, type Permission, type RulesInForce } from '../domain/policy.ts';
import { policyClient } from '../domain/policy-client.ts';
import { findQuarantine, type Quarantine } from '../domain/quarantine.ts';
import { parseResourceUri } from '../domain/resource-uri.ts';
import { sha256 } from '../platform/digest.ts';
import type { Database } from '../store/client.ts';
import type { StoredClient } from '../store/clients.ts';
import { type ConsentParties, type StoredConsent, withPausedTerms } from '../store/consents.ts';
import { type DecisionFacts, findDecisionFacts } from '../store/decision-facts.ts';
import { findClientVersion } from '../store/document-clients.ts';
import { wereAskedTogether } from '../store/installations.ts';
import { findServerByResourceKey, type StoredServer } from '../store/servers.ts';
import type { StoredTool } from '../store/tools.ts';
import { findCatalogue } from './find-catalogue.ts';
import { findDifferences } from './find-differences.ts';
import { rulesBy } from './find-rules.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** The part of a consent page that depends on the catalogue and on what stands. */
export interface ConsentPage extends Record<Extra, ShownExtra> {
  tools: readonly ShownTool<StoredTool>[];
  /** The consent in force, if there is one. */
  standing?: StoredConsent;
  /** The client as it was shown, and how it differs from the one that the person decided about. */
  clientVersion?: number;
  clientChange?: ClientChange;
  /** What the policy says for these parties. */
  rules: RulesInForce;
  /** Says exactly what was shown. It goes into the form and comes back; an answer to another page than this one is refused. */
  shownDigest: string;
  /** The quarantine that the client is in, if it is in one. */
  quarantine?: Quarantine;
}

/** Everything a consent page shows. */
export interface ConsentProposal extends ConsentPage {
  client: StoredClient;
  server: StoredServer;
  ceiling: Ceiling;
}

/** Who asks whom for what. */
export interface ConsentRequest {
  userId: UserId;
  clientId: ClientId;
  /** As requested; compared in its normal form. */
  resource: string;
  /** As requested, before anything was dropped. */
  requestedScope: string | undefined;
}

type ProposalProblem =
  | { kind: 'unknown-client' }
  | { kind: 'client-blocked' }
  | { kind: 'unknown-resource'; resource: string }
  | { kind: 'unknown-consent' }
  | { kind: 'unknown-tool'; tool: string };

/** Prepares the consent page for a request. Fails when the client or the resource is not known to this tenant. */
export async function prepareConsent(
  runtime: Runtime,
  tenant: Tenant,
  request: ConsentRequest,
): Promise<Outcome<ConsentProposal, ProposalProblem>> {
  const { userId, clientId, resource } = request;
  const parsed = parseResourceUri(resource);
  if ('problem' in parsed) return fail({ kind: 'unknown-resource', resource });
  const facts = await findDecisionFacts(runtime.store, tenant.id, { userId, clientId, server: { resourceKey: parsed.key } });
  if (!facts.server) return fail({ kind: 'unknown-resource', resource });
  return propose(runtime, tenant, { userId, facts, ceiling: parseCeiling(request.requestedScope) });
}

/** What a widen link asks to add to what stands: one tool, or one of the two extras. */
export type Addition = { tool: string } | { scope: 'resources' | 'prompts' };

/** Prepares the page on which a person changes a consent of hers; with `addition`, the one that adds exactly that to what stands. */
export async function prepareConsentChange(
  runtime: Runtime,
  tenant: Tenant,
  change: { userId: UserId; consent: StoredConsent; addition?: Addition },
): Promise<Outcome<ConsentProposal, ProposalProblem>> {
  const { consent, addition } = change;
  const { userId, clientId, serverId } = consent;
  if (userId !== change.userId) return fail({ kind: 'unknown-consent' });
  const facts = await findDecisionFacts(runtime.store, tenant.id, { userId, clientId, server: { id: serverId } });
  if (!facts.server) return fail({ kind: 'unknown-consent' });
  const proposal = await propose(runtime, tenant, { userId, facts, ceiling: ceilingOfChange(addition) });
  if (!proposal.ok || !addition || !('tool' in addition)) return proposal;
  const { tool } = addition;
  return proposal.value.tools.some((shown) => shown.tool.name === tool) ? proposal : fail({ kind: 'unknown-tool', tool });
}

/** What a change may reach: everything the server has, or one addition beside what stands. */
export function ceilingOfChange(addition: Addition | undefined): Ceiling {
  if (!addition) return { tools: 'all', toolNames: [], resources: true, prompts: true };
  const scope = 'scope' in addition ? addition.scope : undefined;
  return {
    tools: 'named',
    toolNames: 'tool' in addition ? [addition.tool] : [],
    resources: scope === 'resources',
    prompts: scope === 'prompts',
  };
}

async function propose(
  runtime: Runtime,
  tenant: Tenant,
  about: { userId: UserId; facts: DecisionFacts; ceiling: Ceiling },
): Promise<Outcome<ConsentProposal, ProposalProblem>> {
  const { facts, ceiling } = about;
  const { client, server } = facts;
  if (!client || !server) return fail({ kind: 'unknown-client' });
  if (client.blockedAt) return fail({ kind: 'client-blocked' });
  const parties = { userId: about.userId, clientId: client.id, serverId: server.id };
  const page = await composePage(runtime, runtime.store, { tenantId: tenant.id, parties, ceiling, facts, now: runtime.clock.now() });
  return succeed({ client, server, ceiling, ...page });
}

/** Finds the server that a resource URI names, whatever its spelling. */
export async function findServerOfResource(db: Database, tenantId: TenantId, resource: string): Promise<StoredServer | undefined> {
  const parsed = parseResourceUri(resource);
  return 'problem' in parsed ? undefined : findServerByResourceKey(db, tenantId, parsed.key);
}

/**
 * Composes a page from catalogue and standing consent. It is composed again, under lock, when the answer comes; then what it rests on is
 * read anew.
 */
export async function composePage(
  runtime: Pick<Runtime, 'store' | 'log'>,
  db: Database,
  about: { tenantId: TenantId; parties: ConsentParties; ceiling: Ceiling; facts?: DecisionFacts; now: Date },
): Promise<ConsentPage> {
  const { tenantId, now } = about;
  const { userId, clientId, serverId } = about.parties;
  const facts = about.facts ?? (await findDecisionFacts(db, tenantId, { userId, clientId, server: { id: serverId } }));
  const { client, server, consent } = facts;
  const catalogue = server ? await findCatalogue(runtime, db, { tenantId, server }) : [];
  const standing = consent && isInForce(consent, now) ? await withPausedTerms(db, tenantId, consent) : undefined;
  const quarantine = client && findQuarantine(client, facts.quarantine, now);
  const differences = await findDifferences(db, tenantId, { serverId, shown: standing?.tools ?? [], catalogue });
  const known = client && server && { ...facts.policy, client: policyClient(client), server };
  const rules = known ? await rulesBy(runtime, db, { tenantId, ...known }) : nothingAllowed;
  const state = { standing, differences, isInQuarantine: quarantine !== undefined, rules, now };
  const tools = toolsToShow(catalogue, about.ceiling, state);
  const extras = extrasToShow(about.ceiling, state);
  const clientVersion = client?.version;
  const clientChange = await findClientChange(db, tenantId, { clientId, before: standing?.clientVersion, now: clientVersion });
  const shown = tools.map(({ tool, standing: relation, isHeld, permission }) => {
    const { name, digest, risk, openWorld } = tool;
    return [name, digest, risk, openWorld, relation, isHeld, limitsOf(permission)];
  });
  const offers = [extras.resources, extras.prompts].map(({ permission, ...offer }) => [offer, limitsOf(permission)]);
  return {
    tools,
    ...extras,
    rules: state.rules,
    ...(standing && { standing }),
    ...(quarantine && { quarantine }),
    ...(clientVersion !== undefined && { clientVersion }),
    ...(clientChange && { clientChange }),
    shownDigest: sha256(
      JSON.stringify([userId, clientId, serverId, shown, offers, standing?.id ?? null, standing?.version ?? null, clientVersion ?? null]),
    ),
  };
}

/** What a page says of a permission. */
function limitsOf(permission: Permission): unknown {
  if (permission.kind !== 'allowed') return permission.kind;
  return permission.by.map(({ forAtMostSeconds = null, signedInWithinSeconds = null }) => [forAtMostSeconds, signedInWithinSeconds]);
}

async function findClientChange(
  db: Database,
  tenantId: TenantId,
  { clientId, before, now }: { clientId: ClientId; before: number | undefined; now: number | undefined },
): Promise<ClientChange | undefined> {
  if (before === undefined || now === undefined || before === now) return undefined;
  const [decidedOn, current] = [
    await findClientVersion(db, tenantId, { clientId, version: before }),
    await findClientVersion(db, tenantId, { clientId, version: now }),
  ];
  return decidedOn && current && compareClients(decidedOn, current);
}

/**
 * Whether a request must be put before the person. Only a client whose identity is proven may go on with what stands, and
 * only when nothing it asks for by name is missing, nothing that stands has changed, and it learns nothing more of the person
 * (MCP-16, ABUSE-39).
 */
export async function needsConsent(runtime: Runtime, tenant: Tenant, request: ConsentRequest & { proven: boolean }): Promise<boolean> {
  if (!request.proven) return true;
  const proposal = await prepareConsent(runtime, tenant, request);
  if (!proposal.ok) return true;
  const { standing, ceiling, tools, clientChange } = proposal.value;
  if (
    !standing ||
    standing.isPaused ||
    clientChange ||
    asksForMore(standing, ceiling) ||
    tools.some(({ standing: relation }) => relation === 'changed')
  )
    return true;
  return asksToLearnMore(runtime, tenant, { consentId: standing.id, requestedScope: request.requestedScope });
}

/**
 * Whether a request names scopes beside ours (those of OIDC say what a client learns of the person) that were not together in one
 * that she has seen.
 */
async function asksToLearnMore(
  runtime: Runtime,
  tenant: Tenant,
  { consentId, requestedScope }: { consentId: ConsentId; requestedScope: string | undefined },
): Promise<boolean> {
  const names = otherScopes(requestedScope);
  if (names.length === 0) return false;
  return !(await wereAskedTogether(runtime.store, tenant.id, { consentId, scopes: names }));
}

function asksForMore(standing: ConsentTerms, ceiling: Ceiling): boolean {
  const allowed = new Set(standing.tools.map(({ name }) => name));
  return (
    ceiling.toolNames.some((name) => !allowed.has(name)) ||
    (ceiling.resources && !standing.resources) ||
    (ceiling.prompts && !standing.prompts)
  );
}
