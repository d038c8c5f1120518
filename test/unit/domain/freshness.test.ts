import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { freshSeconds } from '../../../src/domain/freshness.ts';

const bounds = { least: 60, unsaid: 600, most: 86_400 };
const now = new Date('2026-03-01T12:00:00Z');
const fresh = (headers: Record<string, string>) => freshSeconds(new Headers(headers), now, bounds);

describe('how long a document is fresh', () => {
  it.each([
    [{}, 600],
    [{ 'cache-control': 'max-age=300' }, 300],
    [{ 'cache-control': 'public, Max-Age="300"' }, 300],
    [{ 'cache-control': 'max-age=300, s-maxage=900' }, 900],
    [{ 'cache-control': 'max-age=300', age: '100' }, 200],
    [{ 'cache-control': 'max-age=300', age: '280' }, 60],
    [{ 'cache-control': 'max-age=300', expires: 'Sun, 01 Mar 2026 13:00:00 GMT' }, 300],
    [{ expires: 'Sun, 01 Mar 2026 12:10:00 GMT' }, 600],
    [{ expires: 'Sun, 01 Mar 2026 12:20:00 GMT', date: 'Sun, 01 Mar 2026 12:10:00 GMT' }, 600],
    [{ expires: 'Sun, 01 Mar 2026 11:00:00 GMT' }, 60],
    [{ expires: '0' }, 60],
    [{ 'cache-control': 'no-store' }, 60],
    [{ 'cache-control': 'no-cache, max-age=3600' }, 60],
    [{ 'cache-control': 'max-age=0' }, 60],
    [{ 'cache-control': 'max-age=-5' }, 60],
    [{ 'cache-control': 'max-age=soon' }, 60],
    [{ 'cache-control': 'private' }, 600],
  ])('of %j is %d seconds', (headers, seconds) => {
    expect(fresh(headers)).toBe(seconds);
  });

  it('ABUSE-17: max-age=1e9 and its kind are capped at a day', () => {
    expect(fresh({ 'cache-control': 'max-age=1000000000' })).toBe(86_400);
    expect(fresh({ expires: 'Fri, 01 Jan 9999 00:00:00 GMT' })).toBe(86_400);
    expect(fresh({ 'cache-control': 'max-age=1e9' })).toBe(60);
  });

  it('stays within its bounds whatever is sent', () => {
    const text = fc.string().filter((value) => /^[\x21-\x7e]*$/.test(value));
    const header = fc.oneof(
      text,
      fc.nat().map((seconds) => `max-age=${seconds}`),
      fc.date({ noInvalidDate: true }).map((at) => at.toUTCString()),
    );
    const headers = fc.record({ 'cache-control': header, expires: header, date: header, age: header }, { requiredKeys: [] });
    fc.assert(
      fc.property(headers, (sent) => {
        const seconds = fresh(sent);
        return seconds >= bounds.least && seconds <= bounds.most && Number.isInteger(seconds);
      }),
    );
  });
});
