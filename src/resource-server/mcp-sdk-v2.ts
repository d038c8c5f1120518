/**
 * Hooks for servers made with `@modelcontextprotocol/server` (v2): a token verifier for its
 * `requireBearerAuth`, and `protectTools` for its `McpServer`. The SDK itself is not imported.
 *
 * The SDK's `createMcpHandler` answers `subscriptions/listen` itself, before any `McpServer` hears of it, so `protectTools`
 * cannot judge which resources are listened to. A server that sends news of resources stands behind a door instead (`/web`
 * takes the handler's `fetch`, `/express` and `/koa` what is on Node): doors judge every body.
 */
import { createSdkTokenVerifier, type OAuthTokenVerifier } from './sdk-token-verifier.ts';
import type { Verifier, VerifierOptions } from './verifier.ts';

export { type AuthInfo, accessOf } from './auth-info.ts';
export { type ProtectToolsOptions, protectTools } from './protect-tools.ts';
export type { OAuthTokenVerifier } from './sdk-token-verifier.ts';

/** The part of `@modelcontextprotocol/server` that is needed. */
export interface SdkV2Errors {
  readonly OAuthError: new (code: string, message: string) => Error;
}

/**
 * A verifier for `requireBearerAuth({ verifier })`.
 *
 *     import { OAuthError } from '@modelcontextprotocol/server';
 *     createTokenVerifier({ issuer, resource }, { OAuthError });
 */
export function createTokenVerifier(target: Verifier | VerifierOptions, errors: SdkV2Errors): OAuthTokenVerifier {
  return createSdkTokenVerifier(target, (message) => new errors.OAuthError('invalid_token', message));
}
