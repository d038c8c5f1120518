import { parse } from 'node:querystring';
import type { Context, Next } from 'koa';
import type { OIDCContext } from 'oidc-provider';
import { looksLikeApiKey } from '../domain/api-key.ts';
import type { ServerId } from '../domain/ids.ts';
import type { MachineId } from '../services/find-machine.ts';
import { type ApiKeyAccess, introspectApiKey, introspectApiKeyFor } from '../services/introspect-api-key.ts';
import { isTokenActive, isTokenActiveFor } from '../services/introspect-token.ts';
import { revokeApiKeyOf } from '../services/manage-api-keys.ts';
import { revokeAccessToken } from '../services/revoke-token.ts';
import type { Origin } from '../services/runtime.ts';
import { allowNoOrigin } from './cors.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { readFormBody, unreadContext } from './form-body.ts';
import type { OwnToken, OwnTokenReader } from './own-token.ts';

/** The engine's context, when it got as far as that. */
type Inspected = Context & { oidc?: OIDCContext };

type EngineDoor = (ctx: Context) => Promise<void>;

/**
 * Introspection (RFC 7662). The engine authenticates the caller; it stores no JWT and so refuses them, which is where our own answer
 * begins (ENG-14, ENG-30). A caller without a secret is nobody and gets 401; one that is not the token's server learns nothing.
 * A server that asks about a token of ours by Basic needs no engine: it is answered by one look.
 */
export async function answerIntrospection(
  environment: EngineEnvironment,
  ctx: Context,
  { engine, readToken }: { engine: EngineDoor; readToken: OwnTokenReader },
): Promise<void> {
  const body = await readFormBody(ctx);
  const question = body && plainQuestionIn(ctx, body);
  if (question && (await answerPlainQuestion(environment, ctx, { question, readToken }))) return;
  await answerByEngine(environment, body ? unreadContext(ctx, body) : ctx, { engine, readToken });
}

/** A server's id and secret, and a token; nothing else was said. */
interface PlainQuestion {
  id: string;
  secret: string;
  token: string;
}

/** Undefined for whatever is not plain; the engine reads it in full, and says what is wrong with it. */
function plainQuestionIn(ctx: Context, body: Buffer): PlainQuestion | undefined {
  const { token, token_type_hint: hint, ...more } = parse(body.toString());
  if (typeof token !== 'string' || Array.isArray(hint) || Object.keys(more).length > 0) return undefined;
  const encoded = /^basic ([A-Za-z0-9+/]{1,1024}={0,2})$/i.exec(ctx.get('Authorization'))?.[1];
  // Ids and secrets that we make have no character that form-encoding changes (RFC 6749 §2.3.1).
  const [, id, secret] = /^([\w-]+):([\w-]+)$/.exec(encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('latin1')) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret, token };
}

/** False when that was not for us to answer: no server, or neither an access token of ours nor an API key. */
async function answerPlainQuestion(
  environment: EngineEnvironment,
  ctx: Context,
  { question, readToken }: { question: PlainQuestion; readToken: OwnTokenReader },
): Promise<boolean> {
  const { runtime, tenant } = environment;
  if (looksLikeApiKey(question.token)) {
    const { id, secret, token: key } = question;
    const answer = await introspectApiKeyFor(runtime, tenant, { id, secret, key, origin: serverOrigin(environment, ctx, id) });
    if (!answer) return false;
    ctx.status = 200;
    ctx.body = describeApiKey(tenant, answer.access);
    return true;
  }
  const token = await readToken(question.token);
  const isActive = token && (await isTokenActiveFor(runtime, tenant, { ...question, token }));
  if (isActive === undefined) return false;
  ctx.status = 200;
  ctx.body = isActive ? describeToken(token) : { active: false };
  return true;
}

async function answerByEngine(
  environment: EngineEnvironment,
  ctx: Inspected,
  { engine, readToken }: { engine: EngineDoor; readToken: OwnTokenReader },
): Promise<void> {
  try {
    await engine(ctx);
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
  const { runtime, tenant } = environment;
  const serverId = client.clientId as ServerId;
  const presented = tokenOf(ctx);
  if (looksLikeApiKey(presented)) {
    const question = { serverId, key: presented, origin: serverOrigin(environment, ctx, serverId) };
    ctx.body = describeApiKey(tenant, await introspectApiKey(runtime, tenant, question));
    return;
  }
  const token = await readToken(presented);
  const isActive = token !== undefined && (await isTokenActive(runtime, tenant, { serverId, token }));
  ctx.body = isActive ? describeToken(token) : { active: false };
}

function describeToken({ claims, audience, clientId }: OwnToken): object {
  const { scope, sub, exp, iat, iss, jti, auth_time, consent, selection } = claims;
  const facts = { scope, client_id: clientId, token_type: 'Bearer', sub, aud: audience, exp, iat, iss, jti, auth_time, consent, selection };
  return { active: true, ...facts };
}

function serverOrigin({ settings }: EngineEnvironment, ctx: Context, serverId: string): Origin {
  return { ...settings.describeCaller(ctx), actorType: 'server', actorId: serverId };
}

/** An API key is told as a token whose client it is itself. */
function describeApiKey({ issuer }: { issuer: string }, access: ApiKeyAccess | undefined): object {
  if (!access) return { active: false };
  const { id, subject, resource, scope, issuedAt, expiresAt } = access;
  const seconds = (at: Date) => Math.floor(at.getTime() / 1_000);
  const facts = { scope, client_id: id, token_type: 'Bearer', sub: subject, aud: resource, iss: issuer, jti: id };
  return { active: true, ...facts, iat: seconds(issuedAt), exp: seconds(expiresAt) };
}

/** Revocation (RFC 7009). Refresh tokens are the engine's; access tokens and API keys are ours. What is not the caller's is left alone, silently. */
export async function answerRevocation(
  environment: EngineEnvironment,
  ctx: Inspected,
  { engine, readToken }: { engine: Next; readToken: OwnTokenReader },
): Promise<void> {
  await engine();
  const client = ctx.oidc?.client;
  const { runtime, tenant, originOf } = environment;
  if (client && ctx.status === 200 && looksLikeApiKey(tokenOf(ctx))) {
    const clientId = client.clientId as MachineId;
    return revokeApiKeyOf(runtime, tenant, { clientId, key: tokenOf(ctx), origin: originOf(ctx) });
  }
  if (!client || !isAuthenticated(ctx) || ctx.status === 200) return;
  ctx.status = 200;
  ctx.remove('Content-Type');
  ctx.body = '';
  const token = await readToken(tokenOf(ctx));
  if (token?.clientId !== client.clientId) return;
  await revokeAccessToken(runtime, tenant, { clientId: client.clientId as MachineId, status: token.status, origin: originOf(ctx) });
}

/** The form was read, and nobody says in it or in the header who asks; the engine takes that for a malformed request (RFC 7662 §2.1). */
function isAnonymous(ctx: Inspected): boolean {
  const { params } = ctx.oidc ?? {};
  const isNamed = params?.client_id !== undefined || params?.client_assertion !== undefined;
  return params !== undefined && !isNamed && !/^basic /i.test(ctx.get('Authorization'));
}

/** The engine let the caller in: it answered, or it only refused to deal with a JWT. */
function isAuthenticated(ctx: Inspected): boolean {
  return ctx.status === 200 || (ctx.status === 400 && (ctx.body as { error?: unknown } | null)?.error === 'unsupported_token_type');
}

function tokenOf(ctx: Inspected): string {
  return String(ctx.oidc?.params?.token ?? '');
}
