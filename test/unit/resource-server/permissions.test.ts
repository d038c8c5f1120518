import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { sourceOf, statusOf } from '../../../src/resource-server/access.ts';
import { createVerifier } from '../../../src/resource-server/index.ts';
import { createPermissionFinder } from '../../../src/resource-server/permissions.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from '../../resource-server/fake-issuer.ts';

const now = () => new Date('2026-11-23T12:00:00Z');
const issuer = new FakeIssuer({ key: await makeKey('key-1'), now });
const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, now });
const inSeconds = (seconds: number) => now().getTime() / 1000 + seconds;

describe('an access', () => {
  it('writes down neither people nor ids of tokens where it is logged whole', async () => {
    const access = await verifier.verifyToken(await issuer.token({ sub: 'usr_ada', jti: 'jti-1' }));
    expect(`${JSON.stringify({ access })} ${inspect(access)}`).not.toMatch(/usr_ada|jti-1|client-1|cns_1/);
    expect(access).toMatchObject({ subject: 'usr_ada', tokenId: 'jti-1', clientId: 'client-1', consentId: 'cns_1' });
  });
});

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
    expect(() => Object.assign(ada.allows, { asked: true })).toThrow(TypeError);
    for (const { tools, scopes, allows, expiresAt, subject } of [ada, ben]) {
      expect([tools, scopes, allows('a'), allows('b'), subject]).toEqual([['a'], ['tool:a', 'prompts'], true, false, 'usr_ada']);
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

describe('what is worked out of scopes', () => {
  it('is kept by size: large ones push each other out, small ones do not', () => {
    const findPermissions = createPermissionFinder();
    const small = findPermissions('tool:a');
    const large = Array.from({ length: 4 }, (_, index) => `tool:${String(index).repeat(400_000)}`);
    const [first] = large.map(findPermissions);
    expect(findPermissions(large[3] as string)).toBe(findPermissions(large[3] as string));
    expect(findPermissions(large[0] as string)).not.toBe(first);
    const many = Array.from({ length: 1_000 }, (_, index) => findPermissions(`tool:tool_${index}`));
    expect(many.map(({ scope }) => findPermissions(scope)).every((found, index) => found === many[index])).toBe(true);
    expect(small.allows('a')).toBe(true);
  });
});

describe('what has an access only by its looks', () => {
  it.each([[undefined], [null], ['text'], [{}], [{ status: {} }]])('%j has neither source nor status', (value) => {
    expect([sourceOf(value), statusOf(value)]).toEqual([undefined, undefined]);
  });
});
