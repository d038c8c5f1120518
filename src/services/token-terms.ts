import { LRUCache } from 'lru-cache';
import { type EffectiveTools, effectiveTools } from '../domain/effective-tools.ts';
import { unrestricted } from '../domain/policy.ts';
import { findQuarantine } from '../domain/quarantine.ts';
import { spellScope } from '../domain/spell-scope.ts';
import type { Store } from '../store/client.ts';
import { findConsentVersion } from '../store/consents.ts';
import type { TokenRequestFacts } from '../store/hot/token-request.ts';
import { listCatalogue } from '../store/tools.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What a version of a consent comes to with one revision of the catalogue, in a quarantine or not, for as long as it is in force. */
export interface TokenTerms {
  scope: string;
  tools: number;
  leftOut: EffectiveTools['leftOut'];
}

/** How many terms are remembered at most; each has a few KiB at most, usually a few hundred bytes. */
const maxKept = 5_000;

/** Terms with more than this are not remembered, in names of tools that were left out. */
const maxLeftOut = 50;

/**
 * What never changes: a version of a consent is written once, and a revision of a catalogue is left behind by the next change. Which
 * of them count is read anew for each request, and once more when it is written, so nothing here can bring back what ended.
 */
const kept = new WeakMap<Store, LRUCache<string, TokenTerms>>();

/** Works out what the token may say; undefined where that takes a selection document, which is for the long way to keep. */
export async function findTokenTerms(
  { store, clock, metrics }: Runtime,
  tenant: Tenant,
  { consent, catalogueRevision, standing }: TokenRequestFacts,
): Promise<TokenTerms | undefined> {
  const terms = kept.get(store) ?? new LRUCache({ max: maxKept });
  kept.set(store, terms);
  const isInQuarantine = findQuarantine(standing.client, standing.setting, clock.now()) !== undefined;
  const key = [tenant.id, consent.id, consent.version, consent.serverId, catalogueRevision, isInQuarantine].join(' ');
  const known = terms.get(key);
  metrics.countLookup('token-terms', known ? 'hit' : 'miss');
  if (known) return known;
  const version = await findConsentVersion(store, tenant.id, consent);
  if (!version) return undefined;
  const catalogue = await listCatalogue(store, tenant.id, consent.serverId);
  // Whether the consent is in force is for whoever asks: here it is taken to be.
  const { expiresAt: _, ...inForce } = version;
  const effective = effectiveTools(inForce, catalogue, { now: clock.now(), marginSeconds: 0, isInQuarantine, rules: unrestricted });
  const { scope, document } = spellScope(effective, version.salt);
  if (document !== undefined) return undefined;
  const worked: TokenTerms = { scope, tools: effective.allowed.length, leftOut: effective.leftOut };
  if (worked.leftOut.length <= maxLeftOut) terms.set(key, worked);
  return worked;
}
