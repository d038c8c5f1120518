import { createLocalJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { sha256 } from '../platform/digest.ts';
import type { EngineEnvironment } from './engine-environment.ts';

/** An access token that this issuer made and that has not run out. */
export interface OwnToken {
  claims: JWTPayload;
  audience: string;
  clientId: string;
  /** Its index in the token status list. */
  status: { list: number; index: number };
}

/** Reads access tokens of this issuer; undefined for whatever is not one, or has run out. */
export type OwnTokenReader = (token: string) => Promise<OwnToken | undefined>;

/** How many tokens are remembered as having a good signature; each takes some 3 KiB. */
const maxKept = 1_000;

/**
 * Makes the reader of one tenant's access tokens. That a signature is good is remembered, by the token's digest: who asks about a
 * token mostly asks again. Only that: keys that change make another reader, and whether a token still counts is for others to look up.
 */
export function createOwnTokenReader({ tenant, keys, runtime }: EngineEnvironment): OwnTokenReader {
  const published = createLocalJWKSet({ keys: keys.keys.map(({ publicJwk }) => publicJwk) });
  const statusPrefix = `${tenant.issuer}/status/`;
  const kept = new LRUCache<string, OwnToken>({ max: maxKept });
  const verify = async (token: string): Promise<OwnToken | undefined> => {
    try {
      const { payload: claims } = await jwtVerify(token, published, {
        issuer: tenant.issuer,
        algorithms: ['ES256'],
        typ: 'at+jwt',
        currentDate: runtime.clock.now(),
        requiredClaims: ['exp', 'aud', 'client_id', 'status'],
      });
      return readClaims(claims, statusPrefix);
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  };
  return async (token) => {
    const digest = sha256(token);
    const known = kept.get(digest);
    if (known) return hasRunOut(known, runtime.clock.now()) ? undefined : known;
    const read = await verify(token);
    if (read) kept.set(digest, read);
    return read;
  };
}

function hasRunOut({ claims }: OwnToken, now: Date): boolean {
  return Number(claims.exp) <= Math.floor(now.getTime() / 1_000);
}

function readClaims(claims: JWTPayload, statusPrefix: string): OwnToken | undefined {
  const { aud, client_id: clientId, status } = claims;
  const { idx, uri } = (status as { status_list?: { idx?: unknown; uri?: unknown } }).status_list ?? {};
  if (typeof aud !== 'string' || typeof clientId !== 'string') return undefined;
  if (typeof idx !== 'number' || typeof uri !== 'string' || !uri.startsWith(statusPrefix)) return undefined;
  const list = Number(uri.slice(statusPrefix.length));
  return Number.isSafeInteger(list) ? { claims, audience: aud, clientId, status: { list, index: idx } } : undefined;
}
