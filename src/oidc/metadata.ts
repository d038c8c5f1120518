import { assertionAlgorithms } from '../domain/client-metadata.ts';
import type { Tenant } from '../services/runtime.ts';
import { paths } from './routes.ts';
import { advertisedScopes } from './scopes.ts';

/** How clients that have something to prove it by say who they are. */
const provenMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];

/** Authorization server metadata (RFC 8414 and OpenID Connect Discovery, one document for both). It names only what is on for this tenant. */
export function describeIssuer({ issuer, settings }: Pick<Tenant, 'issuer' | 'settings'>): Record<string, unknown> {
  const at = (path: string) => `${issuer}${path}`;
  return {
    issuer,
    authorization_endpoint: at(paths.authorize),
    token_endpoint: at(paths.token),
    jwks_uri: at(paths.jwks),
    ...(settings.registration !== 'off' && { registration_endpoint: at(paths.register) }),
    ...(settings.metadataDocuments === 'on' && settings.documentHosts.length > 0 && { client_id_metadata_document_supported: true }),
    introspection_endpoint: at(paths.introspect),
    revocation_endpoint: at(paths.revoke),
    end_session_endpoint: at(paths.signOut),
    scopes_supported: advertisedScopes,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    token_endpoint_auth_methods_supported: ['none', ...provenMethods],
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: provenMethods,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: ['none', ...provenMethods],
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    claim_types_supported: ['normal'],
    claims_supported: ['sub', 'name', 'email', 'auth_time', 'iss'],
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  };
}
