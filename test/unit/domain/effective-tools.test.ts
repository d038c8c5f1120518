import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { effectiveTools } from '../../../src/domain/effective-tools.ts';
import { isRiskier } from '../../../src/domain/risk.ts';
import { catalogueArbitrary, consentArbitrary, now, runs } from './arbitraries.ts';

const at = { now, marginSeconds: 60, isInQuarantine: false };

describe('effectiveTools', () => {
  it('allows only what was consented, is in the catalogue, and is not riskier now', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, (consent, catalogue) => {
        const wrong = effectiveTools(consent, catalogue, at).allowed.filter((tool) => {
          const present = catalogue.find(({ name }) => name === tool.name);
          return !consent.tools.includes(tool) || !present || isRiskier(present, tool);
        });
        expect(wrong).toEqual([]);
      }),
      runs,
    );
  });

  it('accounts for every consented tool: allowed, or left out with its reason', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, (consent, catalogue) => {
        const { allowed, leftOut } = effectiveTools(consent, catalogue, at);
        expect([...allowed, ...leftOut].map(({ name }) => name).sort()).toEqual(consent.tools.map(({ name }) => name).sort());
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
        if (over) expect(effective).toMatchObject({ allowed: [], resources: false, prompts: false });
        else expect(effective.resources).toBe(consent.resources);
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
        expect(grown).toEqual([]);
      }),
      runs,
    );
  });

  it('does not depend on the order of the catalogue or of the consent', () => {
    fc.assert(
      fc.property(consentArbitrary, catalogueArbitrary, (consent, catalogue) => {
        const turned = { ...consent, tools: [...consent.tools].reverse() };
        expect(effectiveTools(turned, [...catalogue].reverse(), at)).toEqual(effectiveTools(consent, catalogue, at));
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
        expect(held.allowed).toEqual(open.allowed.filter(({ name }) => risks.get(name) === 'read'));
        const newly = held.leftOut.filter(({ reason }) => reason === 'client-in-quarantine').map(({ name }) => name);
        expect(newly).toEqual(open.allowed.filter(({ name }) => risks.get(name) !== 'read').map(({ name }) => name));
        expect([held.resources, held.prompts, held.expiresAt]).toEqual([open.resources, open.prompts, open.expiresAt]);
      }),
      runs,
    );
  });
});
