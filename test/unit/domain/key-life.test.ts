import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type KeyInLife, type KeyTerms, planKeyLife } from '../../../src/domain/key-life.ts';

const minute = 60_000;
const terms: KeyTerms = { rotationMs: 24 * 60 * minute, aheadMs: 10 * minute, afterMs: 20 * minute };
const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1) + minutes * minute);

/** Carries a plan out, as the service does on rows. */
function live(keys: readonly KeyInLife[], now: Date, request?: 'rotate' | 'withdraw'): KeyInLife[] {
  const plan = planKeyLife(keys, terms, { now, ...(request && { request }) });
  const { change, makeNext, reschedule } = plan;
  const fresh = () => `k${keys.length + made.length}-${now.getTime()}`;
  const made: KeyInLife[] = [];
  let after = keys.map((key): KeyInLife => {
    const { changesAt: _, ...rest } = key;
    if (plan.retire.includes(key.kid)) return { ...rest, state: 'retired' };
    if (change?.previous === key.kid && change.publishedUntil) return { ...rest, state: 'retiring', changesAt: change.publishedUntil };
    if (change?.successor === key.kid) return { ...rest, state: 'current', signsFrom: now };
    return reschedule?.kid === key.kid ? { ...key, changesAt: reschedule.changesAt } : key;
  });
  if (change && change.successor === undefined) made.push({ kid: fresh(), state: 'current', createdAt: now, signsFrom: now });
  if (makeNext) made.push({ kid: fresh(), state: 'next', createdAt: now, changesAt: makeNext.changesAt });
  after = [...after, ...made];
  return after;
}

const count = (keys: readonly KeyInLife[], wanted: string) => keys.filter(({ state }) => state === wanted).length;

describe('the life of signing keys', () => {
  it('begins with one that signs and one that waits', () => {
    const keys = live([], at(0));
    expect(keys.map(({ state }) => state)).toEqual(['current', 'next']);
    expect(keys[1]?.changesAt).toEqual(at(24 * 60));
  });

  it('gives a key of an earlier version, without dates, a successor that waits for readers', () => {
    const keys = live([{ kid: 'old', state: 'current', createdAt: at(-100 * 24 * 60) }], at(0));
    expect(keys.map(({ state }) => state)).toEqual(['current', 'next']);
    expect(keys[1]?.changesAt).toEqual(at(10));
  });

  it('goes on by schedule, and publishes a key for as long as what it signed lives', () => {
    const began = live([], at(0));
    expect(planKeyLife(began, terms, { now: at(24 * 60 - 1) })).toEqual({ retire: [] });
    const rotated = live(began, at(24 * 60));
    expect(rotated.map(({ state }) => state)).toEqual(['retiring', 'current', 'next']);
    expect(planKeyLife(rotated, terms, { now: at(24 * 60 + 19) })).toEqual({ retire: [] });
    expect(planKeyLife(rotated, terms, { now: at(24 * 60 + 20) })).toEqual({ retire: [rotated[0]?.kid] });
  });

  it('asked to rotate, waits until readers have the key that waits, and no longer', () => {
    const began = live([], at(0));
    const asked = live(began, at(2), 'rotate');
    expect(asked.map(({ state }) => state)).toEqual(['current', 'next']);
    expect(asked[1]?.changesAt).toEqual(at(10));
    expect(live(asked, at(9), 'rotate')[1]?.changesAt).toEqual(at(10));
    expect(live(asked, at(10)).map(({ state }) => state)).toEqual(['retiring', 'current', 'next']);
    expect(live(began, at(11), 'rotate').map(({ state }) => state)).toEqual(['retiring', 'current', 'next']);
  });

  it('asked to withdraw, withdraws the key that signs at once, and lets the next one sign', () => {
    const keys = live(live([], at(0)), at(1), 'withdraw');
    expect(keys.map(({ state }) => state)).toEqual(['retired', 'current', 'next']);
    const alone = live([{ kid: 'old', state: 'current', createdAt: at(0) }], at(1), 'withdraw');
    expect(alone.map(({ state }) => state)).toEqual(['retired', 'current', 'next']);
  });

  it('a shorter schedule is in force at once', () => {
    const began = live([], at(0));
    const plan = planKeyLife(began, { ...terms, rotationMs: 60 * minute }, { now: at(1) });
    expect(plan.reschedule?.changesAt).toEqual(at(60));
  });

  it('ABUSE-54: whatever is asked and whenever: one signs, one waits, none signs before readers have it, none goes before its time', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.constantFrom(undefined, 'rotate' as const)), { maxLength: 30 });
    fc.assert(
      fc.property(steps, (moments) => {
        let now = 0;
        let keys = live([], at(0));
        const stoppedSigning = new Map<string, number>();
        for (const [minutes, request] of moments) {
          now += minutes;
          const before = keys;
          keys = live(keys, at(now), request);
          expect([count(keys, 'current'), count(keys, 'next')]).toEqual([1, 1]);
          for (const { kid, state, createdAt } of keys) {
            const was = before.find((key) => key.kid === kid)?.state;
            if (was === 'next' && state === 'current')
              expect(now * minute - (createdAt.getTime() - at(0).getTime())).toBeGreaterThanOrEqual(terms.aheadMs);
            if (was === 'current' && state === 'retiring') stoppedSigning.set(kid, now);
            if (was !== 'retired' && state === 'retired')
              expect((now - (stoppedSigning.get(kid) ?? now)) * minute).toBeGreaterThanOrEqual(terms.afterMs);
          }
          // Asked again at the same moment, nothing is left to do.
          expect(planKeyLife(keys, terms, { now: at(now) })).toEqual({ retire: [] });
        }
      }),
    );
  });
});
