import type { ClientMetadata as EngineClient } from 'oidc-provider';
import type { ClientMetadata } from '../domain/client-metadata.ts';
import type { ClientId, ServerId } from '../domain/ids.ts';
import { parseRedirectUri } from '../domain/redirect-uri.ts';

/**
 * A client as the engine is to see it. Where it expects the secret it gets its digest. `application_type` here only tells it which
 * schemes to expect; what is allowed was decided at registration.
 */
export function toEngineClient(id: ClientId, metadata: ClientMetadata, secretDigest: string | undefined): EngineClient {
  const claimsScheme = metadata.redirectUris.some((uri) => {
    const parsed = parseRedirectUri(uri);
    return 'kind' in parsed && parsed.kind === 'private-use';
  });
  return {
    client_id: id,
    ...(secretDigest !== undefined && { client_secret: secretDigest }),
    ...(metadata.name !== undefined && { client_name: metadata.name }),
    redirect_uris: metadata.redirectUris,
    post_logout_redirect_uris: metadata.postLogoutRedirectUris,
    token_endpoint_auth_method: metadata.authMethod,
    application_type: claimsScheme ? 'native' : 'web',
    grant_types: metadata.grants,
    response_types: ['code'],
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
