import { describe, expect, it } from '@jest/globals';
import { type ClientIdentity, compareClients, identityOf, isOtherClient } from '../../../src/domain/client-change.ts';
import type { PublicJwk } from '../../../src/domain/client-keys.ts';
import type { ClientMetadata } from '../../../src/domain/client-metadata.ts';

const before: ClientIdentity = { name: 'Agent', redirectUris: ['https://a.example/cb'], keysDigest: 'k1' };

describe('ABUSE-17: a client that changed', () => {
  it.each<[string, Partial<ClientIdentity>, ReturnType<typeof compareClients>]>([
    ['nothing', {}, undefined],
    ['the order of its redirect URIs, or one twice', { redirectUris: ['https://a.example/cb', 'https://a.example/cb'] }, undefined],
    ['its name', { name: 'Claude' }, { name: { before: 'Agent', now: 'Claude' } }],
    ['a host added', { redirectUris: ['https://a.example/cb', 'https://b.example/cb'] }, { places: { added: ['b.example'], removed: [] } }],
    ['a host for another', { redirectUris: ['https://b.example/cb'] }, { places: { added: ['b.example'], removed: ['a.example'] } }],
    ['another port', { redirectUris: ['https://a.example:8443/cb'] }, { places: { added: ['a.example:8443'], removed: ['a.example'] } }],
    ['an app added', { redirectUris: ['https://a.example/cb', 'cursor://x/cb'] }, { places: { added: ['cursor://'], removed: [] } }],
    ['another path', { redirectUris: ['https://a.example/other'] }, { hasOtherAddresses: true }],
    ['its keys', { keysDigest: 'k2' }, { hasOtherKeys: true }],
  ])('in %s', (_what, now, change) => {
    expect(compareClients(before, { ...before, ...now })).toEqual(change);
  });

  it('is recognised by its keys, wherever they are', () => {
    const metadata: ClientMetadata = {
      redirectUris: [],
      authMethod: 'none',
      grants: [],
      applicationType: 'web',
      postLogoutRedirectUris: [],
    };
    const digest = (text: string) => `#${text}`;
    expect(identityOf(metadata, digest)).toEqual({ redirectUris: [] });
    expect(identityOf({ ...metadata, jwksUri: 'https://a.example/k' }, digest).keysDigest).toBe('#https://a.example/k');
    expect(identityOf({ ...metadata, jwks: [{ kty: 'OKP', x: 'a' }] }, digest).keysDigest).toBe('#[{"kty":"OKP","x":"a"}]');
  });
});

describe('ABUSE-17: whether a client is another one than it was', () => {
  const [one, two]: PublicJwk[] = [
    { kty: 'OKP', crv: 'Ed25519', x: 'a', kid: '1' },
    { kty: 'OKP', crv: 'Ed25519', x: 'b', key_ops: ['verify'] },
  ];
  const agent: ClientMetadata = {
    name: 'Agent',
    redirectUris: ['https://a.example/cb', 'http://127.0.0.1/cb'],
    authMethod: 'private_key_jwt',
    jwks: [one as PublicJwk, two as PublicJwk],
    grants: ['authorization_code'],
    applicationType: 'web',
    postLogoutRedirectUris: [],
  };
  const reordered = Object.fromEntries(Object.entries(one as PublicJwk).reverse()) as unknown as PublicJwk;

  it.each<[string, Partial<ClientMetadata>, boolean]>([
    ['nothing', {}, false],
    ['the order of redirect URIs', { redirectUris: ['http://127.0.0.1/cb', 'https://a.example/cb'] }, false],
    ['the order of keys, and of their members', { jwks: [two as PublicJwk, reordered] }, false],
    [
      'links, grants, type',
      { clientUri: 'https://b.example', grants: [], applicationType: 'native', postLogoutRedirectUris: ['x'] },
      false,
    ],
    ['the name', { name: 'agent' }, true],
    ['a redirect URI more', { redirectUris: [...agent.redirectUris, 'https://a.example/other'] }, true],
    ['a redirect URI less', { redirectUris: ['https://a.example/cb'] }, true],
    ['a key', { jwks: [one as PublicJwk, { ...(two as PublicJwk), x: 'c' }] }, true],
    ['a key less', { jwks: [one as PublicJwk] }, true],
    ['what a key may do', { jwks: [one as PublicJwk, { ...(two as PublicJwk), key_ops: ['sign'] }] }, true],
    ['how it proves who it is', { authMethod: 'none' }, true],
    ['that it need not', { isProofOptional: true }, true],
  ])('%s', (_, change, isOther) => {
    expect(isOtherClient(agent, { ...agent, ...change })).toBe(isOther);
  });

  it('a name or keys that were not there', () => {
    const { name: _, jwks: __, ...bare } = agent;
    expect(isOtherClient(bare, { ...bare, name: '' })).toBe(true);
    expect(isOtherClient(bare, { ...bare, jwksUri: 'https://a.example/k' })).toBe(true);
    expect(isOtherClient(bare, bare)).toBe(false);
  });
});
