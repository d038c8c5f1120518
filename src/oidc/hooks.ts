/**
 * Where the engine offers no setting, its classes are changed, and only here. Each provider has classes of its own, so nothing
 * of this reaches another tenant. The engine's version is pinned; each hook has its test.
 */
import Provider, { type AuthorizationCode, type Client, type OIDCContext, type RefreshToken } from 'oidc-provider';
import { isRegisteredRedirectUri } from '../domain/redirect-uri.ts';
import { parseResourceUri } from '../domain/resource-uri.ts';
import { isEqualConstantTime, sha256 } from '../platform/digest.ts';
import { acceptAudiences, useProofsOnce } from './client-assertion.ts';
import type { RefreshSuccessors } from './refresh-successor.ts';
import { stateOf } from './request-state.ts';

/** Installs all hooks on a provider. */
export function installHooks(provider: Provider, successors: RefreshSuccessors): void {
  takeUrlsFromIssuer(provider);
  readTokenRequests(provider);
  judgeClients(provider);
  deriveSuccessors(provider, successors);
  acceptAudiences(provider);
  useProofsOnce(provider);
}

/** The engine builds URLs from the request's Host; ours come from the configured issuer (ENG-20). */
function takeUrlsFromIssuer(provider: Provider): void {
  provider.OIDCContext.prototype.urlFor = (name, options) => provider.urlFor(name, options);
}

type ContextInternals = OIDCContext & { ctx: Parameters<typeof stateOf>[0]; params: Record<string, unknown> | undefined };

/**
 * At the token endpoint, as soon as the engine knows the client, the `scope` of a refresh and of a machine is taken off for us to judge;
 * and as soon as it knows what is redeemed, `resource` in another spelling becomes the granted one (ENG-28). What came twice stays, to be refused.
 */
function readTokenRequests(provider: Provider): void {
  const { prototype } = provider.OIDCContext;
  const assign = prototype.entity;
  prototype.entity = function entity(this: ContextInternals, key: string, value: unknown): void {
    const { route, params } = this;
    if (route === 'token' && params) {
      if (key === 'Client') takeScopeOff(this.ctx, params);
      if (key === 'AuthorizationCode' || key === 'RefreshToken') useGrantedSpelling(params, value as AuthorizationCode | RefreshToken);
    }
    assign.call(this, key, value);
  };
}

function takeScopeOff(ctx: Parameters<typeof stateOf>[0], params: Record<string, unknown>): void {
  const isOurs = params.grant_type === 'refresh_token' || params.grant_type === 'client_credentials';
  if (!isOurs || typeof params.scope !== 'string') return;
  stateOf(ctx).askedScope = params.scope;
  params.scope = undefined;
}

function useGrantedSpelling(params: Record<string, unknown>, { resource: granted }: AuthorizationCode | RefreshToken): void {
  const { resource: asked } = params;
  if (asked === granted || typeof asked !== 'string' || typeof granted !== 'string') return;
  if (isSameResource(asked, granted)) params.resource = granted;
}

/** Whether two spellings name one resource (MCP-21). */
export function isSameResource(a: string, b: string): boolean {
  const [one, other] = [parseResourceUri(a), parseResourceUri(b)];
  return !('problem' in one) && !('problem' in other) && one.key === other.key;
}

/** Secrets are compared by digest (ENG-3), redirect URIs by our own rule, and what was judged at registration is not judged again. */
function judgeClients(provider: Provider): void {
  const EngineClient = provider.Client as typeof provider.Client & { Schema: { prototype: { redirectUris(): void } } };
  const { prototype } = EngineClient;
  prototype.compareClientSecret = function compareClientSecret(this: Client, actual: string): boolean {
    if (this.clientSecret === undefined) return false;
    const digest = sha256(actual);
    // All of them are compared: how long it takes says nothing about which.
    const matches = this.clientSecret.split(' ').map((known) => isEqualConstantTime(digest, known));
    return matches.includes(true);
  };
  prototype.redirectUriAllowed = function redirectUriAllowed(this: Client, uri: unknown): boolean {
    return typeof uri === 'string' && isRegisteredRedirectUri(this.redirectUris ?? [], uri);
  };
  prototype.postLogoutRedirectUriAllowed = function postLogoutRedirectUriAllowed(this: Client, uri: unknown): boolean {
    return typeof uri === 'string' && isRegisteredRedirectUri(this.postLogoutRedirectUris ?? [], uri);
  };
  EngineClient.Schema.prototype.redirectUris = () => undefined;
}

/** A rotated refresh token is derived from the one presented; the first of a family is random. */
function deriveSuccessors(provider: Provider, successors: RefreshSuccessors): void {
  const prototype = provider.RefreshToken.prototype as RefreshToken & { generateTokenId(): string };
  const generate = prototype.generateTokenId;
  prototype.generateTokenId = function generateTokenId(this: RefreshToken): string {
    const ctx = Provider.ctx;
    const presented = ctx?.oidc.entities.RotatedRefreshToken;
    if (!ctx || !presented) return generate.call(this);
    return stateOf(ctx).successor ?? successors.next(presented.jti);
  };
}
