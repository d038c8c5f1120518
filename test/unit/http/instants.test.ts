import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dayInWords, inWords } from '../../../src/http/views/instants.ts';

describe('instants in words', () => {
  it('are what British English makes of them, in UTC', () => {
    const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' });
    const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', hourCycle: 'h23', timeZone: 'UTC' });
    const dates = fc.date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(dates, (at) => {
        expect(inWords(at, at)).toBe(`${day.format(at)}, ${time.format(at)} UTC`);
        expect(inWords(at, new Date(at.getTime() + 3 * 86_400_000))).toBe(day.format(at));
        expect(dayInWords(at, at)).toBe(`Today, ${day.format(at)}`);
      }),
    );
  });
});
