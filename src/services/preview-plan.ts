/**
 * Whom a plan concerns: which consents in force come to less by it, and which to more. Read page by page and without a lock, so it is what
 * would be now; whoever is not concerned by anything that changes is not looked at.
 */
import { withOverride } from '../domain/catalogue-step.ts';
import { type Consent, isInForce } from '../domain/consent.ts';
import { type ConsentDifference, compareParts, countingParts } from '../domain/consent-ends.ts';
import type { ClientId, ConsentId, ServerId, UserId } from '../domain/ids.ts';
import { type Policy, type PolicyParties, rulesFor, spellRules } from '../domain/policy.ts';
import { policyClient } from '../domain/policy-client.ts';
import { findQuarantine } from '../domain/quarantine.ts';
import type { TenantChange } from '../domain/tenant-plan.ts';
import { findClient, type StoredClient } from '../store/clients.ts';
import { type ConcernedConsent, listConcernedConsents } from '../store/concerned-consents.ts';
import { findConsents } from '../store/consents.ts';
import { findPolicyRevision } from '../store/policies.ts';
import { findServer } from '../store/servers.ts';
import { listTools, type StoredTool } from '../store/tools.ts';
import { findEmails } from '../store/users.ts';
import { findPolicy } from './find-rules.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What becomes of one consent. */
export interface ConsentEffect extends ConsentDifference {
  consentId: ConsentId;
  email: string;
  client: { id: ClientId; name?: string };
  server: { id: ServerId; name: string };
}

/** The consents that come to something else. */
export interface ConsentEffects {
  /** How many there are; of very many, not all are told. */
  narrowedCount: number;
  widenedCount: number;
  /** To less than before, in some way. */
  narrowed: readonly ConsentEffect[];
  /** To more than before, and nothing less. */
  widened: readonly ConsentEffect[];
}

/** Where nothing changes. */
export const noEffects: ConsentEffects = { narrowedCount: 0, widenedCount: 0, narrowed: [], widened: [] };

/** How many consents are read at a time, and of how many effects are told at most. */
const [perPage, maxTold] = [500, 10_000];

/** Finds out what a plan does to consents. */
export async function previewPlan(runtime: Runtime, tenant: Tenant, changes: readonly TenantChange[]): Promise<ConsentEffects> {
  const before = await findPolicy(runtime, runtime.store, {
    tenantId: tenant.id,
    revision: await findPolicyRevision(runtime.store, tenant.id),
  });
  const preview = new Preview(runtime, tenant, overlayOf(changes, before));
  const effects: Effect[] = [];
  const count = { narrowedCount: 0, widenedCount: 0 };
  for (let after: string | undefined = changes.length > 0 ? '' : undefined; after !== undefined; ) {
    const page = await listConcernedConsents(runtime.store, tenant.id, { after, limit: perPage });
    for (const effect of await preview.judge(page)) {
      count[isNarrower(effect) ? 'narrowedCount' : 'widenedCount'] += 1;
      if (effects.length < maxTold) effects.push(effect);
    }
    after = page.length < perPage ? undefined : page.at(-1)?.id;
  }
  const told = await preview.describe(effects);
  return { ...count, narrowed: told.filter(isNarrower), widened: told.filter((effect) => !isNarrower(effect)) };
}

function isNarrower({ lost, sooner }: ConsentDifference): boolean {
  return lost.length + sooner.length > 0;
}

/** What is different by a plan, as far as tokens follow it. */
interface Overlay {
  before: Policy;
  now: Policy;
  members: readonly (TenantChange & { kind: 'change-members' })[];
  risks: ReadonlyMap<ServerId, readonly (TenantChange & { kind: 'set-risk' })[]>;
  clients: ReadonlyMap<ClientId, TenantChange & { kind: 'change-client' }>;
}

function overlayOf(changes: readonly TenantChange[], before: Policy): Overlay {
  const of = <Kind extends TenantChange['kind']>(kind: Kind) =>
    changes.filter((change): change is TenantChange & { kind: Kind } => change.kind === kind);
  return {
    before,
    now: of('change-policy')[0]?.policy ?? before,
    members: of('change-members'),
    risks: Map.groupBy(of('set-risk'), ({ server }) => server.id),
    clients: new Map(of('change-client').map((change) => [change.client.id, change])),
  };
}

type Effect = ConsentDifference & { consentId: ConsentId; clientId: ClientId } & Pick<ConcernedConsent, 'userId' | 'serverId'>;

class Preview {
  readonly #runtime: Runtime;
  readonly #tenant: Tenant;
  readonly #overlay: Overlay;
  readonly #catalogues = new Map<ServerId, { before: StoredTool[]; now: StoredTool[] }>();
  readonly #clients = new Map<ClientId, StoredClient | undefined>();

  constructor(runtime: Runtime, tenant: Tenant, overlay: Overlay) {
    this.#runtime = runtime;
    this.#tenant = tenant;
    this.#overlay = overlay;
  }

  /** The effects on a page of consents. */
  async judge(page: readonly ConcernedConsent[]): Promise<Effect[]> {
    const { before, now, risks } = this.#overlay;
    const concerned = page
      .map((one) => ({ one, was: this.#partiesOf(one, false), is: this.#partiesOf(one, true) }))
      .filter(({ one, was, is }) => risks.has(one.serverId) || spellRules(before, was) !== spellRules(now, is));
    const consents = await findConsents(
      this.#runtime.store,
      this.#tenant.id,
      concerned.map(({ one }) => one.id),
    );
    const effects: Effect[] = [];
    for (const { one, was, is } of concerned) {
      const consent = consents.get(one.id);
      if (!consent || !isInForce(consent, this.#runtime.clock.now())) continue;
      const effect = await this.#compare(consent, { one, was, is });
      if (isNarrower(effect) || effect.gained.length > 0) effects.push(effect);
    }
    return effects;
  }

  #partiesOf({ userId, client, groups, resourceKey }: ConcernedConsent, isNow: boolean): PolicyParties {
    const { clients, members } = this.#overlay;
    const metadata = isNow ? (clients.get(client.id)?.metadata ?? client.metadata) : client.metadata;
    return { groups: isNow ? groupsNow(userId, groups, members) : groups, client: policyClient({ ...client, metadata }), resourceKey };
  }

  async #compare(consent: Consent, { one, was, is }: { one: ConcernedConsent; was: PolicyParties; is: PolicyParties }): Promise<Effect> {
    const { before, now } = this.#overlay;
    const catalogue = await this.#catalogueOf(one.serverId);
    const at = { now: this.#runtime.clock.now(), marginSeconds: 0, isInQuarantine: await this.#isInQuarantine(one.client.id) };
    const old = countingParts(consent, catalogue.before, { ...at, rules: rulesFor(before, was) });
    const next = countingParts(consent, catalogue.now, { ...at, rules: rulesFor(now, is) });
    const { id: consentId, userId, serverId } = one;
    return { consentId, userId, clientId: one.client.id, serverId, ...compareParts(old, next) };
  }

  async #catalogueOf(serverId: ServerId): Promise<{ before: StoredTool[]; now: StoredTool[] }> {
    const known = this.#catalogues.get(serverId);
    if (known) return known;
    const before = await listTools(this.#runtime.store, this.#tenant.id, serverId);
    const said = new Map(this.#overlay.risks.get(serverId)?.map(({ tool, now }) => [tool, now]));
    const now = before.map((tool) => (said.has(tool.name) ? withOverride(tool, said.get(tool.name) ?? null) : tool));
    this.#catalogues.set(serverId, { before, now });
    return { before, now };
  }

  async #clientOf(id: ClientId): Promise<StoredClient | undefined> {
    if (!this.#clients.has(id)) this.#clients.set(id, await findClient(this.#runtime.store, this.#tenant.id, id));
    return this.#clients.get(id);
  }

  async #isInQuarantine(id: ClientId): Promise<boolean> {
    const client = await this.#clientOf(id);
    return client !== undefined && findQuarantine(client, this.#tenant.settings.quarantine, this.#runtime.clock.now()) !== undefined;
  }

  /** Says whom effects are about. */
  async describe(effects: readonly Effect[]): Promise<ConsentEffect[]> {
    const { store } = this.#runtime;
    const emails = await findEmails(
      store,
      this.#tenant.id,
      effects.map(({ userId }) => userId),
    );
    const servers = new Map<ServerId, string>();
    const told: ConsentEffect[] = [];
    for (const { consentId, userId, clientId, serverId, ...difference } of effects) {
      if (!servers.has(serverId)) servers.set(serverId, (await findServer(store, this.#tenant.id, serverId))?.name ?? serverId);
      const name = (await this.#clientOf(clientId))?.metadata.name;
      told.push({
        consentId,
        email: emails.get(userId) ?? userId,
        client: { id: clientId, ...(name !== undefined && { name }) },
        server: { id: serverId, name: servers.get(serverId) ?? serverId },
        ...difference,
      });
    }
    return told;
  }
}

function groupsNow(userId: UserId, groups: readonly string[], members: Overlay['members']): string[] {
  const now = new Set(groups);
  for (const { group, add, remove } of members) {
    if (add.some((person) => person.userId === userId)) now.add(group);
    if (remove.some((person) => person.userId === userId)) now.delete(group);
  }
  return [...now].sort();
}
