import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { effectiveTools } from '../../../src/domain/effective-tools.ts';
import { type PolicyRule, rulesFor, unrestricted } from '../../../src/domain/policy.ts';
import { isRiskier } from '../../../src/domain/risk.ts';
import { suspensionOf } from '../../../src/domain/suspension.ts';
import { catalogueArbitrary, consentArbitrary, now, partiesArbitrary, policyArbitrary, runs } from './arbitraries.ts';
import { expectEqual } from './expect-equal.ts';

const at = { now, marginSeconds: 60, isInQuarantine: false, rules: unrestricted };

describe('effectiveTools', () => {
  it('allows only what was consented, is in the catalogue, and is not riskier now', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, (consent, catalogue) => {
        const wrong = effectiveTools(consent, catalogue, at).allowed.filter((tool) => {
          const present = catalogue.find(({ name }) => name === tool.name);
          return !consent.tools.includes(tool) || !present || suspensionOf(present, tool);
        });
        expectEqual(wrong, []);
      }),
      runs,
    );
  });

  it('a tool waits exactly while it is riskier than what was shown and no administrator has accepted that, or while it is in doubt', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, (consent, catalogue) => {
        const shown = new Map(consent.tools.map((tool) => [tool.name, tool]));
        for (const present of catalogue) {
          const tool = shown.get(present.name);
          if (!tool) continue;
          const isWorse = isRiskier(present, tool) || present.riskierThan?.includes(tool.digest) === true;
          const expected = isWorse && !present.isAccepted ? 'riskier-than-consented' : present.isDoubted ? 'reported-riskier' : undefined;
          expectEqual(suspensionOf(present, tool), expected);
        }
      }),
      runs,
    );
  });

  it('a change of the catalogue lets a tool come back only as it was shown, or milder, or accepted', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, catalogueArbitrary, (consent, before, after) => {
        const was = new Set(effectiveTools(consent, before, at).allowed.map(({ name }) => name));
        const came = effectiveTools(consent, after, at).allowed.filter(({ name }) => !was.has(name));
        const wrong = came.filter((tool) => {
          const present = after.find(({ name }) => name === tool.name);
          return (
            !present ||
            present.isDoubted ||
            (!present.isAccepted && (isRiskier(present, tool) || present.riskierThan?.includes(tool.digest)))
          );
        });
        expectEqual(wrong, []);
      }),
      runs,
    );
  });

  it('accounts for every consented tool: allowed, or left out with its reason', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, (consent, catalogue) => {
        const { allowed, leftOut } = effectiveTools(consent, catalogue, at);
        expectEqual([...allowed, ...leftOut].map(({ name }) => name).sort(), consent.tools.map(({ name }) => name).sort());
      }),
      runs,
    );
  });

  it('allows nothing of an ended consent, nor of one with less than the margin left', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, (consent, catalogue) => {
        const effective = effectiveTools(consent, catalogue, at);
        const over =
          consent.endedAt !== undefined || (consent.expiresAt !== undefined && consent.expiresAt.getTime() <= now.getTime() + 60_000);
        if (over) expectEqual([effective.allowed, effective.resources, effective.prompts], [[], false, false]);
        else expectEqual(effective.resources || effective.extrasLeftOut.some(({ name }) => name === 'resources'), consent.resources);
      }),
      runs,
    );
  });

  it('never grows by a change of the catalogue', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, catalogueArbitrary, (consent, before, after) => {
        const names = new Set(consent.tools.map(({ name }) => name));
        const together = [...before, ...after.filter((tool) => !before.some(({ name }) => name === tool.name))];
        const grown = [before, after, together]
          .flatMap((catalogue) => effectiveTools(consent, catalogue, at).allowed)
          .filter(({ name }) => !names.has(name));
        expectEqual(grown, []);
      }),
      runs,
    );
  });

  it('does not depend on the order of the catalogue or of the consent', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, (consent, catalogue) => {
        const turned = { ...consent, tools: [...consent.tools].reverse() };
        expectEqual(effectiveTools(turned, [...catalogue].reverse(), at), effectiveTools(consent, catalogue, at));
      }),
      runs,
    );
  });

  it('leaves a client in quarantine what reads, with the reason for the rest, and all of it afterwards', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, (consent, catalogue) => {
        const open = effectiveTools(consent, catalogue, at);
        const held = effectiveTools(consent, catalogue, { ...at, isInQuarantine: true });
        const risks = new Map(catalogue.map(({ name, risk }) => [name, risk]));
        const reads = ({ name, risk }: { name: string; risk: string }) => risk === 'read' && risks.get(name) === 'read';
        expectEqual(held.allowed, open.allowed.filter(reads));
        const newly = held.leftOut.filter(({ reason }) => reason === 'client-in-quarantine').map(({ name }) => name);
        expectEqual(
          newly,
          open.allowed.filter((tool) => !reads(tool)).map(({ name }) => name),
        );
        expectEqual([held.resources, held.prompts], [open.resources, open.prompts]);
      }),
      runs,
    );
  });

  it('is never more by a policy than without one, and says by which rule', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, policyArbitrary, partiesArbitrary, (consent, catalogue, policy, parties) => {
        const open = effectiveTools(consent, catalogue, at);
        const bounded = effectiveTools(consent, catalogue, { ...at, rules: rulesFor(policy, parties) });
        expectEqual(
          bounded.allowed.filter((tool) => !open.allowed.includes(tool)),
          [],
        );
        expectEqual([bounded.resources && !open.resources, bounded.prompts && !open.prompts], [false, false]);
        const byRule = ['denied-by-policy', 'policy-time-over', 'needs-sign-in'];
        for (const { reason, rule } of [...bounded.leftOut, ...bounded.extrasLeftOut]) {
          expectEqual(byRule.includes(reason), rule !== undefined);
          if (rule !== undefined)
            expectEqual(
              policy.rules.some(({ name }) => name === rule),
              true,
            );
        }
      }),
      runs,
    );
  });

  it('never grows as time passes', () => {
    const later = fc.integer({ min: 0, max: 10_000 }).map((seconds) => new Date(now.getTime() + seconds * 1_000));
    fc.assert(
      fc.property(
        consentArbitrary,
        catalogueArbitrary,
        policyArbitrary,
        partiesArbitrary,
        later,
        (consent, catalogue, policy, parties, then) => {
          const rules = rulesFor(policy, parties);
          const before = effectiveTools(consent, catalogue, { ...at, rules });
          const after = effectiveTools(consent, catalogue, { ...at, rules, now: then });
          expectEqual(
            after.allowed.filter((tool) => !before.allowed.includes(tool)),
            [],
          );
          expectEqual([after.resources && !before.resources, after.prompts && !before.prompts], [false, false]);
          if (before.allowed.length > after.allowed.length)
            expectEqual(before.expiresAt && before.expiresAt.getTime() - 60_000 <= then.getTime(), true);
        },
      ),
      runs,
    );
  });

  it('ends with the earliest end of anything in it, by the person or by a rule', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, fc.option(fc.constantFrom(600, 3_600, 7_200)), (consent, catalogue, most) => {
        const rule: PolicyRule = { name: 'all', effect: 'allow', ...(most !== null && { forAtMostSeconds: most }) };
        const effective = effectiveTools(consent, catalogue, { ...at, rules: { allowing: [rule], denying: [] } });
        const parts = [
          ...effective.allowed,
          ...(['resources', 'prompts'] as const).flatMap((extra) => (effective[extra] ? [consent.own?.[extra]] : [])),
        ];
        if (parts.length === 0) return;
        const decided = parts.map((part) => part?.decidedAt ?? consent.decidedAt);
        const ends = [consent.expiresAt, ...parts.map((part) => part?.expiresAt)].flatMap((end) => (end ? [end.getTime()] : []));
        const byRule = most === null ? [] : decided.map((date) => date.getTime() + most * 1_000);
        const all = [...ends, ...byRule];
        expect(effective.expiresAt?.getTime()).toBe(all.length === 0 ? undefined : Math.min(...all));
      }),
      runs,
    );
  });

  it('allows nothing from the very moment on at which as much is left as the margin', () => {
    const tool = { name: 'a', digest: 'd1', risk: 'read' as const, openWorld: false };
    const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
    const left = (end: object, more: PolicyRule[] = [{ name: 'all', effect: 'allow' }]) =>
      effectiveTools({ tools: [tool], resources: false, prompts: false, decidedAt: now, ...end }, [tool], {
        ...at,
        rules: { allowing: more, denying: [] },
      }).allowed.length;
    expect([left({ expiresAt: inSeconds(60) }), left({ expiresAt: new Date(inSeconds(60).getTime() + 1) })]).toEqual([0, 1]);
    const ofTool = (end: Date) => left({ tools: [{ ...tool, expiresAt: end }] });
    expect([ofTool(inSeconds(60)), ofTool(new Date(inSeconds(60).getTime() + 1))]).toEqual([0, 1]);
    const byRule = (seconds: number) =>
      left({ decidedAt: inSeconds(-600) }, [{ name: 'brief', effect: 'allow', forAtMostSeconds: seconds }]);
    expect([byRule(660), byRule(661)]).toEqual([0, 1]);
  });

  it('whatever a server says of its tools afterwards, it is never more than with the tools as the person saw them', () => {
    fc.assert(
      fc.property(
        consentArbitrary,
        catalogueArbitrary,
        policyArbitrary,
        partiesArbitrary,
        fc.boolean(),
        (consent, catalogue, policy, parties, isInQuarantine) => {
          const bounds = { ...at, isInQuarantine, rules: rulesFor(policy, parties) };
          const seen = effectiveTools(consent, consent.tools, bounds);
          const claimed = effectiveTools(consent, catalogue, bounds);
          expectEqual(
            claimed.allowed.filter((tool) => !seen.allowed.includes(tool)),
            [],
          );
        },
      ),
      runs,
    );
  });

  it('a tool that is riskier now, and was accepted, must be allowed by the rules as it was and as it is', () => {
    const tool = { name: 'a', digest: 'd1', risk: 'read' as const, openWorld: false };
    const riskier = { ...tool, digest: 'd2', risk: 'destructive' as const, isAccepted: true };
    const consent = { tools: [tool], resources: false, prompts: false, decidedAt: now };
    const parties = { groups: [], client: { id: 'c', kind: 'manual' as const, isVerified: true }, resourceKey: 'https://a.example' };
    const under = (...rules: PolicyRule[]) => effectiveTools(consent, [riskier], { ...at, rules: rulesFor({ rules }, parties) });
    const all: PolicyRule = { name: 'all', effect: 'allow' };
    expect(under(all).allowed).toEqual([tool]);
    expect(under(all, { name: 'never', effect: 'deny', tools: [{ risk: 'destructive' }] }).leftOut).toEqual([
      { name: 'a', reason: 'denied-by-policy', rule: 'never' },
    ]);
    expect(under({ name: 'worst', effect: 'allow', tools: [{ risk: 'destructive' }] }).leftOut).toEqual([
      { name: 'a', reason: 'not-allowed-by-policy' },
    ]);
    const read: PolicyRule = { name: 'read', effect: 'allow', tools: [{ risk: 'read' }] };
    const brief: PolicyRule = { name: 'brief', effect: 'allow', tools: [{ risk: 'destructive' }], forAtMostSeconds: 3_600 };
    expect(under(read, brief).expiresAt).toEqual(new Date(now.getTime() + 3_600_000));
  });
});
