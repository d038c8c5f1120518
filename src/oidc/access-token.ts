import type { AccessToken, KoaContextWithOIDC } from 'oidc-provider';
import { type AccessGrant, issueAccess } from '../services/issue-access.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { toTokenError } from './errors.ts';
import { decideMachineAccess } from './machine-token.ts';
import { stateOf } from './request-state.ts';
import { MARKER_SCOPE } from './scopes.ts';

/** The engine's access token while it is being made; the engine's types miss what it reads back afterwards. */
type TokenInTheMaking = Omit<AccessToken, 'kind'> & { kind: string; scope: string; expiresIn?: number };

interface JwtInTheMaking {
  payload: Record<string, unknown>;
}

/** How the engine is to make tokens for a resource: as ES256 `at+jwt`, and as far as it knows with the marker as the only scope. */
export function describeResourceServer(environment: EngineEnvironment, resource: string) {
  const { runtime, keys } = environment;
  return {
    scope: MARKER_SCOPE,
    audience: resource,
    accessTokenFormat: 'jwt',
    accessTokenTTL: runtime.lifetimes.accessTokenSeconds,
    jwt: { sign: { alg: 'ES256', kid: keys.current.kid } },
  } as const;
}

/**
 * Fills in an access token before the engine signs it: the effective scopes in place of the marker, in the token and so in the
 * response (ENG-27), consent and status index, and an end no later than the earliest in the consent. Works on the request's own
 * transaction, or was decided before where the request goes the short way; when the consent gives nothing any more, the request
 * fails and nothing of it stays. A machine's token says whom it acts as, and has no consent.
 */
export async function fillAccessToken(
  environment: EngineEnvironment,
  ctx: KoaContextWithOIDC,
  making: { token: TokenInTheMaking; jwt: JwtInTheMaking },
): Promise<void> {
  const { token } = making;
  if (token.kind === 'ClientCredentials') {
    const { subject, ...access } = await decideMachineAccess(environment, ctx);
    return writeAccess(making, access, { sub: subject });
  }
  const grantId = (token as { grantId?: string }).grantId;
  const access = await decideAccess(environment, ctx, grantId);
  writeAccess(making, access, { auth_time: signedInAt(ctx), consent: access.consentId });
}

function writeAccess(
  { token, jwt }: { token: TokenInTheMaking; jwt: JwtInTheMaking },
  access: Pick<AccessGrant, 'scope' | 'status' | 'selection' | 'expiresAt'>,
  claims: Readonly<Record<string, unknown>>,
): void {
  token.scope = access.scope;
  const issuedAt = Number(jwt.payload.iat);
  const expiresAt = Math.min(Number(jwt.payload.exp), Math.floor(access.expiresAt.getTime() / 1_000));
  token.expiresIn = expiresAt - issuedAt;
  Object.assign(jwt.payload, {
    ...claims,
    scope: access.scope,
    exp: expiresAt,
    status: { status_list: access.status },
    ...(access.selection !== undefined && { selection: access.selection }),
  });
}

async function decideAccess(environment: EngineEnvironment, ctx: KoaContextWithOIDC, grantId: string | undefined): Promise<AccessGrant> {
  const { runtime, tenant } = environment;
  const { unit, short } = stateOf(ctx);
  if (!unit || grantId === undefined) throw new Error('an access token was about to be made outside a token request');
  if (short?.prepared.facts.grantId === grantId) return short.prepared.access;
  const outcome = await unit.write((db) => issueAccess(runtime, db, { tenant, grantId, origin: environment.originOf(ctx) }));
  if (!outcome.ok) throw toTokenError(outcome.failure);
  return outcome.value;
}

function signedInAt(ctx: KoaContextWithOIDC): number | undefined {
  const { AuthorizationCode: code, RefreshToken: refreshToken } = ctx.oidc.entities;
  return code?.authTime ?? refreshToken?.authTime;
}
