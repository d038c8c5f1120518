import { describe, expect, it } from '@jest/globals';
import { createVerifier } from '../../../src/resource-server/index.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from '../../resource-server/fake-issuer.ts';

const now = () => new Date('2026-11-23T12:00:00Z');
const issuer = new FakeIssuer({ key: await makeKey('key-1'), now });
const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, now });
const inSeconds = (seconds: number) => now().getTime() / 1000 + seconds;

describe('tokens with one scope', () => {
  it('share nothing but what that permits', async () => {
    const scope = 'tool:a resources';
    const ada = await verifier.verifyToken(await issuer.token({ scope, sub: 'usr_ada', jti: 'jti-1', exp: inSeconds(60) }));
    const ben = await verifier.verifyToken(await issuer.token({ scope, sub: 'usr_ben', jti: 'jti-2', exp: inSeconds(120) }));
    expect([ada.subject, ada.tokenId, ada.expiresAt.toISOString()]).toEqual(['usr_ada', 'jti-1', '2026-11-23T12:01:00.000Z']);
    expect([ben.subject, ben.tokenId, ben.expiresAt.toISOString()]).toEqual(['usr_ben', 'jti-2', '2026-11-23T12:02:00.000Z']);
  });

  it('whatever a handler does to one, both stay as they are', async () => {
    const scope = 'tool:a prompts';
    const ada = await verifier.verifyToken(await issuer.token({ scope, jti: 'jti-1' }));
    const ben = await verifier.verifyToken(await issuer.token({ scope, jti: 'jti-2' }));
    ada.expandedScopes().push('tool:b');
    ada.expiresAt.setFullYear(2036);
    expect(() => (ada.tools as string[]).push('b')).toThrow(TypeError);
    expect(() => (ada.scopes as string[]).push('tool:b')).toThrow(TypeError);
    expect(() => Object.assign(ada, { subject: 'usr_ben' })).toThrow(TypeError);
    expect(() => Object.assign(ada, { allows: () => true })).toThrow(TypeError);
    for (const { tools, scopes, allows, expiresAt, ...access } of [ada, ben]) {
      expect([tools, scopes, allows('a'), allows('b'), access.subject]).toEqual([['a'], ['tool:a', 'prompts'], true, false, 'usr_ada']);
      expect(expiresAt.toISOString()).toBe('2026-11-23T12:15:00.000Z');
    }
    expect(ada.expandedScopes()).toEqual(['tool:a', 'prompts']);
  });

  it('allow each the tools of its own selection', async () => {
    const scope = 'tools.listed tool:a';
    const accesses = await Promise.all(
      [['b'], ['c'], ['b']].map(async (names) => verifier.verifyToken(await issuer.token({ scope, selection: issuer.select(names) }))),
    );
    const expected = [
      ['a', 'b'],
      ['a', 'c'],
      ['a', 'b'],
    ];
    expect(accesses.map(({ tools }) => tools)).toEqual(expected);
    expect(accesses.map(({ allows }) => ['a', 'b', 'c'].filter(allows))).toEqual(expected);
  });
});
