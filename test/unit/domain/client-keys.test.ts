import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { parseClientKeys } from '../../../src/domain/client-keys.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicJwk = ec.publicKey.export({ format: 'jwk' });
const privateJwk = ec.privateKey.export({ format: 'jwk' });
const rsaOf = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' });

describe('keys of a client', () => {
  it('are kept without what means nothing here', () => {
    const parsed = parseClientKeys({
      keys: [
        { ...publicJwk, kid: 'a', use: 'sig', alg: 'ES256', extra: { deep: true } },
        { kty: 'AKP', pub: 'x' },
      ],
    });
    expect(parsed).toEqual({ ok: true, value: [{ ...publicJwk, kid: 'a', use: 'sig', alg: 'ES256' }] });
    expect(parseClientKeys({ keys: [rsaOf(2_048)] }).ok).toBe(true);
  });

  it.each([
    ['ABUSE-15: a private key', { keys: [privateJwk] }],
    ['ABUSE-15: a private member, whatever its value', { keys: [{ ...publicJwk, d: null }] }],
    ['ABUSE-15: a symmetric key', { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }],
    ['ABUSE-15: a private key of a type that means nothing here', { keys: [publicJwk, { kty: 'AKP', d: 'x' }] }],
    ['a short RSA key', { keys: [rsaOf(1_024)] }],
    ['an EC key without its point', { keys: [{ kty: 'EC', crv: 'P-256' }] }],
    ['a key id that is no text', { keys: [{ ...publicJwk, kid: 7 }] }],
    ['no keys', { keys: [] }],
    ['too many keys', { keys: Array.from({ length: 21 }, () => publicJwk) }],
    ['no list', { keys: {} }],
    ['a list', [publicJwk]],
    ['nothing', null],
    ['a key that is no object', { keys: ['key'] }],
    ['members of the prototype', { keys: [{ kty: '__proto__' }, { kty: 'constructor' }] }],
  ])('refuse %s', (_name, json) => {
    expect(parseClientKeys(json)).toEqual({ ok: false, reason: expect.stringMatching(/^.{10,}/) });
  });
});
