import { AccessError } from './access-error.ts';
import { type AuthInfo, toAuthInfo } from './auth-info.ts';
import { createVerifier, type Verifier, type VerifierOptions } from './verifier.ts';

/** The interface that the SDKs' `requireBearerAuth` asks for. */
export interface OAuthTokenVerifier {
  verifyAccessToken(token: string): Promise<AuthInfo>;
}

/**
 * Makes a token verifier for `requireBearerAuth`. A refused token becomes the SDK's own error, made
 * by `makeInvalidToken`, because the SDK tells errors apart by their class and this library does not
 * import the SDK. Every other error stays what it is, which the SDK answers with a 500: an issuer
 * that cannot be reached must not look like a bad token.
 */
export function createSdkTokenVerifier(
  target: Verifier | VerifierOptions,
  makeInvalidToken: (message: string) => Error,
): OAuthTokenVerifier {
  const verifier = 'verifyToken' in target ? target : createVerifier(target);
  return {
    async verifyAccessToken(token) {
      try {
        const access = await verifier.verifyToken(token);
        return toAuthInfo(access, token, { resourceMetadataUrl: verifier.resourceMetadataUrl, isReported: false });
      } catch (error) {
        if (!(error instanceof AccessError) || error.code !== 'invalid_token') throw error;
        throw makeInvalidToken('The access token is expired, revoked, or not for this server.');
      }
    },
  };
}
