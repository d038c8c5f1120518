import { LRUCache } from 'lru-cache';
import { type EffectiveTools, effectiveTools } from '../domain/effective-tools.ts';
import { type RulesInForce, unrestricted } from '../domain/policy.ts';
import { policyClient } from '../domain/policy-client.ts';
import { findQuarantine } from '../domain/quarantine.ts';
import { spellScope } from '../domain/spell-scope.ts';
import type { Store } from '../store/client.ts';
import { findConsentVersion } from '../store/consents.ts';
import type { TokenRequestFacts } from '../store/hot/token-request.ts';
import { findServer } from '../store/servers.ts';
import { listCatalogue } from '../store/tools.ts';
import { findRules } from './find-rules.ts';
import { minimumTokenSeconds } from './issue-access.ts';
import type { Runtime, Tenant } from './runtime.ts';

/**
 * What a version of a consent comes to with one revision of the catalogue, of the policy and of the person's groups, in a quarantine or
 * not, for as long as it is in force.
 */
export interface TokenTerms {
  scope: string;
  tools: number;
  leftOut: EffectiveTools['leftOut'];
  /** When the first of its tools ends by itself, before the consent does. */
  endsAt?: Date;
}

/** How many terms are remembered at most; each has a few KiB at most, usually a few hundred bytes. */
const maxKept = 5_000;

/** Terms with more than this are not remembered, in names of tools that were left out. */
const maxLeftOut = 50;

/**
 * What never changes: a version of a consent is written once, and a revision of a catalogue or policy is left behind by the next change.
 * Which of them count is read anew for each request, and once more when it is written, so nothing here can bring back what ended.
 */
const memory = new WeakMap<Store, LRUCache<string, TokenTerms>>();

/** Works out what the token may say; undefined where that takes a selection document, which is for the long way to keep. */
export async function findTokenTerms(runtime: Runtime, tenant: Tenant, facts: TokenRequestFacts): Promise<TokenTerms | undefined> {
  const { store, clock, metrics } = runtime;
  const { consent, catalogueRevision, standing } = facts;
  const now = clock.now();
  const terms = memory.get(store) ?? new LRUCache({ max: maxKept });
  memory.set(store, terms);
  const isInQuarantine = findQuarantine(standing.client, standing.setting, now) !== undefined;
  const key = [tenant.id, consent.id, consent.version, consent.serverId, catalogueRevision, isInQuarantine, standing.text].join(' ');
  const kept = terms.get(key);
  const known = kept && isGood(kept, now) ? kept : undefined;
  metrics.countLookup('token-terms', known ? 'hit' : 'miss');
  if (known) return known;
  const version = await findConsentVersion(store, tenant.id, consent);
  if (!version) return undefined;
  const catalogue = await listCatalogue(store, tenant.id, consent.serverId);
  // Whether the consent is in force is for whoever asks: here it is taken to be.
  const { expiresAt: _, ...inForce } = version;
  const rules = await findRulesFor(runtime, tenant, facts);
  if (!rules) return undefined;
  const effective = effectiveTools(inForce, catalogue, { now, marginSeconds: minimumTokenSeconds, isInQuarantine, rules });
  const { scope, document } = spellScope(effective, version.salt);
  if (document !== undefined) return undefined;
  const { allowed, leftOut, expiresAt: endsAt } = effective;
  const worked: TokenTerms = { scope, tools: allowed.length, leftOut, ...(endsAt && { endsAt }) };
  if (leftOut.length <= maxLeftOut) terms.set(key, worked);
  return worked;
}

/** Until a tool of it has too little time left for a token. */
function isGood({ endsAt }: TokenTerms, now: Date): boolean {
  return endsAt === undefined || endsAt.getTime() - minimumTokenSeconds * 1_000 > now.getTime();
}

/**
 * By what was read of the client, and by revisions, which only rise: they are looked at once more when the token is written down. What
 * goes back and forth, as a verification does, must not be read anew here, or terms of another moment are remembered for this one.
 */
async function findRulesFor(
  runtime: Runtime,
  tenant: Tenant,
  { consent, client, standing, policyRevision }: TokenRequestFacts,
): Promise<RulesInForce | undefined> {
  if (policyRevision === 0) return unrestricted;
  const { userId, clientId, serverId } = consent;
  const server = await findServer(runtime.store, tenant.id, serverId);
  const described = policyClient({ id: clientId, ...standing.client, metadata: client.metadata });
  return server && findRules(runtime, runtime.store, { tenantId: tenant.id, userId, client: described, server });
}
