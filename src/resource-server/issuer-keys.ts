import { type CryptoKey, createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { invalidToken, unavailable } from './access-error.ts';
import { type IssuerHttp, parseJsonObject } from './issuer-http.ts';
import type { IssuerMetadata } from './issuer-metadata.ts';
import { type KeptDocument, keepDocument } from './kept-document.ts';

const MAX_BYTES = 256 * 1024;

/** How often an unknown key id may make us ask again: a flood of made-up ids costs one request in this time. */
const REFETCH_INTERVAL_SECONDS = 10;

/** The key set, and what was found in it so far: a key is looked for and imported once. */
interface LocalKeys {
  find: ReturnType<typeof createLocalJWKSet>;
  found: Map<string, CryptoKey>;
}

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
        return { find: createLocalJWKSet(parseJsonObject(bytes) as unknown as JSONWebKeySet), found: new Map() };
      } catch (cause) {
        throw unavailable('keys', cause);
      }
    },
  });

  async function findIn(local: LocalKeys, ...[header, token]: Parameters<JWTVerifyGetKey>): Promise<CryptoKey> {
    const key = await local.find(header, token);
    local.found.set(`${header.alg} ${header.kid}`, key);
    return key;
  }

  async function findUnfound(...[header, token]: Parameters<JWTVerifyGetKey>): Promise<CryptoKey> {
    try {
      return await findIn(await keys.get(), header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    try {
      return await findIn(await keys.refresh(REFETCH_INTERVAL_SECONDS), header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) throw invalidToken('unknown_key', error);
      throw error;
    }
  }

  return (header, token) => {
    if (KEY_BRINGING_HEADERS.some((name) => name in header)) throw invalidToken('malformed');
    if (typeof header.kid !== 'string' || header.kid === '') throw invalidToken('unknown_key');
    return keys.peek()?.found.get(`${header.alg} ${header.kid}`) ?? findUnfound(header, token);
  };
}

const KEY_BRINGING_HEADERS: readonly string[] = ['jwk', 'jku', 'x5u', 'x5c'];
