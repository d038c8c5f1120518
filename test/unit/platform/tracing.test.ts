import { describe, expect, it } from '@jest/globals';
import { errorType } from '../../../src/platform/tracing/parts.ts';
import { nameStatement } from '../../../src/platform/tracing/trace-database.ts';
import { readTraceparent } from '../../../src/platform/tracing.ts';

describe('nameStatement', () => {
  it.each([
    ['SELECT "public"."users"."id" FROM "public"."users" WHERE "email" = $1', 'SELECT users'],
    ['INSERT INTO "public"."clients" ("id") VALUES ($1)', 'INSERT clients'],
    ['UPDATE "consents" SET "ended_at" = $1 WHERE 1=1', 'UPDATE consents'],
    ['DELETE FROM artifacts WHERE digest = $1', 'DELETE artifacts'],
    ['  begin', 'BEGIN'],
    ['SET LOCAL lock_timeout = 5', 'SET'],
    ['SELECT 1', 'SELECT'],
    ["SELECT 'canary'", 'SELECT'],
    ["SELECT * FROM 'canary'", 'SELECT'],
    ["canary 'text' FROM users", 'statement'],
    ['', 'statement'],
  ])('%s is %s', (text, summary) => {
    expect(nameStatement(text).summary).toBe(summary);
  });
});

describe('readTraceparent', () => {
  const ids = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'] as const;
  const [traceId, spanId] = ids;
  const text = ids.join('-');

  it('reads both ids and whether it is kept, of versions to come too', () => {
    expect(readTraceparent(`00-${text}-01`)).toEqual({ traceId, spanId, isSampled: true });
    expect(readTraceparent(`00-${text}-fe`)).toEqual({ traceId, spanId, isSampled: false });
    expect(readTraceparent(`cc-${text}-01-what-may-come`)).toEqual({ traceId, spanId, isSampled: true });
  });

  it.each([
    undefined,
    '',
    `00-${text}`,
    `00-${text}-01-more`,
    `ff-${text}-01`,
    `00-${text.toUpperCase()}-01`,
    `00-${text}-01, 00-${text}-01`,
  ])('%s is none', (header) => {
    expect(readTraceparent(header)).toBeUndefined();
  });

  it('ids of zeros are none', () => {
    expect(readTraceparent(`00-${'0'.repeat(32)}-${spanId}-01`)).toBeUndefined();
    expect(readTraceparent(`00-${traceId}-${'0'.repeat(16)}-01`)).toBeUndefined();
  });
});

describe('errorType', () => {
  it('is a code or a class, never what an error says', () => {
    expect(errorType(Object.assign(new Error('canary'), { code: '23505' }))).toBe('23505');
    expect(errorType(new TypeError('canary'))).toBe('TypeError');
    expect(errorType(Object.assign(new Error('canary'), { code: 'has spaces: canary' }))).toBe('Error');
    expect(errorType('canary')).toBe('_OTHER');
    expect(errorType(undefined)).toBe('_OTHER');
  });
});
