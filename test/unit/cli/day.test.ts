import { describe, expect, it } from '@jest/globals';
import { readDay } from '../../../src/cli/day.ts';

/** A Friday. */
const now = new Date('2026-11-27T14:30:00Z');
const spell = (text: string, at = now) => {
  const day = readDay(text, at);
  return day && `${day.since.toISOString()} ${day.until.toISOString()}`;
};
const from = (day: string, next: string) => `${day}T00:00:00.000Z ${next}T00:00:00.000Z`;

describe('a day', () => {
  it.each([
    ['2026-11-24', from('2026-11-24', '2026-11-25')],
    ['2028-02-29', from('2028-02-29', '2028-03-01')],
    ['today', from('2026-11-27', '2026-11-28')],
    ['yesterday', from('2026-11-26', '2026-11-27')],
    ['tuesday', from('2026-11-24', '2026-11-25')],
    ['Thursday', from('2026-11-26', '2026-11-27')],
    ['saturday', from('2026-11-21', '2026-11-22')],
    // The last one, not the one that is.
    ['friday', from('2026-11-20', '2026-11-21')],
  ])('%s is read', (text, expected) => {
    expect(spell(text)).toBe(expected);
  });

  it('begins and ends in UTC', () => {
    expect(spell('today', new Date('2026-11-27T00:00:00Z'))).toBe(from('2026-11-27', '2026-11-28'));
    expect(spell('yesterday', new Date('2026-11-26T23:59:59.999Z'))).toBe(from('2026-11-25', '2026-11-26'));
  });

  it.each(['2026-02-30', '2026-13-01', 'tue', 'tomorrow', '', '7d'])('"%s" is none', (text) => {
    expect(spell(text)).toBeUndefined();
  });
});
