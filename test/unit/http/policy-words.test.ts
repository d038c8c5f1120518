import { describe, expect, it } from '@jest/globals';
import type { PolicyRule } from '../../../src/domain/policy.ts';
import { choiceContext, firstDraft } from '../../../src/http/views/choice.ts';
import { durationOptions, firstDuration, offeredDurations } from '../../../src/http/views/durations.ts';
import { exactSpan, limitWords, mostSeconds } from '../../../src/http/views/policy-words.ts';
import { bounded, firstOffer, forbidden, issueTools, repeatOffer } from './offers.ts';

const now = new Date('2026-11-23T14:05:00Z');
const hour: PolicyRule = { name: 'hour', effect: 'allow', forAtMostSeconds: 3_600 };
const fresh: PolicyRule = { name: 'fresh', effect: 'allow', forAtMostSeconds: 86_400, signedInWithinSeconds: 300 };

describe('the words for limits', () => {
  it('are those of the rules that hold now', () => {
    expect(limitWords({ kind: 'allowed', by: [hour, fresh] }, { now })).toEqual(['for at most 1 hour']);
    expect(limitWords({ kind: 'allowed', by: [hour, fresh] }, { now, signedInAt: now })).toEqual(['for at most 1 day']);
    expect(limitWords({ kind: 'allowed', by: [hour] }, { now, most: 3_600 })).toEqual([]);
    expect(limitWords({ kind: 'allowed', by: [hour] }, { now, most: 86_400 })).toEqual(['for at most 1 hour']);
    expect(limitWords({ kind: 'allowed', by: [fresh] }, { now })).toEqual(['takes signing in again']);
    expect(limitWords({ kind: 'allowed', by: [{ name: 'all', effect: 'allow' }] }, { now })).toEqual([]);
    expect(limitWords({ kind: 'not-allowed' }, { now })).toEqual([]);
  });

  it.each([
    [60, '1 minute'],
    [900, '15 minutes'],
    [3_600, '1 hour'],
    [5_400, '90 minutes'],
    [86_400, '1 day'],
    [30 * 86_400, '30 days'],
    [61, '61 seconds'],
  ])('%i seconds are %s', (seconds, words) => {
    expect(exactSpan(seconds)).toBe(words);
  });

  it('the longest of any rule is what may be chosen', () => {
    expect(mostSeconds({ kind: 'allowed', by: [hour, fresh] })).toBe(86_400);
    expect(mostSeconds({ kind: 'allowed', by: [hour, { name: 'all', effect: 'allow' }] })).toBeUndefined();
    expect(mostSeconds({ kind: 'not-allowed' })).toBe(0);
  });
});

describe('the durations on offer', () => {
  it.each([
    [undefined, ['1h', '1d', '30d', 'until-revoked']],
    [600, ['1h']],
    [3_600, ['1h']],
    [8 * 3_600, ['1h', '1d']],
    [30 * 86_400, ['1h', '1d', '30d']],
    [90 * 86_400, ['1h', '1d', '30d', 'until-revoked']],
  ])('within %p seconds are %j', (most, offered) => {
    expect(offeredDurations(most)).toEqual(offered);
  });

  it('begin with the default, or the longest that there is, or what stands', () => {
    expect(firstDuration({ most: undefined })).toBe('30d');
    expect(firstDuration({ most: 3_600 })).toBe('1h');
    expect(firstDuration({ most: 3_600, standing: {} })).toBe('unchanged');
  });

  it('one that is cut says what it comes to', () => {
    const options = durationOptions({ most: 600 }, { chosen: '1h', now });
    expect(options).toEqual([
      { value: '1h', label: '23 November 2026, 14:15 UTC (10 minutes, the most your organisation allows)', selected: true },
    ]);
  });
});

describe('a page under a policy', () => {
  const contextOf = (offer: ReturnType<typeof firstOffer>) => choiceContext(offer, firstDraft(offer), { now, marks: false });
  const shownIn = (offer: ReturnType<typeof firstOffer>) => contextOf(offer).groups.flatMap(({ tools }) => tools.map(({ value }) => value));
  const outside = issueTools.filter(({ openWorld }) => openWorld).map(({ name }) => name);

  it('shows nothing that cannot be allowed, counts it nowhere, and names it', () => {
    const offer = bounded(firstOffer(issueTools, true));
    expect(outside.length).toBeGreaterThan(0);
    expect(shownIn(offer).filter((name) => outside.includes(name))).toEqual([]);
    const context = contextOf(offer);
    expect(context.toolCount).toBe(issueTools.length - outside.length);
    expect(context.withheld).toHaveLength(outside.length + 1);
    expect(context.withheld).toContain('Resources');
    expect(context.canAllow).toBe(true);
  });

  it('keeps what stands on it, waiting', () => {
    const tools = contextOf(bounded(repeatOffer(issueTools, ['delete_issue']))).groups.flatMap((group) => group.tools);
    const waiting = tools.filter(({ waits }) => waits);
    expect(waiting.map(({ value, ticked, isHeld }) => [value, ticked, isHeld])).toEqual(outside.map((name) => [name, true, false]));
  });

  it('that can allow nothing says so', () => {
    expect(contextOf(forbidden(firstOffer(issueTools)))).toMatchObject({ groups: [], toolCount: 0, canAllow: false });
  });
});
