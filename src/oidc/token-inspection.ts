import type { Context, Next } from 'koa';
import type { OIDCContext } from 'oidc-provider';
import type { ClientId, ServerId } from '../domain/ids.ts';
import { isTokenActive } from '../services/introspect-token.ts';
import { revokeAccessToken } from '../services/revoke-token.ts';
import { allowNoOrigin } from './cors.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import type { OwnToken, OwnTokenReader } from './own-token.ts';

/** The engine's context, when it got as far as that. */
type Inspected = Context & { oidc?: OIDCContext };

/**
 * Introspection (RFC 7662). The engine authenticates the caller; it stores no JWT and so refuses them, which is where our own answer
 * begins (ENG-14, ENG-30). A caller without a secret is nobody and gets 401; one that is not the token's server learns nothing.
 */
export async function answerIntrospection(
  environment: EngineEnvironment,
  ctx: Inspected,
  { engine, readToken }: { engine: Next; readToken: OwnTokenReader },
): Promise<void> {
  try {
    await engine();
  } finally {
    allowNoOrigin(ctx);
  }
  const client = ctx.oidc?.client;
  if (client?.clientAuthMethod === 'none' || (!client && isAnonymous(ctx))) {
    ctx.status = 401;
    ctx.body = { error: 'invalid_client', error_description: 'client authentication is required' };
    return;
  }
  if (!client || !isAuthenticated(ctx)) return;
  ctx.status = 200;
  const token = await readToken(tokenOf(ctx));
  const serverId = client.clientId as ServerId;
  const isActive = token !== undefined && (await isTokenActive(environment.runtime, environment.tenant, { serverId, token }));
  ctx.body = isActive ? describeToken(token) : { active: false };
}

function describeToken({ claims, audience, clientId }: OwnToken): object {
  const { scope, sub, exp, iat, iss, jti, auth_time, consent, selection } = claims;
  const facts = { scope, client_id: clientId, token_type: 'Bearer', sub, aud: audience, exp, iat, iss, jti, auth_time, consent, selection };
  return { active: true, ...facts };
}

/** Revocation (RFC 7009). Refresh tokens are the engine's; access tokens are ours. What is not the caller's is left alone, silently. */
export async function answerRevocation(
  environment: EngineEnvironment,
  ctx: Inspected,
  { engine, readToken }: { engine: Next; readToken: OwnTokenReader },
): Promise<void> {
  await engine();
  const client = ctx.oidc?.client;
  if (!client || !isAuthenticated(ctx) || ctx.status === 200) return;
  ctx.status = 200;
  ctx.remove('Content-Type');
  ctx.body = '';
  const token = await readToken(tokenOf(ctx));
  if (token?.clientId !== client.clientId) return;
  const { runtime, tenant, originOf } = environment;
  await revokeAccessToken(runtime, tenant, { clientId: client.clientId as ClientId, status: token.status, origin: originOf(ctx) });
}

/** The form was read, and nobody says in it or in the header who asks; the engine takes that for a malformed request (RFC 7662 §2.1). */
function isAnonymous(ctx: Inspected): boolean {
  return ctx.oidc?.params !== undefined && ctx.oidc.params.client_id === undefined && !/^basic /i.test(ctx.get('Authorization'));
}

/** The engine let the caller in: it answered, or it only refused to deal with a JWT. */
function isAuthenticated(ctx: Inspected): boolean {
  return ctx.status === 200 || (ctx.status === 400 && (ctx.body as { error?: unknown } | null)?.error === 'unsupported_token_type');
}

function tokenOf(ctx: Inspected): string {
  return String(ctx.oidc?.params?.token ?? '');
}
