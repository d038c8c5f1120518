import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { asShown, type CatalogueTool, type Consent } from '../../../src/domain/consent.ts';
import { effectiveTools } from '../../../src/domain/effective-tools.ts';
import type { ConsentId } from '../../../src/domain/ids.ts';
import { rulesFor } from '../../../src/domain/policy.ts';
import { latestToolTime, settleToolTime, standingTime } from '../../../src/domain/tool-time.ts';
import { catalogueArbitrary, consentArbitrary, now, partiesArbitrary, policyArbitrary, runs } from './arbitraries.ts';

const durations = fc.constantFrom('1h' as const, '1d' as const, '30d' as const, 'until-revoked' as const);
const signIns = fc.option(
  fc.integer({ min: 0, max: 7_200 }).map((seconds) => new Date(now.getTime() - seconds * 1_000)),
  { nil: undefined },
);
const scenes = fc.record({
  consent: consentArbitrary,
  catalogue: catalogueArbitrary,
  policy: policyArbitrary,
  parties: partiesArbitrary,
  isInQuarantine: fc.boolean(),
  duration: durations,
  signedInAt: signIns,
});

type Scene = typeof scenes extends fc.Arbitrary<infer Some> ? Some : never;

/** Every tool of a scene that the consent has and the catalogue too. */
function* toolsOf({ consent, catalogue, policy, parties, isInQuarantine }: Scene) {
  const at = { now, isInQuarantine, rules: rulesFor(policy, parties) };
  for (const tool of consent.tools) {
    const present = catalogue.find(({ name }) => name === tool.name);
    if (present) yield { consent, tool, present, at };
  }
}

const endMs = (end: Date | undefined) => end?.getTime() ?? Number.POSITIVE_INFINITY;

describe('until when one tool is allowed (10,000 cases each)', () => {
  it('counts afterwards, never longer than consent, policy and the time that was chosen', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        for (const state of toolsOf(scene)) {
          const before = standingTime(state);
          const settled = settleToolTime(state, scene.duration, { ...(scene.signedInAt && { signedInAt: scene.signedInAt }) });
          if (!settled.ok) {
            if ('problem' in settled) expect(before).toBeUndefined();
            continue;
          }
          const after = standingTime({ ...state, tool: settled.tool });
          expect(after).toBeDefined();
          expect(endMs(after?.endsAt)).toBeLessThanOrEqual(endMs(state.consent.expiresAt));
          expect(endMs(after?.endsAt)).toBeLessThanOrEqual(Math.max(endMs(before?.endsAt), endMs(latestToolTime(state))));
          // The definition that was shown stays what it was.
          expect(asShown(settled.tool)).toEqual(asShown(state.tool));
        }
      }),
      runs,
    );
  });

  it('changes nothing of the other tools, and never adds one', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const { consent, catalogue } = scene;
        for (const state of toolsOf(scene)) {
          const settled = settleToolTime(state, scene.duration, { ...(scene.signedInAt && { signedInAt: scene.signedInAt }) });
          if (!settled.ok) continue;
          const at = { ...state.at, marginSeconds: 0 };
          const tools = consent.tools.map((tool) => (tool === state.tool ? settled.tool : tool));
          const [before, after] = [effectiveTools(consent, catalogue, at), effectiveTools({ ...consent, tools }, catalogue, at)];
          expect(after.allowed.map(({ name }) => name)).toEqual(before.allowed.map(({ name }) => name));
          expect(after.leftOut).toEqual(before.leftOut);
        }
      }),
      runs,
    );
  });
});

describe('one tool', () => {
  const present: CatalogueTool = { name: 'a', digest: 'd1', risk: 'write', openWorld: false };
  const consent: Consent = {
    id: 'cns_1' as ConsentId,
    version: 1,
    salt: 'salt',
    tools: [asShown(present)],
    resources: false,
    prompts: false,
    decidedAt: new Date(now.getTime() - 3_600_000),
  };
  const [tool = asShown(present)] = consent.tools;
  const at = {
    now,
    isInQuarantine: false,
    rules: rulesFor(
      { rules: [{ name: 'all', effect: 'allow' }] },
      { groups: [], client: { id: 'c', kind: 'manual', isVerified: true }, resourceKey: 'r' },
    ),
  };
  const state = { consent, tool, present, at };

  it('shorter keeps the decision, longer is one of now', () => {
    const shorter = settleToolTime(state, '1h', { signedInAt: now });
    expect(shorter).toEqual({ ok: true, tool: { ...tool, expiresAt: new Date(now.getTime() + 3_600_000) } });
    if (!shorter.ok) throw new Error('not settled');
    const ending = { ...state, tool: shorter.tool, consent: { ...consent, tools: [shorter.tool] } };
    expect(settleToolTime(ending, '1d', { signedInAt: now })).toEqual({
      ok: true,
      tool: { ...tool, decidedAt: now, signedInAt: now, expiresAt: new Date(now.getTime() + 86_400_000) },
    });
    expect(settleToolTime(ending, 'until-revoked', {})).toEqual({ ok: true, tool: { ...tool, decidedAt: now } });
  });

  it.each([
    ['over', { tool: { ...tool, expiresAt: now } }],
    ['riskier now', { present: { ...present, digest: 'd2', risk: 'destructive' as const } }],
    ['of a consent that is over', { consent: { ...consent, expiresAt: now } }],
    ['of one that has ended', { consent: { ...consent, endedAt: now } }],
    ['held by a quarantine', { at: { ...at, isInQuarantine: true } }],
  ])('one that is %s has no time to change', (_what, change) => {
    expect(settleToolTime({ ...state, ...change }, 'until-revoked', {})).toEqual({ ok: false, problem: 'not-counting' });
  });
});
