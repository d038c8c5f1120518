/** The scopes as the engine sees them: its own OIDC ones, and one marker that stands for everything a consent may hold. */

/** Stands in grants for whatever the consent allows; tools are worked out when a token is issued (ENG-27). Never leaves the issuer. */
export const MARKER_SCOPE = 'toolgrant';

/** OIDC scopes that the engine deals with. `offline_access` is accepted and means nothing: refresh tokens depend on the client's grants (MCP-24). */
export const identityScopes: readonly string[] = ['openid', 'profile', 'email'];

/** What the metadata names: `tools` and the like are ceilings that the person fills in. */
export const advertisedScopes: readonly string[] = [...identityScopes, 'offline_access', 'tools', 'tools.read', 'resources', 'prompts'];

/** The marker with those of the requested scopes that are the engine's. Without `openid` the others say nothing. */
export function toEngineScope(requested: string): string {
  const names = requested.split(' ');
  const identity = names.includes('openid') ? identityScopes.filter((scope) => names.includes(scope)) : [];
  return [MARKER_SCOPE, ...identity].join(' ');
}

/** The OIDC scopes within a scope that `toEngineScope` made. */
export function identityScopesOf(engineScope: string): string[] {
  return engineScope.split(' ').filter((scope) => identityScopes.includes(scope));
}
