import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { createArgumentDigest } from '../../../src/resource-server/argument-digest.ts';
import { createArgumentKeeper, MAX_KEPT_BYTES } from '../../../src/resource-server/argument-policy.ts';
import { canonicalJson } from '../../../src/resource-server/canonical-json.ts';
import { traceIdOf } from '../../../src/resource-server/trace-parent.ts';

describe('canonical JSON', () => {
  it('is what RFC 8785 says', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        expect(canonicalJson(value)).toBe(canonicalize(value));
      }),
    );
    const literal = '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"a":"\\u20ac$\\u000f\\nA\'B\\"\\\\"}';
    expect(canonicalJson(JSON.parse(literal))).toBe('{"a":"€$\\u000f\\nA\'B\\"\\\\","numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}');
  });

  it('ABUSE-10: is not written for what is nested without end', () => {
    expect(canonicalJson(JSON.parse('['.repeat(64) + ']'.repeat(64)))).toBeDefined();
    expect(canonicalJson(JSON.parse('['.repeat(5000) + ']'.repeat(5000)))).toBeUndefined();
  });
});

describe('the digest of arguments', () => {
  it('is keyed: the same for equal arguments of one credential, and nothing that others can try out', async () => {
    const [digest, other] = [createArgumentDigest('secret-1'), createArgumentDigest('secret-2')];
    const value = await digest({ id: 7, name: 'x' });
    expect(await digest({ name: 'x', id: 7 })).toBe(value);
    expect(await digest({ name: 'x', id: 8 })).not.toBe(value);
    expect(await other({ id: 7, name: 'x' })).not.toBe(value);
    expect(value).not.toBe(createHash('sha256').update('{"id":7,"name":"x"}').digest('base64url'));
    expect(value).not.toBe(createHmac('sha256', 'secret-1').update('{"id":7,"name":"x"}').digest('base64url'));
    expect(await digest(JSON.parse('['.repeat(5000) + ']'.repeat(5000)))).toBeUndefined();
  });
});

describe('which arguments are reported', () => {
  const value = { id: 7, user: { name: 'Ada', Password: 'x', list: [{ token_id: 1, mail: 'm' }, { mail: 'n' }] } };

  it('none, unless a policy says so', () => {
    expect(createArgumentKeeper({})('look', value)).toBeUndefined();
    expect(createArgumentKeeper({ arguments: 'never', redact: ['$.id'] })('look', value)).toBeUndefined();
    expect(createArgumentKeeper({ arguments: ['look'] })('peek', value)).toBeUndefined();
    expect(createArgumentKeeper({ arguments: [] })('', value)).toBeUndefined();
  });

  it('ABUSE-74: what looks like a secret by its name goes in any case', () => {
    const kept = createArgumentKeeper({ arguments: 'always' })('look', value);
    expect(kept).toEqual({
      id: 7,
      user: { name: 'Ada', Password: '[redacted]', list: [{ token_id: '[redacted]', mail: 'm' }, { mail: 'n' }] },
    });
    expect(value.user.Password).toBe('x');
  });

  it.each<[string, unknown]>([
    ['$.id', { id: '[redacted]', a: [{ b: 1, c: 'd' }, 2] }],
    ['$.a', { id: 1, a: '[redacted]' }],
    ['$.a[1]', { id: 1, a: [{ b: 1, c: 'd' }, '[redacted]'] }],
    ['$.a[*]', { id: 1, a: ['[redacted]', '[redacted]'] }],
    ['$.a[*].b', { id: 1, a: [{ b: '[redacted]', c: 'd' }, 2] }],
    ['$..b', { id: 1, a: [{ b: '[redacted]', c: 'd' }, 2] }],
    ["$['a'][0]['c']", { id: 1, a: [{ b: 1, c: '[redacted]' }, 2] }],
    ['$.*', { id: '[redacted]', a: '[redacted]' }],
    ['$.nothing.b', { id: 1, a: [{ b: 1, c: 'd' }, 2] }],
  ])('the path %s', (path, expected) => {
    const kept = createArgumentKeeper({ arguments: 'always', redact: [path] })('look', { id: 1, a: [{ b: 1, c: 'd' }, 2] });
    expect(kept).toEqual(expected);
  });

  it.each(['', '$', 'password', '.a', '$a', '$.a[', '$.a[x]', "$['a", '$.a..', '$.a b', '$.'])('a path that is none: %j', (path) => {
    expect(() => createArgumentKeeper({ redact: [path] })).toThrow(TypeError);
  });

  it('none that are too long or too deep; nothing in them that a database takes for no text', () => {
    const keep = createArgumentKeeper({ arguments: 'always' });
    expect(keep('look', { a: 'ü'.repeat(MAX_KEPT_BYTES / 2) })).toBeUndefined();
    expect(keep('look', JSON.parse('[['.repeat(20) + ']]'.repeat(20)))).toBeUndefined();
    expect(keep('look', { 'a\0': ['x\0y', '\ud800'] })).toEqual({ 'a\uFFFD': ['x\uFFFDy', '\uFFFD'] });
    expect(keep('look', JSON.parse('{"__proto__":{"a":1}}'))).toEqual(JSON.parse('{"__proto__":{"a":1}}'));
  });
});

describe('the trace of a request', () => {
  const id = '0af7651916cd43dd8448eb211c80319c';
  it.each([
    [`00-${id}-b7ad6b7169203331-01`, id],
    [`cc-${id}-b7ad6b7169203331-01-more`, id],
    [`00-${'0'.repeat(32)}-b7ad6b7169203331-01`, undefined],
    [`00-${id.toUpperCase()}-b7ad6b7169203331-01`, undefined],
    [`00-${id}-b7ad6b7169203331-01\r\nx`, undefined],
    ['', undefined],
    [undefined, undefined],
  ])('MCP-54: %j', (header, expected) => {
    expect(traceIdOf(header)).toBe(expected);
  });
});
