/**
 * Why a token was not accepted, in the words of RFC 6750 plus two of our own:
 *
 * - `missing_token`: no bearer credentials came; the answer is a challenge without `error`
 * - `invalid_request`: credentials came in a place where they are refused (a query string)
 * - `invalid_token`: expired, revoked, forged, or for another server; the client should refresh
 * - `insufficient_scope`: a good token without the permission that was needed
 * - `temporarily_unavailable`: nobody can say, because the issuer cannot be reached; the token may
 *   well be good, so a client must not throw it away
 */
export type AccessErrorCode = 'missing_token' | 'invalid_request' | 'invalid_token' | 'insufficient_scope' | 'temporarily_unavailable';

/** What went wrong exactly. For logs: it is never sent to a client. */
export type AccessErrorReason =
  | 'no_credentials'
  | 'token_in_query'
  | 'malformed'
  | 'signature'
  | 'unknown_key'
  | 'type'
  | 'algorithm'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not_yet_valid'
  | 'claims'
  | 'sender_constrained'
  | 'status_reference'
  | 'revoked'
  | 'inactive'
  | 'scope'
  | 'metadata'
  | 'keys'
  | 'status_list'
  | 'selection'
  | 'introspection'
  /** An API key came, and this server has no credential to ask about it. */
  | 'no_credential';

/** Facts that an {@link AccessError} carries beside its code. */
export interface AccessErrorFacts {
  readonly reason: AccessErrorReason;
  /** For `insufficient_scope`: exactly the scopes that were missing. */
  readonly missingScopes?: readonly string[];
  /** For `temporarily_unavailable`. Default 5. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** What `verify` throws. `code` is stable; `message` is for people and may change. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  readonly code: AccessErrorCode;
  readonly reason: AccessErrorReason;
  readonly missingScopes: readonly string[];
  readonly retryAfterSeconds: number;

  constructor(code: AccessErrorCode, message: string, facts: AccessErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.reason = facts.reason;
    this.missingScopes = facts.missingScopes ?? [];
    this.retryAfterSeconds = facts.retryAfterSeconds ?? 5;
  }
}

/** A token that is no good, for a reason that only the log learns. */
export function invalidToken(reason: AccessErrorReason, cause?: unknown): AccessError {
  return new AccessError('invalid_token', `The access token was refused (${reason}).`, {
    reason,
    cause,
  });
}

/** The issuer could not be asked. */
export function unavailable(reason: AccessErrorReason, cause?: unknown): AccessError {
  return new AccessError('temporarily_unavailable', `The issuer could not be asked (${reason}).`, {
    reason,
    cause,
  });
}
