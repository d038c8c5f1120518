import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { AccessError, type AccessErrorReason, invalidToken } from './access-error.ts';
import type { ReadToken, StatusReference } from './token-facts.ts';

/** What a token has to agree with. */
export interface ReadJwtOptions {
  readonly issuer: string;
  readonly resource: string;
  readonly algorithms: readonly string[];
  readonly clockToleranceSeconds: number;
  readonly findKey: JWTVerifyGetKey;
  readonly now: () => Date;
}

/**
 * Reads a JWT access token (RFC 9068): algorithm allow-list, signature by the issuer's key,
 * `typ: at+jwt`, `iss`, `aud` (this resource alone), `exp`, `nbf`, then the claims we use.
 */
export function createJwtReader(options: ReadJwtOptions): ReadToken {
  const { issuer, resource } = options;
  const expected = {
    algorithms: [...options.algorithms],
    typ: 'at+jwt',
    issuer,
    audience: resource,
    clockTolerance: options.clockToleranceSeconds,
  };
  const statusLists = `${issuer.replace(/\/$/, '')}/status/`;
  return async (token) => {
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, options.findKey, { ...expected, currentDate: options.now() }));
    } catch (error) {
      throw asAccessError(error);
    }
    // jose judges the times that are there; a token without them is none.
    if (payload.exp === undefined) throw invalidToken('expired');
    if (payload.iat === undefined) throw invalidToken('claims');
    // A token for several servers could be replayed from one of them to another.
    if (Array.isArray(payload.aud) && payload.aud.length !== 1) throw invalidToken('audience');
    // A sender-constrained token is worth nothing without the proof of possession, which a bearer
    // presentation lacks (RFC 9449 §7.1).
    if (payload.cnf !== undefined) throw invalidToken('sender_constrained');
    return {
      subject: requiredText(payload.sub),
      clientId: requiredText(payload.client_id),
      consentId: optionalText(payload.consent),
      tokenId: requiredText(payload.jti),
      scope: optionalText(payload.scope) ?? '',
      selection: optionalText(payload.selection),
      expiresAtSeconds: payload.exp,
      status: readStatus(payload.status, statusLists),
    };
  };
}

/** Reads the `status` claim; its list must be one of this issuer's, below `base`, because it is fetched. */
function readStatus(status: unknown, base: string): StatusReference | undefined {
  if (status === undefined) return undefined;
  const { idx, uri } = (status as { status_list?: { idx?: unknown; uri?: unknown } } | null)?.status_list ?? {};
  if (typeof idx !== 'number' || !Number.isSafeInteger(idx) || idx < 0) throw invalidToken('status_reference');
  if (typeof uri !== 'string' || !uri.startsWith(base) || !LIST_NAME.test(uri.slice(base.length))) throw invalidToken('status_reference');
  return { uri, index: idx };
}

const LIST_NAME = /^[A-Za-z0-9_-]{1,64}$/;

function requiredText(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalidToken('claims');
  return value;
}

function optionalText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw invalidToken('claims');
  return value;
}

function asAccessError(error: unknown): AccessError {
  if (error instanceof AccessError) return error;
  if (error instanceof errors.JWTExpired) return invalidToken('expired', error);
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalidToken(REASON_OF_CLAIM[error.claim] ?? 'claims', error);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return invalidToken('algorithm', error);
  if (error instanceof errors.JWSSignatureVerificationFailed) return invalidToken('signature', error);
  if (error instanceof errors.JOSEError) return invalidToken('malformed', error);
  // Anything else is a fault of ours or of the platform; it must not look like a bad token.
  throw error;
}

const REASON_OF_CLAIM: Readonly<Record<string, AccessErrorReason>> = {
  typ: 'type',
  iss: 'issuer',
  aud: 'audience',
  nbf: 'not_yet_valid',
  exp: 'expired',
};
