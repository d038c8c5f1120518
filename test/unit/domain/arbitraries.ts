import fc from 'fast-check';
import type { CatalogueTool, Consent, ConsentedTool, ConsentTerms } from '../../../src/domain/consent.ts';
import type { OwnTerm } from '../../../src/domain/decision.ts';
import type { ConsentId } from '../../../src/domain/ids.ts';
import type { Policy, PolicyParties, PolicyRule } from '../../../src/domain/policy.ts';
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

export const now = new Date('2026-06-01T12:00:00Z');
const instants = fc.integer({ min: -7_200, max: 7_200 }).map((seconds) => new Date(now.getTime() + seconds * 1_000));

/** A tool with what the catalogue says of its earlier definitions; no definition is riskier than itself. */
const listedToolArbitrary: fc.Arbitrary<CatalogueTool> = fc
  .tuple(toolArbitrary, fc.subarray(['d1', 'd2', 'd3']), fc.constantFrom({}, {}, { isAccepted: true }, { isDoubted: true }))
  .map(([tool, riskierThan, look]) => ({ ...tool, riskierThan: riskierThan.filter((digest) => digest !== tool.digest), ...look }));

export const catalogueArbitrary = fc.uniqueArray(listedToolArbitrary, { selector: ({ name }) => name, maxLength: 9 });

const optionally = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });

/** Leaves out what is undefined. */
function defined<Shape extends object>(shape: Shape): { [Name in keyof Shape]: Exclude<Shape[Name], undefined> } {
  return Object.fromEntries(Object.entries(shape).filter(([, value]) => value !== undefined)) as never;
}

const pastInstants = fc.integer({ min: -7_200, max: 0 }).map((seconds) => new Date(now.getTime() + seconds * 1_000));

/** A decision of some hours ago, and a sign-in before it. */
const decisions = fc
  .record({ decidedAt: pastInstants, ageSeconds: optionally(fc.integer({ min: 0, max: 7_200 })) })
  .map(({ decidedAt, ageSeconds }) => ({
    decidedAt,
    ...(ageSeconds !== undefined && { signedInAt: new Date(decidedAt.getTime() - ageSeconds * 1_000) }),
  }));

/** What a part of a consent has of its own: an earlier decision, an earlier end. */
export const ownTerms: fc.Arbitrary<OwnTerm> = fc
  .record({ decision: optionally(decisions), expiresAt: optionally(instants) })
  .map(({ decision, expiresAt }) => ({ ...decision, ...(expiresAt && { expiresAt }) }));

const consentedTools: fc.Arbitrary<ConsentedTool[]> = fc.uniqueArray(
  fc.tuple(toolArbitrary, ownTerms).map(([tool, own]) => ({ ...tool, ...own })),
  { selector: ({ name }) => name, maxLength: 9 },
);

export const termsArbitrary: fc.Arbitrary<ConsentTerms> = fc
  .record({
    tools: consentedTools,
    resources: fc.boolean(),
    prompts: fc.boolean(),
    own: optionally(fc.record({ resources: ownTerms, prompts: ownTerms })),
    expiresAt: optionally(instants),
  })
  .map(({ own, expiresAt, ...terms }) => ({ ...terms, ...(own && { own }), ...(expiresAt && { expiresAt }) }));

export const consentArbitrary: fc.Arbitrary<Consent> = fc
  .record({ terms: termsArbitrary, decision: decisions, endedAt: optionally(instants), version: fc.integer({ min: 1, max: 9 }) })
  .map(({ terms, decision, endedAt, version }) => ({
    ...terms,
    ...decision,
    id: 'cns_1' as ConsentId,
    version,
    salt: 'salt',
    ...(endedAt && { endedAt }),
  }));

/** One that a page can begin with: in force. */
export const standingArbitrary = optionally(
  consentArbitrary.map(
    ({ endedAt: _, expiresAt, ...consent }): Consent => ({ ...consent, ...(expiresAt && expiresAt > now && { expiresAt }) }),
  ),
);

export const ceilingArbitrary = fc.record({
  tools: fc.constantFrom('all' as const, 'read' as const, 'named' as const),
  toolNames: fc.uniqueArray(names, { maxLength: 4 }),
  resources: fc.boolean(),
  prompts: fc.boolean(),
});

const groups = fc.constantFrom('everyone', 'engineering', 'sales');
const seconds = fc.constantFrom(60, 600, 3_600, 7_200);
const selectors = {
  servers: fc.constantFrom('*', 'https://one.example/mcp', 'https://*.example/mcp', 'https://one.example/*', 'https://two.example/mcp'),
  clients: fc
    .record({
      id: optionally(fc.constantFrom('cli_1', 'cli_2')),
      host: optionally(fc.constantFrom('claude.ai', '*.claude.ai')),
      kind: optionally(fc.constantFrom('manual' as const, 'dynamic' as const, 'document' as const)),
      verified: optionally(fc.boolean()),
    })
    .map(defined),
  tools: fc
    .record({
      name: optionally(fc.constantFrom('a', 'b', '*', 't*', '*o*')),
      risk: optionally(fc.constantFrom(...risks)),
      openWorld: optionally(fc.boolean()),
    })
    .map(defined),
};
const listOf = <Value>(entries: fc.Arbitrary<Value>) => optionally(fc.array(entries, { minLength: 1, maxLength: 3 }));

const shapes = fc.record({
  groups: listOf(groups),
  servers: listOf(selectors.servers),
  clients: listOf(selectors.clients),
  tools: listOf(selectors.tools),
  resources: optionally(fc.constant(true)),
  prompts: optionally(fc.constant(true)),
});
const ruleNames = fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7', 'r8');
const limits = fc.record({ forAtMostSeconds: optionally(seconds), signedInWithinSeconds: optionally(seconds) });

export const allowRuleArbitrary: fc.Arbitrary<PolicyRule> = fc
  .tuple(ruleNames, shapes, limits)
  .map(([name, shape, bounds]) => ({ name, effect: 'allow', ...defined(shape), ...defined(bounds) }));

export const denyRuleArbitrary: fc.Arbitrary<PolicyRule> = fc
  .tuple(ruleNames, shapes)
  .map(([name, shape]) => ({ name, effect: 'deny', ...defined(shape) }));

export const policyArbitrary: fc.Arbitrary<Policy> = fc
  .uniqueArray(fc.oneof({ weight: 3, arbitrary: allowRuleArbitrary }, { weight: 1, arbitrary: denyRuleArbitrary }), {
    selector: ({ name }) => name,
    maxLength: 6,
  })
  .map((rules) => ({ rules }));

export const partiesArbitrary: fc.Arbitrary<PolicyParties> = fc.record({
  groups: fc.subarray(['engineering', 'sales']),
  client: fc
    .record({
      id: fc.constantFrom('cli_1', 'cli_2'),
      kind: fc.constantFrom('manual' as const, 'dynamic' as const, 'document' as const),
      host: optionally(fc.constantFrom('claude.ai', 'www.claude.ai', 'other.example')),
      isVerified: fc.boolean(),
    })
    .map(({ host, ...client }) => ({ ...client, ...(host !== undefined && { host }) })),
  resourceKey: fc.constantFrom('https://one.example/mcp', 'https://two.example/mcp', 'https://one.example/other'),
});

/** The full count of each property of what a token may carry. */
export const runs = { numRuns: 10_000 };

/** For properties of whole pages and definitions, whose cases are large: `npm run check` is to stay a matter of seconds. */
export const fewerRuns = { numRuns: 1_000 };
