import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { ExternalSigningKey } from 'oidc-provider';
import type { SigningKey } from '../services/signing-keys.ts';

/**
 * How a JWS has its signatures (RFC 7518 §3.4). Node reads it of whatever it is given as the key; on the key itself, because looking
 * whether an object around it is a key takes Node a third as long as signing.
 */
const joseEncoding = { dsaEncoding: 'ieee-p1363' } as const;

/**
 * A signing key as the engine is to use it: the signature is made at once, in this thread. By way of WebCrypto each signature
 * crosses to another thread and back, which costs a third more than the signature itself (`npm run bench`: code, refresh).
 */
export class OwnSigningKey extends ExternalSigningKey {
  readonly #kid: string;
  readonly #private: KeyObject;
  readonly #public: KeyObject;

  /** Throws for a key of another algorithm than ES256, which is the only one that is made. */
  constructor({ kid, algorithm, privateJwk }: Pick<SigningKey, 'kid' | 'algorithm' | 'privateJwk'>) {
    super();
    if (algorithm !== 'ES256') throw new Error(`there is no way to sign by ${algorithm}`);
    this.#kid = kid;
    this.#private = Object.assign(createPrivateKey({ key: privateJwk, format: 'jwk' }), joseEncoding);
    this.#public = createPublicKey(this.#private);
  }

  override get kid(): string {
    return this.#kid;
  }

  override get alg(): string {
    return 'ES256';
  }

  /** The public half. */
  override keyObject(): KeyObject {
    return this.#public;
  }

  override sign(data: Uint8Array): Uint8Array {
    return sign('sha256', data, this.#private);
  }
}
