/** Client assertions (RFC 7523), right and wrong. */
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { randomToken } from '../../src/platform/random.ts';

/** A key pair of a client. */
export interface ClientKey {
  algorithm: string;
  privateKey: CryptoKey;
  publicJwk: JWK;
  privateJwk: JWK;
}

/** Makes a key pair. */
export async function makeClientKey(algorithm = 'ES256', kid = randomToken(4)): Promise<ClientKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const [publicJwk, privateJwk] = await Promise.all([exportJWK(publicKey), exportJWK(privateKey)]);
  return { algorithm, privateKey, publicJwk: { ...publicJwk, kid }, privateJwk: { ...privateJwk, kid } };
}

/** What may be different about an assertion; `undefined` leaves a claim out. */
export interface AssertionOptions {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** Signs with that instead. */
  signWith?: CryptoKey | Uint8Array;
}

/** Makes an assertion of a client for an issuer. */
export async function signAssertion(
  { clientId, issuer, key }: { clientId: string; issuer: string; key: ClientKey },
  { claims = {}, header = {}, signWith }: AssertionOptions = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const all = { iss: clientId, sub: clientId, aud: issuer, iat: now, exp: now + 60, jti: randomToken(12), ...claims };
  const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(present)
    .setProtectedHeader({ alg: key.algorithm, kid: key.publicJwk.kid, ...header } as { alg: string })
    .sign(signWith ?? key.privateKey, { crit: { b64: true, x: true } } as never);
}

/** The parameters of a request that is authenticated by an assertion. */
export function byAssertion(assertion: string): { client_assertion: string; client_assertion_type: string } {
  return { client_assertion: assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' };
}
