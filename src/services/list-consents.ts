import type { EffectiveTools } from '../domain/effective-tools.ts';
import { effectiveTools } from '../domain/effective-tools.ts';
import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, ServerId, UserId } from '../domain/ids.ts';
import { cutPage, type FoundPage, type ListPage, withOneMore } from '../domain/list-page.ts';
import { policyClient } from '../domain/policy-client.ts';
import { findQuarantine } from '../domain/quarantine.ts';
import { findClients, type StoredClient } from '../store/clients.ts';
import { type ConsentParties, type ConsentPlace, listConsentPage, type StoredConsent, withPausedTerms } from '../store/consents.ts';
import { findLastUses, type Installation, listNewestInstallations } from '../store/installations.ts';
import { findPolicyFacts, type PolicyFacts } from '../store/policies.ts';
import { findServer, findServers, type StoredServer } from '../store/servers.ts';
import { findToolUses } from '../store/tool-uses.ts';
import type { StoredTool } from '../store/tools.ts';
import { findCatalogue } from './find-catalogue.ts';
import { findOwnConsent } from './find-own-consent.ts';
import { rulesBy } from './find-rules.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A consent as its person sees it. */
export interface ConsentOverview {
  consent: StoredConsent;
  client: StoredClient;
  server: StoredServer;
  /** The tools that may be called now (of a consent that is paused: when it goes on), as the catalogue describes them, in its order. */
  tools: readonly StoredTool[];
  effective: EffectiveTools;
  /** The same for a consent that is paused, as if it were not. */
  unpaused: EffectiveTools;
  /** The newest that have not ended, newest first, and how many there are. */
  installations: readonly Installation[];
  installationCount: number;
  /** When tools were last called, by their names, so far as the server reports calls. */
  toolUses: ReadonlyMap<string, Date>;
  /** The newest token of any installation, also of those that have ended. */
  lastUsedAt?: Date;
  /** Within how many seconds a change takes effect at the server: 15 where it runs our library, else one token life. */
  effectWithinSeconds: number;
}

/** What revocation takes where the server checks our status list (the library's list age, with room for the way). */
const libraryEffectSeconds = 15;

export type { ConsentPlace } from '../store/consents.ts';

/** How many consents a page holds, unless the caller says. */
export const consentsPerPage = 20;

/** How many installations of a consent are listed beside it. */
const listedInstallations = 20;

/** A page of consents. */
export interface ConsentOverviewPage extends Omit<FoundPage<never, ConsentPlace>, 'entries'> {
  overviews: ConsentOverview[];
}

/** Lists one page of the consents in force that match, newest first: one person's, or for administrators all. */
export async function listConsentsInForce(
  runtime: Runtime,
  tenant: Tenant,
  { filter, page: asked = {} }: { filter: Partial<ConsentParties>; page?: Partial<ListPage<ConsentPlace>> },
): Promise<ConsentOverviewPage> {
  const now = runtime.clock.now();
  const page = { limit: consentsPerPage, ...asked };
  const found = await listConsentPage(runtime.store, tenant.id, { now, filter, page: withOneMore(page) });
  const { entries, ...neighbours } = cutPage(found, page, ({ createdAt, id }) => ({ createdAt, id }));
  return { overviews: await overview(runtime, tenant, entries), ...neighbours };
}

/** One consent of a person's own, as it is listed; fails as `findOwnConsent` does. */
export async function findOwnConsentOverview(
  runtime: Runtime,
  tenant: Tenant,
  wanted: { userId: UserId; consentId: ConsentId },
): Promise<Outcome<ConsentOverview, { kind: 'unknown-consent' }>> {
  const consent = await findOwnConsent(runtime, tenant, wanted);
  if (!consent.ok) return consent;
  const [found] = await overview(runtime, tenant, [consent.value]);
  return found ? succeed(found) : fail({ kind: 'unknown-consent' });
}

async function overview(runtime: Runtime, tenant: Tenant, consents: readonly StoredConsent[]): Promise<ConsentOverview[]> {
  const now = runtime.clock.now();
  const ids = consents.map(({ id }) => id);
  const installations = await listNewestInstallations(runtime.store, tenant.id, { consentIds: ids, limit: listedInstallations });
  const lastUses = await findLastUses(runtime.store, tenant.id, ids);
  const userIds = [...new Set(consents.map(({ userId }) => userId))];
  const toolUses = await findToolUses(runtime.store, tenant.id, { userIds, consentIds: ids });
  // Many of a page are for the same agent or server.
  const clients = await findClients(
    runtime.store,
    tenant.id,
    consents.map(({ clientId }) => clientId),
  );
  const servers = await findServers(
    runtime.store,
    tenant.id,
    consents.map(({ serverId }) => serverId),
  );
  const policies = new Map<UserId, PolicyFacts>();
  const overviews: ConsentOverview[] = [];
  for (const found of consents) {
    const [client, server] = [clients.get(found.clientId), servers.get(found.serverId)];
    if (!client || !server) continue;
    const consent = await withPausedTerms(runtime.store, tenant.id, found);
    const catalogue = await findCatalogue(runtime, runtime.store, { tenantId: tenant.id, server });
    const isInQuarantine = findQuarantine(client, tenant.settings.quarantine, now) !== undefined;
    const policy = policies.get(consent.userId) ?? (await findPolicyFacts(runtime.store, tenant.id, consent.userId));
    policies.set(consent.userId, policy);
    const rules = await rulesBy(runtime, runtime.store, { tenantId: tenant.id, ...policy, client: policyClient(client), server });
    const at = { now, marginSeconds: 0, isInQuarantine, rules };
    const effective = effectiveTools(consent, catalogue, at);
    const unpaused = consent.isPaused ? effectiveTools({ ...consent, isPaused: false }, catalogue, at) : effective;
    const names = new Set(unpaused.allowed.map(({ name }) => name));
    const lastUsedAt = lastUses.get(consent.id);
    overviews.push({
      consent,
      client,
      server,
      tools: catalogue.filter(({ name }) => names.has(name)),
      effective,
      unpaused,
      toolUses: toolUses.get(consent.id) ?? new Map(),
      installations: installations.get(consent.id)?.newest ?? [],
      installationCount: installations.get(consent.id)?.count ?? 0,
      ...(lastUsedAt && { lastUsedAt }),
      effectWithinSeconds: effectSeconds(server, runtime),
    });
  }
  return overviews;
}

/** The same as `effectSeconds`, of a server by its id. */
export async function effectOnServer(runtime: Runtime, tenant: Tenant, serverId: ServerId): Promise<number> {
  const server = await findServer(runtime.store, tenant.id, serverId);
  return server ? effectSeconds(server, runtime) : runtime.lifetimes.accessTokenSeconds;
}

/** Within how many seconds a change of a consent takes effect at a server. */
export function effectSeconds(server: StoredServer, runtime: Pick<Runtime, 'lifetimes'>): number {
  return server.librarySeenAt ? libraryEffectSeconds : runtime.lifetimes.accessTokenSeconds;
}
