import type { Context } from 'koa';
import { type ClientMetadataProblem, hasSecret } from '../domain/client-metadata.ts';
import { changeClient, findManagedClient } from '../services/manage-client.ts';
import { findRegistrationBar, registerClient } from '../services/register-client.ts';
import { removeClient } from '../services/remove-client.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { readJsonBody } from './json-body.ts';
import { paths } from './routes.ts';

type RegisteredClientView = NonNullable<Awaited<ReturnType<typeof findManagedClient>>>;

/** `POST /register` (RFC 7591): clients introduce themselves. How often, the pages' limits say. */
export async function answerRegistration(environment: EngineEnvironment, ctx: Context): Promise<void> {
  const { runtime, tenant } = environment;
  const initialToken = bearerOf(ctx);
  const bar = await findRegistrationBar(runtime, tenant, initialToken);
  if (bar) return answerBar(environment, ctx, bar);
  const body = await readJsonBody(ctx);
  if (!body.ok) return answerProblem(environment, ctx, { kind: 'metadata', reason: body.reason });
  const origin = environment.originOf(ctx);
  const outcome = await registerClient(runtime, tenant, { body: body.value, origin, ...(initialToken !== undefined && { initialToken }) });
  if (!outcome.ok) {
    const { problem } = outcome;
    return problem.kind === 'initial-token-bad' ? answerBar(environment, ctx, problem.kind) : answerProblem(environment, ctx, problem);
  }
  const { client, secret, managementToken } = outcome.value;
  ctx.status = 201;
  ctx.body = describeClient(environment, client, { secret, managementToken });
}

/** `GET`, `PUT` and `DELETE /register/<client id>` (RFC 7592): a client manages its registration with the token it got. */
export async function answerManagement(environment: EngineEnvironment, ctx: Context, clientId: string): Promise<void> {
  const { runtime, tenant } = environment;
  const managementToken = bearerOf(ctx) ?? '';
  const client = await findManagedClient(runtime, tenant, { clientId, token: managementToken });
  if (!client) return answerUnknownToken(environment, ctx);
  // A block is an admin's: the client can neither change nor remove what it was put on (RFC 7592 §2.1).
  if (client.blockedAt) return refuse(environment, ctx, { status: 403, error: 'access_denied', description: 'the client is blocked' });
  if (ctx.method === 'DELETE') {
    const removal = await removeClient(runtime, tenant, { clientId: client.id, origin: environment.originOf(ctx) });
    if (!removal?.isChanged) return answerUnknownToken(environment, ctx);
    ctx.status = 204;
    return;
  }
  if (ctx.method === 'PUT') return answerUpdate(environment, ctx, { client, managementToken });
  ctx.status = 200;
  ctx.body = describeClient(environment, client, { managementToken });
}

/** What a request to change a client must not bring (RFC 7592 §2.2). */
const forbiddenMembers = ['registration_access_token', 'registration_client_uri', 'client_secret_expires_at', 'client_id_issued_at'];

async function answerUpdate(
  environment: EngineEnvironment,
  ctx: Context,
  { client, managementToken }: { client: RegisteredClientView; managementToken: string },
): Promise<void> {
  const { runtime, tenant } = environment;
  const body = await readJsonBody(ctx);
  if (!body.ok) return answerProblem(environment, ctx, { kind: 'metadata', reason: body.reason });
  const members = body.value as Record<string, unknown>;
  const isRecord = typeof members === 'object' && members !== null && !Array.isArray(members);
  if (!isRecord || members.client_id !== client.id)
    return answerInvalid(environment, ctx, `client_id must be that of the client: send "client_id": "${client.id}"`);
  const forbidden = forbiddenMembers.find((name) => members[name] !== undefined);
  if (forbidden) return answerInvalid(environment, ctx, `the request must not contain ${forbidden}: leave it out`);
  const outcome = await changeClient(runtime, tenant, { clientId: client.id, body: members, origin: environment.originOf(ctx) });
  if (!outcome.ok) {
    const { problem } = outcome;
    if (problem.kind === 'unknown-client') return answerUnknownToken(environment, ctx);
    if (problem.kind === 'wrong-secret') return answerInvalid(environment, ctx, 'client_secret is not that of the client: leave it out');
    return answerProblem(environment, ctx, problem);
  }
  ctx.status = 200;
  ctx.body = describeClient(environment, outcome.client, { secret: outcome.secret, managementToken });
}

/** What was registered: no null members, and the secret only when it is new, because only its digest is kept (ENG-3). */
function describeClient(
  { tenant }: EngineEnvironment,
  client: RegisteredClientView,
  { secret, managementToken }: { secret?: string | undefined; managementToken: string },
): object {
  const { metadata } = client;
  const members = {
    client_id: client.id,
    client_id_issued_at: Math.floor(client.createdAt.getTime() / 1_000),
    client_secret: secret,
    client_secret_expires_at: hasSecret(metadata.authMethod) ? 0 : undefined,
    client_name: metadata.name,
    redirect_uris: metadata.redirectUris,
    post_logout_redirect_uris: metadata.postLogoutRedirectUris.length > 0 ? metadata.postLogoutRedirectUris : undefined,
    token_endpoint_auth_method: metadata.authMethod,
    token_endpoint_auth_signing_alg: metadata.authSigningAlg,
    jwks: metadata.jwks && { keys: metadata.jwks },
    jwks_uri: metadata.jwksUri,
    grant_types: metadata.grants,
    response_types: ['code'],
    application_type: metadata.applicationType,
    client_uri: metadata.clientUri,
    logo_uri: metadata.logoUri,
    policy_uri: metadata.policyUri,
    tos_uri: metadata.tosUri,
    registration_client_uri: `${tenant.issuer}${paths.register}/${client.id}`,
    registration_access_token: managementToken,
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** The token in the header; undefined when there is none. */
function bearerOf(ctx: Context): string | undefined {
  return /^Bearer +([\x21-\x7e]+)$/i.exec(ctx.get('Authorization'))?.[1];
}

function answerProblem(environment: EngineEnvironment, ctx: Context, { kind, reason }: ClientMetadataProblem): void {
  const error = kind === 'redirect-uri' ? 'invalid_redirect_uri' : 'invalid_client_metadata';
  refuse(environment, ctx, { status: 400, error, description: reason });
}

function answerInvalid(environment: EngineEnvironment, ctx: Context, description: string): void {
  refuse(environment, ctx, { status: 400, error: 'invalid_request', description });
}

/** The description leads honest developers on; who guesses learns no more from it than that there is something to guess. */
function answerBar(environment: EngineEnvironment, ctx: Context, bar: 'initial-token-missing' | 'initial-token-bad'): void {
  const isMissing = bar === 'initial-token-missing';
  // Where no credentials came, the challenge names no error (RFC 6750 §3.1).
  ctx.set('WWW-Authenticate', `Bearer realm="${environment.tenant.issuer}"${isMissing ? '' : ', error="invalid_token"'}`);
  const description = isMissing
    ? 'registration needs an initial access token: ask the operator for one, and send it as "Authorization: Bearer <token>"'
    : 'the initial access token is unknown, expired, revoked or used up: ask the operator for another';
  refuse(environment, ctx, { status: 401, error: 'invalid_token', description });
}

function answerUnknownToken(environment: EngineEnvironment, ctx: Context): void {
  ctx.set('WWW-Authenticate', `Bearer realm="${environment.tenant.issuer}", error="invalid_token"`);
  const description = 'the registration access token is unknown, or not that of this client: register anew if the client is gone';
  refuse(environment, ctx, { status: 401, error: 'invalid_token', description });
}

/** Answers, and logs the same: whoever runs the issuer finds it by the request id that the developer reports. */
function refuse(
  { runtime, settings }: EngineEnvironment,
  ctx: Context,
  { status, error, description }: { status: 400 | 401 | 403; error: string; description: string },
): void {
  const { requestId } = settings.describeCaller(ctx);
  runtime.log.info({ requestId, error, reason: description }, 'registration refused');
  ctx.status = status;
  ctx.body = { error, error_description: description };
}
