import { createECDH, createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';

/** The public half of a P-256 key. */
export interface PublicJwk {
  kty: 'EC';
  crv: 'P-256';
  x: string;
  y: string;
}

/** A key that signs by ES256 and is kept nowhere, because it follows from a secret. */
export interface DerivedSigningKey {
  /** The thumbprint (RFC 7638). */
  kid: string;
  publicJwk: PublicJwk;
  /** A JWS in compact form (RFC 7515 §7.1). `type` says what it is, so that none can stand for another (RFC 8725 §3.11). */
  signJws(payload: object, type: string): string;
}

/** Of the group of P-256 (FIPS 186-5, SEC 2). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** Makes the key that follows from 64 secret bytes: half as many again as FIPS 186-5 §A.2.1 asks for, so that no key is likelier than another. */
export function deriveSigningKey(seed: Buffer): DerivedSigningKey {
  if (seed.length < 64) throw new Error('a signing key needs 64 bytes to follow from');
  const scalar = (BigInt(`0x${seed.toString('hex')}`) % (order - 1n)) + 1n;
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(d);
  const point = curve.getPublicKey();
  const publicJwk: PublicJwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  const kid = thumbprintOf(publicJwk);
  const key = createPrivateKey({ key: { ...publicJwk, d: d.toString('base64url') }, format: 'jwk' });
  return {
    kid,
    publicJwk,
    signJws: (payload, type) => {
      const signed = `${encode({ alg: 'ES256', kid, typ: type })}.${encode(payload)}`;
      return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    },
  };
}

/** RFC 7638. */
export function thumbprintOf({ crv, kty, x, y }: PublicJwk): string {
  return hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url');
}

/** A public key, ready to verify with. Throws for what is no P-256 key. */
export function publicKeyOf({ kty, crv, x, y }: PublicJwk): KeyObject {
  return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' });
}

/** Whether a compact JWS was signed by ES256 with this key. What its header says of `alg` or keys is not asked. */
export function isSignedBy(jws: string, key: KeyObject): boolean {
  const cut = jws.lastIndexOf('.');
  if (cut < 0) return false;
  const signature = Buffer.from(jws.slice(cut + 1), 'base64url');
  return signature.length === 64 && verify('sha256', Buffer.from(jws.slice(0, cut)), { key, dsaEncoding: 'ieee-p1363' }, signature);
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
