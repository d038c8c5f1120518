import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BoundedMap } from '../../../src/resource-server/bounded-map.ts';
import { corsHeaders, judgeOrigin } from '../../../src/resource-server/origin.ts';
import { createSessionBinding } from '../../../src/resource-server/session-binding.ts';
import { accessWith } from './access-for-tests.ts';

describe('MCP-54: origins', () => {
  const local = { resource: 'http://localhost:4001/mcp' };
  const remote = { resource: 'https://mcp.example/mcp' };
  const listed = { ...remote, allowedOrigins: ['https://app.example'] };

  it.each([
    [undefined, local, 'absent'],
    ['http://localhost:4001', local, 'absent'],
    ['http://localhost:6274', local, 'allowed'],
    ['http://127.0.0.1:6274', local, 'allowed'],
    ['http://[::1]:6274', local, 'allowed'],
    ['https://evil.example', local, 'foreign'],
    ['http://localhost.evil.example', local, 'foreign'],
    ['http://127.0.0.1.evil.example', local, 'foreign'],
    ['http://localhost@evil.example', local, 'foreign'],
    ['null', local, 'foreign'],
    ['', local, 'foreign'],
    ['https://mcp.example', remote, 'absent'],
    ['https://evil.example', remote, 'unjudged'],
    ['https://app.example', listed, 'allowed'],
    ['https://app.example.evil.example', listed, 'foreign'],
    ['http://app.example', listed, 'foreign'],
    ['null', listed, 'foreign'],
  ])('%j at %j is %s', (origin, rules, judgement) => {
    expect(judgeOrigin(origin, rules)).toBe(judgement);
  });

  it('MCP-40: WWW-Authenticate is exposed to whoever reads, and reading is for allowed pages', () => {
    expect(corsHeaders('https://app.example', 'allowed')).toEqual({
      'access-control-expose-headers': 'WWW-Authenticate, Mcp-Session-Id, Retry-After',
      'access-control-allow-origin': 'https://app.example',
      vary: 'Origin',
    });
    expect(corsHeaders('https://evil.example', 'unjudged')).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('MCP-39: sessions', () => {
  it('belong to the subject and client that opened them', () => {
    const sessions = createSessionBinding();
    sessions.remember('s1', accessWith('', { subject: 'usr_ada' }));
    expect(sessions.isForeign('s1', accessWith('tool:x', { subject: 'usr_ada' }))).toBe(false);
    expect(sessions.isForeign('s1', accessWith('', { subject: 'usr_grace' }))).toBe(true);
    expect(sessions.isForeign('s1', accessWith('', { subject: 'usr_ada', clientId: 'client-2' }))).toBe(true);
    expect(sessions.isForeign('never seen', accessWith('', { subject: 'usr_grace' }))).toBe(false);
  });
});

describe('a bounded map', () => {
  it('never weighs more than it may, and keeps the newest', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 10 }))),
        fc.integer({ min: 10, max: 40 }),
        (entries, maxWeight) => {
          const map = new BoundedMap<number, number>({ maxWeight, weigh: (value) => value });
          for (const [key, value] of entries) {
            map.set(key, value);
            const kept = Array.from({ length: 21 }, (_, index) => map.get(index)).filter((weight) => weight !== undefined);
            if (map.get(key) !== value || kept.reduce((sum, weight) => sum + weight, 0) > maxWeight) return false;
            if (kept.length !== map.size) return false;
          }
          return true;
        },
      ),
    );
  });

  it('forgets the oldest first, renewed ones last; after it was emptied too', () => {
    const map = new BoundedMap<string, number>({ maxWeight: 3 });
    const keys = () => ['a', 'b', 'c', 'd', 'e', 'f'].filter((key) => map.get(key) !== undefined);
    for (const key of ['a', 'b', 'c', 'a', 'd']) map.set(key, 1);
    expect(keys()).toEqual(['a', 'c', 'd']);
    for (const key of keys()) map.delete(key);
    for (const key of ['e', 'a', 'b', 'f', 'c']) map.set(key, 1);
    expect(keys()).toEqual(['b', 'c', 'f']);
  });

  it('does not keep what is heavier than all of it', () => {
    const map = new BoundedMap<string, string>({ maxWeight: 3, weigh: (value) => value.length });
    map.set('a', 'xx');
    map.set('b', 'xxxx');
    expect([map.get('a'), map.get('b')]).toEqual(['xx', undefined]);
  });
});
