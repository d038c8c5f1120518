import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareParts, countingParts } from '../../../src/domain/consent-ends.ts';
import { effectiveTools } from '../../../src/domain/effective-tools.ts';
import { rulesFor } from '../../../src/domain/policy.ts';
import { catalogueArbitrary, consentArbitrary, fewerRuns, now, partiesArbitrary, policyArbitrary } from './arbitraries.ts';

const at = { now, marginSeconds: 0, isInQuarantine: false };

describe('what counts of a consent, and until when', () => {
  it('is what tokens have, and the earliest of its ends is theirs', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, policyArbitrary, partiesArbitrary, (consent, catalogue, policy, parties) => {
        const rules = rulesFor(policy, parties);
        const effective = effectiveTools(consent, catalogue, { ...at, rules });
        const { counting } = countingParts(consent, catalogue, { ...at, rules });
        const extras = (['resources', 'prompts'] as const).filter((extra) => effective[extra]);
        expect([...counting.keys()].sort()).toEqual([...effective.allowed.map(({ name }) => `tool:${name}`), ...extras].sort());
        const ends = [...counting.values()].flatMap(({ endsAt }) => endsAt ?? []);
        if (counting.size > 0) expect(ends.sort((a, b) => a.getTime() - b.getTime())[0]).toEqual(effective.expiresAt);
      }),
      fewerRuns,
    );
  });

  it('a difference says exactly what is lost, sooner and gained', () => {
    fc.assert(
      fc.property(
        consentArbitrary,
        catalogueArbitrary,
        policyArbitrary,
        policyArbitrary,
        partiesArbitrary,
        (consent, catalogue, before, after, parties) => {
          const [was, is] = [before, after].map((policy) => countingParts(consent, catalogue, { ...at, rules: rulesFor(policy, parties) }));
          if (!was || !is) throw new Error('there are two');
          const { lost, sooner, gained } = compareParts(was, is);
          expect(was.counting.size - lost.length + gained.length).toBe(is.counting.size);
          const latest = (end: Date | undefined) => end?.getTime() ?? Number.POSITIVE_INFINITY;
          const shorter = [...is.counting].filter(
            ([key, { endsAt }]) => was.counting.has(key) && latest(endsAt) < latest(was.counting.get(key)?.endsAt),
          );
          expect(sooner.map(({ name }) => name)).toEqual(shorter.map(([, { name }]) => name));
          expect(compareParts(is, is)).toEqual({ lost: [], sooner: [], gained: [] });
        },
      ),
      fewerRuns,
    );
  });

  it('a tool by the name of what servers have beside tools is told apart from it', () => {
    const tool = { name: 'resources', digest: 'd', risk: 'read' as const, openWorld: false };
    const consent = { tools: [tool], resources: true, prompts: false, decidedAt: now };
    const none = countingParts(consent, [], { ...at, rules: { allowing: [{ name: 'r', effect: 'allow', resources: true }], denying: [] } });
    expect([[...none.counting.keys()], [...none.leftOut.keys()]]).toEqual([['resources'], ['tool:resources']]);
  });
});
