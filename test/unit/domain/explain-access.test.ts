import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { effectiveTools } from '../../../src/domain/effective-tools.ts';
import { type AccessFacts, explainAccess } from '../../../src/domain/explain-access.ts';
import { judge, rulesFor } from '../../../src/domain/policy.ts';
import { catalogueArbitrary, consentArbitrary, fewerRuns, now, partiesArbitrary, policyArbitrary } from './arbitraries.ts';

const factsArbitrary: fc.Arbitrary<AccessFacts> = fc
  .record({
    isUserDisabled: fc.constantFrom(false, false, false, true),
    isClientBlocked: fc.constantFrom(false, false, false, true),
    isInQuarantine: fc.boolean(),
    consent: fc.option(consentArbitrary, { nil: undefined }),
    catalogue: catalogueArbitrary,
    policy: policyArbitrary,
    parties: partiesArbitrary,
  })
  .map(({ consent, ...facts }) => ({ ...facts, ...(consent && { consent }), groups: ['engineering', 'sales'], now }));

/** What tokens are made of, from the same facts. */
function callable({ consent, catalogue, isUserDisabled, isClientBlocked, isInQuarantine, policy, parties }: AccessFacts): string[] {
  if (!consent || isUserDisabled || isClientBlocked) return [];
  const rules = rulesFor(policy, parties);
  return effectiveTools(consent, catalogue, { now, marginSeconds: 0, isInQuarantine, rules }).allowed.map(({ name }) => name);
}

describe('explainAccess', () => {
  it('says the same as tokens, of every tool that there is or was allowed', () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        const verdicts = explainAccess(facts);
        const can = verdicts.filter((verdict) => verdict.can).map(({ tool }) => tool);
        expect(can.sort()).toEqual(callable(facts).sort());
        const known = new Set([...facts.catalogue, ...(facts.consent?.tools ?? [])].map(({ name }) => name));
        expect(verdicts.map(({ tool }) => tool).sort()).toEqual([...known].sort());
      }),
      fewerRuns,
    );
  });

  it('a tool that can be called has its rule, and an end that is not past; any other one its reason', () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        for (const { can, reason, rule, until } of explainAccess(facts)) {
          expect(reason === undefined).toBe(can);
          if (!can) continue;
          expect(facts.policy.rules.map(({ name }) => name)).toContain(rule);
          if (until) expect(until.getTime()).toBeGreaterThan(now.getTime());
        }
      }),
      fewerRuns,
    );
  });

  it('a rule that is named as denying or as missing is so', () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        const rules = rulesFor(facts.policy, facts.parties);
        for (const { tool, reason, rule, wouldAllow = [] } of explainAccess(facts)) {
          if (reason === 'denied-by-policy') expect(rules.denying.map(({ name }) => name)).toContain(rule);
          const judged = facts.catalogue.find(({ name }) => name === tool) ?? facts.consent?.tools.find(({ name }) => name === tool);
          for (const hint of wouldAllow) {
            expect(rules.allowing.map(({ name }) => name)).not.toContain(hint.rule);
            if (judged) expect(judge(rules, judged).kind).toBe('not-allowed');
          }
        }
      }),
      fewerRuns,
    );
  });

  it('one tool alone, also one that nobody knows', () => {
    fc.assert(
      fc.property(factsArbitrary, (facts) => {
        expect(explainAccess(facts, 'no such tool')).toEqual([
          { tool: 'no such tool', can: false, reason: 'unknown-tool', hasChanged: false },
        ]);
        for (const verdict of explainAccess(facts)) expect(explainAccess(facts, verdict.tool)).toEqual([verdict]);
      }),
      fewerRuns,
    );
  });
});
