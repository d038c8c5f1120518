import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isUnderCeiling } from '../../../src/domain/ceiling.ts';
import { areEmpty, areEqual, consentExpiry, extrasToShow, isInForce, termsOfAnswer, toolsToShow } from '../../../src/domain/consent.ts';
import { isRiskier } from '../../../src/domain/risk.ts';
import { catalogueArbitrary, ceilingArbitrary, consentArbitrary, now, runs, termsArbitrary } from './arbitraries.ts';

const standingArbitrary = fc.option(termsArbitrary, { nil: undefined });
const durations = fc.constantFrom('1h' as const, '1d' as const, '30d' as const, 'until-revoked' as const, 'unchanged' as const);
const answerArbitrary = fc.record({
  tickedTools: fc.array(fc.constantFrom<string[]>('a', 'b', 'c', 'd', 'e', '__proto__', 'constructor', 'never heard of')),
  resources: fc.boolean(),
  prompts: fc.boolean(),
  duration: durations,
});

describe('toolsToShow', () => {
  it('ABUSE-38: shows only what is asked for or stands', () => {
    fc.assert(
      fc.property(catalogueArbitrary, ceilingArbitrary, standingArbitrary, fc.boolean(), (catalogue, ceiling, standing, isInQuarantine) => {
        const wrong = toolsToShow(catalogue, ceiling, { standing, isInQuarantine }).filter(({ tool, standing: relation }) => {
          const stood = standing?.tools.some(({ name }) => name === tool.name) ?? false;
          return !(stood || isUnderCeiling(ceiling, tool)) || (relation === 'new') === stood;
        });
        expect(wrong).toEqual([]);
      }),
      runs,
    );
  });

  it('ticks by itself no tool that destroys or reaches out, none that got riskier, and nothing new on a repeat', () => {
    fc.assert(
      fc.property(catalogueArbitrary, ceilingArbitrary, standingArbitrary, fc.boolean(), (catalogue, ceiling, standing, isInQuarantine) => {
        const wrong = toolsToShow(catalogue, ceiling, { standing, isInQuarantine }).filter(({ tool, ticked }) => {
          const stood = standing?.tools.find(({ name }) => name === tool.name);
          const mayBeTicked = stood ? !isRiskier(tool, stood) : standing === undefined && tool.risk !== 'destructive' && !tool.openWorld;
          return ticked && !mayBeTicked;
        });
        expect(wrong).toEqual([]);
      }),
      runs,
    );
  });

  it('keeps every standing tool on the page as long as the server has it', () => {
    fc.assert(
      fc.property(catalogueArbitrary, ceilingArbitrary, termsArbitrary, fc.boolean(), (catalogue, ceiling, standing, isInQuarantine) => {
        const shown = toolsToShow(catalogue, ceiling, { standing, isInQuarantine }).map(({ tool }) => tool.name);
        const present = catalogue.map(({ name }) => name);
        const wrong = standing.tools.filter(({ name }) => shown.includes(name) !== present.includes(name));
        expect(wrong).toEqual([]);
      }),
      runs,
    );
  });
});

describe('a client in quarantine', () => {
  it('ABUSE-38: is allowed nothing new but reading, whatever is sent; what stands can be kept', () => {
    fc.assert(
      fc.property(catalogueArbitrary, ceilingArbitrary, standingArbitrary, answerArbitrary, (catalogue, ceiling, standing, answer) => {
        const tools = toolsToShow(catalogue, ceiling, { standing, isInQuarantine: true });
        const terms = termsOfAnswer({ tools, ...extrasToShow(ceiling, standing) }, answer, { now, standing });
        const wrong = terms.tools.filter((tool) => {
          const stood = standing?.tools.find(({ name }) => name === tool.name);
          return tool.risk !== 'read' && !(stood && !isRiskier(tool, stood));
        });
        expect(wrong).toEqual([]);
        expect(tools.filter(({ isHeld, ticked, tool }) => isHeld && (ticked || tool.risk === 'read'))).toEqual([]);
        const open = toolsToShow(catalogue, ceiling, { standing, isInQuarantine: false });
        expect(tools.map(({ tool }) => tool)).toEqual(open.map(({ tool }) => tool));
      }),
      runs,
    );
  });
});

describe('termsOfAnswer', () => {
  it('ABUSE-38: allows exactly what was shown and ticked, as it was shown', () => {
    fc.assert(
      fc.property(catalogueArbitrary, ceilingArbitrary, standingArbitrary, answerArbitrary, (catalogue, ceiling, standing, answer) => {
        const shown = { tools: toolsToShow(catalogue, ceiling, { standing, isInQuarantine: false }), ...extrasToShow(ceiling, standing) };
        const terms = termsOfAnswer(shown, answer, { now, standing });
        expect(terms.tools).toEqual(shown.tools.map(({ tool }) => tool).filter(({ name }) => answer.tickedTools.includes(name)));
        expect(terms.resources).toBe(shown.resources && answer.resources);
        expect(terms.prompts).toBe(shown.prompts && answer.prompts);
      }),
      runs,
    );
  });

  it('ends when the person chose; an unchanged end is the standing one, or the default at first', () => {
    const shown = { tools: [], resources: true, prompts: false };
    const answer = { tickedTools: [], resources: true, prompts: false };
    const end = new Date(now.getTime() + 5_000);
    const standing = { tools: [], resources: true, prompts: false, expiresAt: end };
    expect(termsOfAnswer(shown, { ...answer, duration: '1h' }, { now, standing }).expiresAt).toEqual(new Date(now.getTime() + 3_600_000));
    expect(termsOfAnswer(shown, { ...answer, duration: 'until-revoked' }, { now, standing }).expiresAt).toBeUndefined();
    expect(termsOfAnswer(shown, { ...answer, duration: 'unchanged' }, { now, standing }).expiresAt).toEqual(end);
    expect(termsOfAnswer(shown, { ...answer, duration: 'unchanged' }, { now, standing: undefined }).expiresAt).toEqual(
      consentExpiry('30d', now),
    );
  });
});

describe('a consent', () => {
  it('is in force until it is ended or its time is over', () => {
    fc.assert(
      fc.property(consentArbitrary, (consent) => {
        expect(isInForce(consent, now)).toBe(!consent.endedAt && (!consent.expiresAt || consent.expiresAt.getTime() > now.getTime()));
      }),
      runs,
    );
  });

  it('compares terms by what they allow, not by their order', () => {
    fc.assert(
      fc.property(termsArbitrary, (terms) => {
        expect(areEqual(terms, { ...terms, tools: [...terms.tools].reverse() })).toBe(true);
        expect(areEqual(terms, { ...terms, resources: !terms.resources })).toBe(false);
        const [first, ...rest] = terms.tools;
        if (first) {
          expect(areEqual(terms, { ...terms, tools: rest })).toBe(false);
          expect(areEqual(terms, { ...terms, tools: [{ ...first, digest: 'another' }, ...rest] })).toBe(false);
        }
      }),
      runs,
    );
    expect(areEmpty({ tools: [], resources: false, prompts: false })).toBe(true);
    expect(areEmpty({ tools: [], resources: false, prompts: true })).toBe(false);
  });
});
