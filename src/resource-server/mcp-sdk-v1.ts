/**
 * Hooks for servers made with `@modelcontextprotocol/sdk` (v1): a token verifier for its
 * `requireBearerAuth`, and `protectTools` for its `McpServer`. The SDK itself is not imported.
 */
import { createSdkTokenVerifier, type OAuthTokenVerifier } from './sdk-token-verifier.ts';
import type { Verifier, VerifierOptions } from './verifier.ts';

export { type AuthInfo, accessOf } from './auth-info.ts';
export { type ProtectToolsOptions, protectTools } from './protect-tools.ts';
export type { OAuthTokenVerifier } from './sdk-token-verifier.ts';

/** The part of `@modelcontextprotocol/sdk/server/auth/errors.js` that is needed. */
export interface SdkV1Errors {
  readonly InvalidTokenError: new (message: string) => Error;
}

/**
 * A verifier for `requireBearerAuth({ verifier })`.
 *
 *     import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
 *     createTokenVerifier({ issuer, resource }, { InvalidTokenError });
 */
export function createTokenVerifier(target: Verifier | VerifierOptions, errors: SdkV1Errors): OAuthTokenVerifier {
  return createSdkTokenVerifier(target, (message) => new errors.InvalidTokenError(message));
}
