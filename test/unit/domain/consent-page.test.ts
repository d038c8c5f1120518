import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isUnderCeiling } from '../../../src/domain/ceiling.ts';
import { extrasToShow, type PageState, standingTools, toolsToShow } from '../../../src/domain/consent-page.ts';
import { effectiveTools } from '../../../src/domain/effective-tools.ts';
import { judge, rulesFor, unrestricted } from '../../../src/domain/policy.ts';
import { suspensionOf } from '../../../src/domain/suspension.ts';
import {
  catalogueArbitrary,
  ceilingArbitrary,
  fewerRuns,
  now,
  partiesArbitrary,
  policyArbitrary,
  standingArbitrary,
} from './arbitraries.ts';

const states: fc.Arbitrary<PageState> = fc
  .tuple(standingArbitrary, fc.boolean(), policyArbitrary, partiesArbitrary)
  .map(([standing, isInQuarantine, policy, parties]) => ({ standing, isInQuarantine, rules: rulesFor(policy, parties), now }));

describe('toolsToShow', () => {
  it('ABUSE-38: shows only what is asked for or was allowed before', () => {
    fc.assert(
      fc.property(catalogueArbitrary, ceilingArbitrary, states, (catalogue, ceiling, state) => {
        const wrong = toolsToShow(catalogue, ceiling, state).filter(({ tool, standing: relation }) => {
          const before = state.standing?.tools.some(({ name }) => name === tool.name) ?? false;
          return !(before || isUnderCeiling(ceiling, tool)) || (relation === 'new') === standingTools(catalogue, state).has(tool.name);
        });
        expect(wrong).toEqual([]);
      }),
      fewerRuns,
    );
  });

  it('ticks by itself no tool that destroys or reaches out, none that got riskier, and nothing new on a repeat', () => {
    fc.assert(
      fc.property(catalogueArbitrary, ceilingArbitrary, states, (catalogue, ceiling, state) => {
        const wrong = toolsToShow(catalogue, ceiling, state).filter(({ tool, ticked }) => {
          const stood = standingTools(catalogue, state).get(tool.name);
          const mayBeTicked = stood ? !suspensionOf(tool, stood) : !state.standing && tool.risk !== 'destructive' && !tool.openWorld;
          return ticked && !mayBeTicked;
        });
        expect(wrong).toEqual([]);
      }),
      fewerRuns,
    );
  });

  it('keeps every tool that was allowed on the page as long as the server has it', () => {
    fc.assert(
      fc.property(catalogueArbitrary, ceilingArbitrary, states, (catalogue, ceiling, state) => {
        const shown = toolsToShow(catalogue, ceiling, state).map(({ tool }) => tool.name);
        const present = catalogue.map(({ name }) => name);
        expect(state.standing?.tools.filter(({ name }) => shown.includes(name) !== present.includes(name)) ?? []).toEqual([]);
      }),
      fewerRuns,
    );
  });

  it('ABUSE-38: lets be ticked nothing that policy or quarantine hold, unless it stands', () => {
    fc.assert(
      fc.property(catalogueArbitrary, ceilingArbitrary, states, (catalogue, ceiling, state) => {
        const shown = toolsToShow(catalogue, ceiling, state);
        const wrong = shown.filter(({ tool, isHeld, ticked }) => {
          const holds = judge(state.rules, tool).kind !== 'allowed' || (state.isInQuarantine && tool.risk !== 'read');
          const stood = standingTools(catalogue, state).get(tool.name);
          const stands = stood !== undefined && !suspensionOf(tool, stood);
          return isHeld !== (holds && !stands) || (isHeld && ticked);
        });
        expect(wrong).toEqual([]);
        const open = toolsToShow(catalogue, ceiling, { ...state, isInQuarantine: false, rules: unrestricted });
        expect(shown.map(({ tool }) => tool)).toEqual(open.map(({ tool }) => tool));
      }),
      fewerRuns,
    );
  });

  it('takes for standing exactly what is effective, or waits for something that may come back', () => {
    fc.assert(
      fc.property(catalogueArbitrary, states, (catalogue, state) => {
        const { standing, ...rest } = state;
        if (!standing) return;
        const { allowed, leftOut } = effectiveTools(standing, catalogue, { ...rest, marginSeconds: 0 });
        const lapsed = leftOut.filter(({ reason }) => ['tool-expired', 'policy-time-over', 'needs-sign-in'].includes(reason));
        const before = standingTools(catalogue, state);
        expect(allowed.filter(({ name }) => !before.has(name))).toEqual([]);
        expect(lapsed.filter(({ name }) => before.has(name))).toEqual([]);
      }),
      fewerRuns,
    );
  });
});

describe('extrasToShow', () => {
  it('offers what is asked for and allowed, or stands, and says what it withholds', () => {
    fc.assert(
      fc.property(ceilingArbitrary, states, (ceiling, state) => {
        const shown = extrasToShow(ceiling, state);
        for (const extra of ['resources', 'prompts'] as const) {
          const isAllowed = judge(state.rules, extra).kind === 'allowed';
          const isAsked = ceiling[extra] || (state.standing?.[extra] ?? false);
          expect(shown[extra].shown).toBe(shown[extra].standing || (isAsked && isAllowed));
          expect(shown[extra].isWithheld).toBe(isAsked && !shown[extra].shown);
          if (shown[extra].standing) expect(state.standing?.[extra]).toBe(true);
        }
      }),
      fewerRuns,
    );
  });
});
