import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { asShown, type Consent, consentDurations, consentExpiry } from '../../../src/domain/consent.ts';
import { type AnswerState, type ConsentAnswer, settleAnswer } from '../../../src/domain/consent-answer.ts';
import { extrasToShow, standingTools, toolsToShow } from '../../../src/domain/consent-page.ts';
import { effectiveTools } from '../../../src/domain/effective-tools.ts';
import type { ConsentId } from '../../../src/domain/ids.ts';
import { judge, type PolicyRule, rulesFor, termOf, unrestricted } from '../../../src/domain/policy.ts';
import { isRiskier } from '../../../src/domain/risk.ts';
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

const durations = fc.constantFrom('1h' as const, '1d' as const, '30d' as const, 'until-revoked' as const, 'unchanged' as const);
const answers: fc.Arbitrary<ConsentAnswer> = fc.record({
  tickedTools: fc.array(fc.constantFrom<string[]>('a', 'b', 'c', 'd', 'e', '__proto__', 'constructor', 'never heard of')),
  resources: fc.boolean(),
  prompts: fc.boolean(),
  duration: durations,
});
const signIns = fc.option(
  fc.integer({ min: 0, max: 7_200 }).map((seconds) => new Date(now.getTime() - seconds * 1_000)),
  { nil: undefined },
);
const states: fc.Arbitrary<AnswerState & { isInQuarantine: boolean }> = fc
  .record({
    standing: standingArbitrary,
    policy: policyArbitrary,
    parties: partiesArbitrary,
    signedInAt: signIns,
    isInQuarantine: fc.boolean(),
  })
  .map(({ standing, policy, parties, signedInAt, isInQuarantine }) => ({
    standing,
    rules: rulesFor(policy, parties),
    now,
    isInQuarantine,
    ...(signedInAt && { signedInAt }),
  }));
const scenes = fc.record({ catalogue: catalogueArbitrary, ceiling: ceilingArbitrary, state: states, answer: answers });

function settle({ catalogue, ceiling, state, answer }: typeof scenes extends fc.Arbitrary<infer Scene> ? Scene : never) {
  const shown = { tools: toolsToShow(catalogue, ceiling, state), ...extrasToShow(ceiling, state) };
  return { shown, settled: settleAnswer(shown, answer, state) };
}

/** The consent that an answer makes. */
function consentOf(state: AnswerState, terms: Omit<Consent, 'id' | 'version' | 'salt' | 'decidedAt'>): Consent {
  return {
    ...terms,
    id: 'cns_1' as ConsentId,
    version: 2,
    salt: 'salt',
    decidedAt: now,
    ...(state.signedInAt && { signedInAt: state.signedInAt }),
  };
}

describe('settleAnswer', () => {
  it('ABUSE-38: allows exactly what was shown, could be ticked, and was, as it was shown', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const { shown, settled } = settle(scene);
        if (!settled.ok) return;
        const plain = settled.terms.tools.map(({ name, digest, risk, openWorld }) => ({ name, digest, risk, openWorld }));
        const ticked = shown.tools.filter(({ tool, isHeld }) => !isHeld && scene.answer.tickedTools.includes(tool.name));
        expect(plain).toEqual(ticked.map(({ tool }) => asShown(tool)));
        expect(settled.terms.resources).toBe(shown.resources.shown && scene.answer.resources);
        expect(settled.terms.prompts).toBe(shown.prompts.shown && scene.answer.prompts);
      }),
      fewerRuns,
    );
  });

  it('ABUSE-38: adds nothing that policy does not allow at this moment, whatever is sent', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const { settled } = settle(scene);
        if (!settled.ok) return;
        const { state, catalogue } = scene;
        const before = standingTools(catalogue, state);
        const wrong = settled.terms.tools.filter((tool) => {
          const stood = before.get(tool.name);
          const present = catalogue.find(({ name }) => name === tool.name);
          if (stood && present && !suspensionOf(present, stood)) return false;
          const permission = judge(state.rules, tool);
          if (permission.kind !== 'allowed') return true;
          const term = termOf(permission.by, { decidedAt: now, ...(state.signedInAt && { signedInAt: state.signedInAt }) });
          const end = tool.expiresAt ?? settled.terms.expiresAt;
          return term.kind !== 'good' || (term.endsAt !== undefined && (!end || end > term.endsAt));
        });
        expect(wrong).toEqual([]);
      }),
      fewerRuns,
    );
  });

  it('ABUSE-38: lets nothing last longer than was chosen, and nothing that is only kept longer than it did', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const { settled } = settle(scene);
        if (!settled.ok) return;
        const { state, answer, catalogue } = scene;
        const chosen = answer.duration === 'unchanged' ? state.standing?.expiresAt : consentExpiry(answer.duration, now);
        const { terms } = settled;
        const isUnbounded = answer.duration === 'unchanged' ? state.standing !== undefined && !chosen : answer.duration === 'until-revoked';
        for (const tool of terms.tools) {
          const end = tool.expiresAt ?? terms.expiresAt;
          if (!isUnbounded && chosen) expect(end && end <= chosen).toBe(true);
          if (!tool.decidedAt) continue;
          const stood = standingTools(catalogue, state).get(tool.name);
          const oldEnd = [stood?.expiresAt, state.standing?.expiresAt]
            .filter((at) => at !== undefined)
            .sort((a, b) => a.getTime() - b.getTime())[0];
          if (oldEnd) expect(end && end <= oldEnd).toBe(true);
        }
      }),
      fewerRuns,
    );
  });

  it('what it allows newly is effective at once, as long as policy says the same', () => {
    fc.assert(
      fc.property(scenes, (scene) => {
        const { settled } = settle(scene);
        if (!settled.ok) return;
        const { state, catalogue } = scene;
        const { leftOut } = effectiveTools(consentOf(state, settled.terms), catalogue, {
          ...state,
          isInQuarantine: false,
          marginSeconds: 0,
        });
        const renewed = settled.terms.tools.filter(({ decidedAt }) => !decidedAt).map(({ name }) => name);
        expect(leftOut.filter(({ name, reason }) => renewed.includes(name) && reason !== 'reported-riskier')).toEqual([]);
      }),
      fewerRuns,
    );
  });

  it('an answer that changes nothing changes nothing that counts: no tool comes, goes, or lasts longer', () => {
    fc.assert(
      fc.property(scenes, ({ catalogue: claimed, ceiling, state }) => {
        const { standing } = state;
        if (!standing) return;
        // What became milder, or was accepted for everybody, counts as it is now once the person has looked at it.
        const before = new Map(standing.tools.map((tool) => [tool.name, tool]));
        const catalogue = claimed.filter((tool) => !tool.isAccepted && !isRiskier(before.get(tool.name) ?? tool, tool));
        const shown = { tools: toolsToShow(catalogue, ceiling, state), ...extrasToShow(ceiling, state) };
        const answer: ConsentAnswer = {
          tickedTools: shown.tools.filter(({ ticked }) => ticked).map(({ tool }) => tool.name),
          resources: shown.resources.standing,
          prompts: shown.prompts.standing,
          duration: 'unchanged',
        };
        const settled = settleAnswer(shown, answer, state);
        if (!settled.ok) throw new Error('keeping takes no sign-in');
        const at = { ...state, marginSeconds: 0 };
        const [was, is] = [effectiveTools(standing, catalogue, at), effectiveTools(consentOf(state, settled.terms), catalogue, at)];
        expect(is.allowed.map(({ name }) => name)).toEqual(was.allowed.map(({ name }) => name));
        expect([is.resources, is.prompts]).toEqual([was.resources, was.prompts]);
        if (was.allowed.length > 0) expect(is.expiresAt).toEqual(was.expiresAt);
      }),
      fewerRuns,
    );
  });

  it('ends when the person chose; an unchanged end is the standing one, or the default at first', () => {
    const permission = judge(unrestricted, 'resources');
    const shown = {
      tools: [],
      resources: { shown: true, standing: true, isWithheld: false, permission },
      prompts: { shown: false, standing: false, isWithheld: false, permission },
    };
    const answer = { tickedTools: [], resources: true, prompts: false };
    const end = new Date(now.getTime() + 5_000);
    const standing = consentOf(
      { standing: undefined, rules: unrestricted, now },
      { tools: [], resources: true, prompts: false, expiresAt: end },
    );
    const endOf = (duration: ConsentAnswer['duration'], stood: Consent | undefined) => {
      const settled = settleAnswer(shown, { ...answer, duration }, { now, standing: stood, rules: unrestricted });
      return settled.ok ? settled.terms.expiresAt : 'needs a sign-in';
    };
    expect(endOf('1h', standing)).toEqual(new Date(now.getTime() + 3_600_000));
    expect(endOf('until-revoked', standing)).toBeUndefined();
    expect(endOf('unchanged', standing)).toEqual(end);
    expect(endOf('unchanged', undefined)).toEqual(consentExpiry('30d', now));
  });
});

describe('limits of a policy', () => {
  const tool = (name: string) => ({ name, digest: 'd', risk: 'read' as const, openWorld: false });
  const catalogue = [tool('list'), tool('purge')];
  const rules: PolicyRule[] = [
    { name: 'all', effect: 'allow', tools: [{ name: 'list' }] },
    { name: 'purges', effect: 'allow', tools: [{ name: 'purge' }], forAtMostSeconds: 600, signedInWithinSeconds: 300 },
  ];
  const parties = { groups: [], client: { id: 'c', kind: 'manual' as const, isVerified: true }, resourceKey: 'https://a.example' };
  const inForce = rulesFor({ rules }, parties);
  const ceiling = { tools: 'all' as const, toolNames: [], resources: false, prompts: false };
  const secondsAgo = (seconds: number) => new Date(now.getTime() - seconds * 1_000);
  const answer = { tickedTools: ['list', 'purge'], resources: false, prompts: false, duration: '30d' as const };
  const decide = (state: Omit<AnswerState, 'rules'>, sent: ConsentAnswer = answer) => {
    const all = { ...state, rules: inForce, isInQuarantine: false };
    return settleAnswer({ tools: toolsToShow(catalogue, ceiling, all), ...extrasToShow(ceiling, all) }, sent, all);
  };

  it('a tool ends when its rule says, the others when the person chose', () => {
    const settled = decide({ now, standing: undefined, signedInAt: secondsAgo(10) });
    if (!settled.ok) throw new Error('the sign-in is recent');
    expect(settled.terms.expiresAt).toEqual(consentExpiry('30d', now));
    expect(settled.terms.tools.map(({ name, expiresAt }) => [name, expiresAt])).toEqual([
      ['list', undefined],
      ['purge', secondsAgo(-600)],
    ]);
  });

  it('an old sign-in, or none, is named with what it is needed for', () => {
    for (const signedIn of [{ signedInAt: secondsAgo(301) }, {}]) {
      const settled = decide({ now, standing: undefined, ...signedIn });
      expect(settled).toEqual({ ok: false, needsSignIn: { withinSeconds: 300, for: ['purge'] } });
    }
    expect(decide({ now, standing: undefined }, { ...answer, tickedTools: ['list'] }).ok).toBe(true);
  });

  it('what is kept needs no sign-in; to let it last longer does', () => {
    const given = decide({ now: secondsAgo(120), standing: undefined, signedInAt: secondsAgo(130) });
    if (!given.ok) throw new Error('the sign-in is recent');
    const standing: Consent = {
      ...given.terms,
      id: 'cns_1' as ConsentId,
      version: 1,
      salt: 's',
      decidedAt: secondsAgo(120),
      signedInAt: secondsAgo(130),
    };
    const kept = decide({ now, standing, signedInAt: secondsAgo(3_600) }, { ...answer, duration: 'unchanged' });
    expect(kept).toMatchObject({
      ok: true,
      terms: { tools: [{ name: 'list' }, { name: 'purge', expiresAt: secondsAgo(-480), decidedAt: secondsAgo(120) }] },
    });
    expect(decide({ now, standing, signedInAt: secondsAgo(3_600) })).toMatchObject({ ok: false, needsSignIn: { for: ['purge'] } });
    expect(decide({ now, standing, signedInAt: secondsAgo(5) })).toMatchObject({
      ok: true,
      terms: { tools: [{ name: 'list' }, { name: 'purge', expiresAt: secondsAgo(-600) }] },
    });
  });

  it('offers the durations that are written down', () => {
    expect(Object.keys(consentDurations)).toEqual(['1h', '1d', '30d', 'until-revoked']);
  });
});
