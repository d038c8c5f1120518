import type { ClientMetadata as EngineClient, JWK } from 'oidc-provider';
import type { PublicJwk } from '../domain/client-keys.ts';
import type { ClientMetadata } from '../domain/client-metadata.ts';
import type { ApiKeyId, ClientId, ServerId } from '../domain/ids.ts';

/**
 * A client as the engine is to see it. Where it expects the secret it gets the digests of those that work, one or two. `application_type` here only tells it which
 * schemes to expect; what is allowed was decided at registration.
 */
export function toEngineClient(
  id: ClientId,
  metadata: ClientMetadata,
  { digests, keys = [] }: { digests: readonly string[] /** What an assertion may be signed with. */; keys?: readonly PublicJwk[] },
): EngineClient {
  const claimsScheme = metadata.redirectUris.some((uri) => !/^https?:/i.test(uri));
  return {
    client_id: id,
    ...(digests.length > 0 && { client_secret: digests.join(' ') }),
    ...(metadata.name !== undefined && { client_name: metadata.name }),
    redirect_uris: metadata.redirectUris,
    post_logout_redirect_uris: metadata.postLogoutRedirectUris,
    token_endpoint_auth_method: metadata.authMethod,
    // The engine never sees a `jwks_uri`: it would ask for it with each request (ENG-18).
    ...(metadata.authMethod === 'private_key_jwt' && {
      jwks: { keys: keys as JWK[] },
      ...(metadata.authSigningAlg !== undefined && { token_endpoint_auth_signing_alg: metadata.authSigningAlg }),
    }),
    application_type: claimsScheme ? 'native' : 'web',
    grant_types: metadata.grants,
    response_types: metadata.grants.includes('authorization_code') ? ['code'] : [],
  };
}

/** An API key as a client of its own: it proves itself by the key, and exchanges it for a token by the grant that every client speaks. */
export function apiKeyAsEngineClient(id: ApiKeyId, digests: readonly string[]): EngineClient {
  return {
    client_id: id,
    client_secret: digests.join(' '),
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: [],
    response_types: [],
    grant_types: ['client_credentials'],
  };
}

/** A server by its credential: a client that gets no tokens (ENG-30). */
export function serverAsEngineClient(id: ServerId, credentialDigest: string): EngineClient {
  return {
    client_id: id,
    client_secret: credentialDigest,
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: [],
    response_types: [],
    grant_types: [],
  };
}
