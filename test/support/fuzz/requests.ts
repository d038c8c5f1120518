/**
 * Requests by chance: an honest one, changed in a few places. Most stay close to what is meant, so that they get past the first
 * check and meet the next. Everything is data: the same seed makes the same requests, and what breaks something shrinks to the
 * fewest changes that do.
 */
import fc from 'fast-check';
import { applyChange, type Change } from './changes.ts';
import type { Draft, Framing, PlaceName, Spelling } from './draft.ts';
import { authorizations, everything, registrations } from './honest.ts';
import { headerNames, memberNames, parameterNames } from './names.ts';
import { documentUrls, jsonValues, texts, urls } from './values.ts';

type Honest = Omit<Draft, 'place' | 'framing' | 'spelling'>;

const headerValues = fc.oneof(
  { weight: 3, arbitrary: texts.map((text) => text.replaceAll(/\p{Cc}/gu, '').slice(0, 3_000)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'text/html',
      'application/json',
      '*/*',
      'text/html;q=0.1, application/json',
      'gzip',
      'br;q=1',
      'bytes=0-1',
      'evil.example',
      'localhost',
      'a@b',
      'http://evil.example',
      'null',
      'cross-site',
      'same-origin',
      '127.0.0.1',
      '::1, 10.0.0.1',
      'Basic %%%',
      'Basic Og==',
      'Basic zqServerBasicqz',
      'Basic zqClientBasicqz',
      'Bearer zqManagementTokenqz',
      'Bearer zqDoomedTokenqz',
      'Bearer zqAccessTokenqz',
      'Bearer ',
      'DPoP zqAccessTokenqz',
      'zqCookiesqz',
      'zqLoginCookiesqz',
      'zqCookiesqz; zqLoginCookiesqz',
      'a=b; a=c; =; ;;',
      '*',
      'W/"x"',
      'Thu, 01 Jan 1970 00:00:00 GMT',
      '100-continue',
      'application/x-www-form-urlencoded; charset=utf-16',
      'application/json; charset="utf-8"; x',
      'multipart/form-data; boundary=x',
      'application/json-patch+json',
    ),
  },
);

const pathPieces = [
  '/',
  '//',
  '/.',
  '/..',
  '/%2e%2e',
  '/%2f',
  '%00',
  '%',
  '%zz',
  ';x=1',
  '/x',
  '/__proto__',
  '\\',
  '/zqUidqz',
  '/zqClientIdqz',
  '/zqConsentIdqz',
  '/t/fuzz-below',
  '/é',
  '*',
  `/${'x'.repeat(300)}`,
  '%c3%28',
];
const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'];
const bytes = fc.oneof(
  fc.json().map((text) => Buffer.from(text).toString('latin1')),
  fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString('latin1')),
  fc.constantFrom(
    '',
    '{',
    '[]',
    '"x"',
    'null',
    '{"redirect_uris":["https://app.example/cb"]',
    '\xef\xbb\xbf{}',
    '{"a":1}{"b":2}',
    '{"__proto__":{"redirect_uris":["https://app.example/cb"]}}',
    '&&&===',
    'a=b&a',
    '%',
  ),
  fc
    .tuple(fc.constantFrom('[', '{"a":', '"', 'a=b&', '\\"', ' ', 'x'), fc.integer({ min: 1, max: 12_000 }))
    .map(([unit, times]) => unit.repeat(times)),
  fc.integer({ min: 30_000, max: 70_000 }).map((length) => `{"redirect_uris":["https://app.example/cb"],"x":"${'x'.repeat(length)}"}`),
);

const at = fc.nat({ max: 30 });
const changes = {
  value: fc.record({ change: fc.constant('value' as const), at, value: texts }),
  url: fc.record({ change: fc.constant('value' as const), at: fc.constantFrom(1, 2, 5), value: fc.constantFrom(...urls, ...documentUrls) }),
  drop: fc.record({ change: fc.constant('drop' as const), at }),
  twice: fc.record({ change: fc.constant('twice' as const), at, value: texts }),
  add: fc.record({ change: fc.constant('add' as const), name: fc.constantFrom(...parameterNames), value: texts }),
  rename: fc.record({ change: fc.constant('rename' as const), at, name: fc.constantFrom(...parameterNames) }),
  member: fc.record({ change: fc.constant('member' as const), at, value: jsonValues }),
  newMember: fc.record({ change: fc.constant('new member' as const), name: fc.constantFrom(...memberNames), value: jsonValues }),
  memberTwice: fc.record({
    change: fc.constant('member twice' as const),
    name: fc.constantFrom(...memberNames),
    value: fc.oneof(
      jsonValues.map((value) => JSON.stringify(value) ?? 'null'),
      fc.constantFrom('1e400', '-0', '"\\ud800"', '"\\u0000"', 'nul'),
    ),
  }),
  inside: fc.record({ change: fc.constant('inside' as const), at, value: fc.oneof(fc.constantFrom(...urls), jsonValues) }),
  method: fc.record({ change: fc.constant('method' as const), method: fc.constantFrom(...methods) }),
  path: fc.record({ change: fc.constant('path' as const), at: fc.nat({ max: 4 }), piece: fc.constantFrom(...pathPieces) }),
  header: fc.record({ change: fc.constant('header' as const), name: fc.constantFrom(...headerNames), value: headerValues }),
  noHeader: fc.record({ change: fc.constant('no header' as const), at }),
  body: fc.record({ change: fc.constant('body' as const), bytes }),
  type: fc.record({ change: fc.constant('type' as const), value: headerValues }),
  asForm: fc.constant({ change: 'as form' as const }),
  toQuery: fc.constant({ change: 'to query' as const }),
} satisfies Record<string, fc.Arbitrary<Change>>;

/** Bodies of registrations. */
export const registrationRequests = requestsFrom(registrations, {
  weights: { member: 6, newMember: 6, inside: 6, memberTwice: 2, drop: 2, header: 1, body: 1, type: 1 },
  maxChanges: 5,
});

/** Queries of authorization requests. */
export const authorizationRequests = requestsFrom(authorizations, {
  weights: { value: 6, url: 4, twice: 2, drop: 2, add: 5, rename: 1, header: 2, noHeader: 1 },
  maxChanges: 5,
});

/** Everything. */
export const anyRequests = requestsFrom(everything, {
  weights: {
    value: 5,
    url: 2,
    drop: 3,
    twice: 3,
    add: 4,
    rename: 2,
    member: 3,
    newMember: 2,
    memberTwice: 1,
    inside: 2,
    method: 2,
    path: 3,
    header: 6,
    noHeader: 3,
    body: 2,
    type: 1,
    asForm: 1,
    toQuery: 1,
  },
  maxChanges: 6,
});

function requestsFrom(
  honest: readonly Honest[],
  { weights, maxChanges }: { weights: Partial<Record<keyof typeof changes, number>>; maxChanges: number },
): fc.Arbitrary<Draft> {
  const weighted = Object.entries(weights).map(([name, weight]) => ({
    weight,
    arbitrary: changes[name as keyof typeof changes] as fc.Arbitrary<Change>,
  }));
  const framings = fc.oneof(
    { weight: 30, arbitrary: fc.constant<Framing>('length') },
    { weight: 6, arbitrary: fc.constant<Framing>('chunked') },
    { weight: 1, arbitrary: fc.constantFrom<Framing>('both', 'too-short', 'too-long', 'odd-length', 'none') },
  );
  return fc
    .record({
      from: fc.constantFrom(...honest),
      place: fc.oneof(
        { weight: 3, arbitrary: fc.constant<PlaceName>('root') },
        { weight: 1, arbitrary: fc.constantFrom<PlaceName>('below', 'ownHost') },
      ),
      framing: framings,
      spelling: fc.oneof(
        { weight: 8, arbitrary: fc.constant<Spelling>('encoded') },
        { weight: 3, arbitrary: fc.constantFrom<Spelling>('raw', 'all-encoded', 'plus') },
      ),
      changed: fc.array(fc.oneof(...weighted), { maxLength: maxChanges }),
    })
    .map(({ from, place, framing, spelling, changed }) => changed.reduce(applyChange, { ...from, place, framing, spelling }));
}
