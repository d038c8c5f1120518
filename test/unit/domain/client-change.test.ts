import { describe, expect, it } from '@jest/globals';
import { type ClientIdentity, compareClients, identityOf } from '../../../src/domain/client-change.ts';
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
