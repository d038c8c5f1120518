import type { Context } from 'koa';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { namedScopes } from '../domain/spell-scope.ts';
import { findServerOfResource } from '../services/prepare-consent.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { isSameResource } from './hooks.ts';
import { toEngineScope } from './scopes.ts';

/** Carries the scope as the client sent it through the engine, which sees the marker only. Whatever a client sends under this name is lost. */
export const REQUESTED_SCOPE_PARAM = 'toolgrant_requested_scope';

/** OIDC parameters that mean nothing without `openid`; the engine would refuse the request instead of ignoring them (MCP-14). */
const identityParams = ['acr_values', 'claims_locales', 'id_token_hint', 'max_age', 'nonce'];

/**
 * Rewrites the query of an authorization request before the engine reads it (ENG-6, ENG-27, ENG-28): `scope` becomes the marker,
 * `resource` the registered string, or the default one where none came. What else came twice stays as it is, for the engine to refuse.
 */
export async function rewriteAuthorization(environment: EngineEnvironment, ctx: Context): Promise<void> {
  const query: Record<string, string | string[] | undefined> = { ...ctx.query };
  delete query[REQUESTED_SCOPE_PARAM];
  if (!Array.isArray(query.scope)) {
    const requested = namedScopes(query.scope).join(' ');
    if (requested !== '') query[REQUESTED_SCOPE_PARAM] = requested;
    query.scope = toEngineScope(requested);
  }
  if (!query.scope?.includes('openid')) for (const name of identityParams) delete query[name];
  // Codes travel in the query of the redirect and nowhere else; the engine has more modes than it can be told to drop.
  if (query.response_mode !== undefined && query.response_mode !== 'query') query.response_mode = 'unsupported';
  const named = query.resource === undefined || query.resource === '' ? environment.settings.defaultResource : oneResource(query.resource);
  const resource = named === undefined ? undefined : await findRegisteredResource(environment, named);
  if (resource !== undefined) query.resource = resource;
  ctx.query = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as typeof ctx.query;
}

/** The resource that is named, more than once by some clients (RFC 8707 §2 lets them); undefined where they are several. */
function oneResource(named: string | string[]): string | undefined {
  const [first, ...repeats] = [named].flat();
  return first !== undefined && repeats.every((repeat) => isSameResource(first, repeat)) ? first : undefined;
}

/** The registered string of the resource that this one means; undefined when it means none. */
export async function findRegisteredResource({ runtime, tenant }: EngineEnvironment, resource: string): Promise<string | undefined> {
  return (await findServerOfResource(runtime.store, tenant.id, resource))?.resource;
}

/** NUL cannot be stored, and no honest parameter has one. The engine calls this with each authorization request. */
export function refuseUnstorable(ctx: KoaContextWithOIDC): void {
  for (const value of Object.values(ctx.oidc.params ?? {})) {
    if (typeof value !== 'string' || !value.includes('\0')) continue;
    throw new errors.InvalidRequest('a parameter has a character that is not allowed');
  }
}
