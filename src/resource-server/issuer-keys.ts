import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { invalidToken, unavailable } from './access-error.ts';
import { type IssuerHttp, parseJsonObject } from './issuer-http.ts';
import type { IssuerMetadata } from './issuer-metadata.ts';
import { type KeptDocument, keepDocument } from './kept-document.ts';

const MAX_BYTES = 256 * 1024;

/** How often an unknown key id may make us ask again: a flood of made-up ids costs one request in this time. */
const REFETCH_INTERVAL_SECONDS = 10;

type LocalKeys = ReturnType<typeof createLocalJWKSet>;

/**
 * Finds the issuer's key for a token, by its `kid`, in the issuer's own JWKS and nowhere else:
 * a token that brings or points to a key (`jwk`, `jku`, `x5u`, `x5c`) is refused. A new `kid` makes
 * the JWKS be fetched again, within bounds, so that key rotation needs no restart.
 *
 * Throws `invalid_token` for a key that the issuer does not have, `temporarily_unavailable` when
 * that cannot be known.
 */
export function createKeyFinder(metadata: KeptDocument<IssuerMetadata>, http: IssuerHttp, now: () => Date): JWTVerifyGetKey {
  const keys = keepDocument<LocalKeys>({
    now,
    freshSeconds: 600,
    usableSeconds: 3600,
    retrySeconds: 2,
    load: async () => {
      const { jwksUri } = await metadata.get();
      try {
        const bytes = await http.get(jwksUri, { accept: 'application/json', maxBytes: MAX_BYTES });
        return createLocalJWKSet(parseJsonObject(bytes) as unknown as JSONWebKeySet);
      } catch (cause) {
        throw unavailable('keys', cause);
      }
    },
  });

  return async (header, token) => {
    if (KEY_BRINGING_HEADERS.some((name) => name in header)) throw invalidToken('malformed');
    if (typeof header.kid !== 'string' || header.kid === '') throw invalidToken('unknown_key');
    try {
      return await (await keys.get())(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    try {
      return await (await keys.refresh(REFETCH_INTERVAL_SECONDS))(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) throw invalidToken('unknown_key', error);
      throw error;
    }
  };
}

const KEY_BRINGING_HEADERS: readonly string[] = ['jwk', 'jku', 'x5u', 'x5c'];
