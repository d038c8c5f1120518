import fc from 'fast-check';
import type { CatalogueTool, Consent, ConsentTerms } from '../../../src/domain/consent.ts';
import type { ConsentId } from '../../../src/domain/ids.ts';
import { risks } from '../../../src/domain/risk.ts';

/** Few names and digests, so that catalogue and consent meet often; some names that break naive maps. */
const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', '__proto__', 'constructor', 'tool with space', 'ü');
const digests = fc.constantFrom('d1', 'd2', 'd3');

export const toolArbitrary: fc.Arbitrary<CatalogueTool> = fc.record({
  name: names,
  digest: digests,
  risk: fc.constantFrom(...risks),
  openWorld: fc.boolean(),
});

export const catalogueArbitrary = fc.uniqueArray(toolArbitrary, { selector: ({ name }) => name, maxLength: 9 });

export const now = new Date('2026-06-01T12:00:00Z');
const instants = fc.integer({ min: -7_200, max: 7_200 }).map((seconds) => new Date(now.getTime() + seconds * 1_000));

export const termsArbitrary: fc.Arbitrary<ConsentTerms> = fc
  .record({ tools: catalogueArbitrary, resources: fc.boolean(), prompts: fc.boolean(), expiresAt: fc.option(instants, { nil: undefined }) })
  .map(({ expiresAt, ...terms }) => ({ ...terms, ...(expiresAt && { expiresAt }) }));

export const consentArbitrary: fc.Arbitrary<Consent> = fc
  .record({ terms: termsArbitrary, endedAt: fc.option(instants, { nil: undefined }), version: fc.integer({ min: 1, max: 9 }) })
  .map(({ terms, endedAt, version }) => ({ ...terms, id: 'cns_1' as ConsentId, version, salt: 'salt', ...(endedAt && { endedAt }) }));

export const ceilingArbitrary = fc.record({
  tools: fc.constantFrom('all' as const, 'read' as const, 'named' as const),
  toolNames: fc.uniqueArray(names, { maxLength: 4 }),
  resources: fc.boolean(),
  prompts: fc.boolean(),
});

/** The full count of each property. */
export const runs = { numRuns: 10_000 };
