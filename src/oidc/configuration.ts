import type { Context } from 'koa';
import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { assertionAlgorithms } from '../domain/client-metadata.ts';
import { describeResourceServer, fillAccessToken } from './access-token.ts';
import { findAccount } from './account.ts';
import { createAdapterFactory } from './adapter.ts';
import { clockToleranceSeconds, judgeAssertion } from './client-assertion.ts';
import { createInteractionPolicy } from './consent-policy.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { chooseResource, findMachineServer, isMachineRequest } from './machine-token.ts';
import { renderEngineError, renderSignOut } from './pages.ts';
import { grantSeconds, refreshTokenSeconds } from './refresh-lifetime.ts';
import { findRegisteredResource, REQUESTED_SCOPE_PARAM, refuseUnstorable } from './rewrite-authorization.ts';
import { judgeRefresh } from './rotation.ts';
import { paths } from './routes.ts';
import { remainingSessionSeconds } from './session-lifetime.ts';
import { OwnSigningKey } from './signing-key.ts';

/** The engine's settings for one tenant. Registration, metadata and keys are published by files of ours; the engine has them off. */
export function configureEngine(environment: EngineEnvironment): Configuration {
  const { runtime, keys, tenant, settings } = environment;
  const { lifetimes } = runtime;
  return {
    adapter: createAdapterFactory(environment),
    // The key that signs comes first: ID tokens take the first that fits. The one that waits has nothing to do here yet.
    jwks: { keys: [keys.current, ...keys.keys.filter(({ state }) => state === 'retiring')].map((key) => new OwnSigningKey(key)) },
    routes: {
      authorization: paths.authorize,
      token: paths.token,
      introspection: paths.introspect,
      revocation: paths.revoke,
      end_session: paths.signOut,
      jwks: paths.jwks,
    },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    assertJwtClientAuthClaimsAndHeader: judgeAssertion(runtime, tenant),
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: 'ES256',
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], clientAuthSigningAlgValues: [...assertionAlgorithms] },
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    clockTolerance: clockToleranceSeconds,
    // Decided before the engine is reached (cors.ts), except where only servers call.
    clientBasedCORS: () => false,
    extraParams: { [REQUESTED_SCOPE_PARAM]: refuseUnstorable },
    cookies: cookieSettings(environment),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      registration: { enabled: false },
      userinfo: { enabled: false },
      introspection: { enabled: true, allowedPolicy: async () => false },
      revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx) => chooseResource(environment, ctx),
        useGrantedResource: async () => true,
        getResourceServerInfo: (ctx, resource) => describeResource(environment, ctx, resource),
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx) => renderSignOut(environment, ctx),
        postLogoutSuccessSource: async (ctx) => settings.renderSignedOut(ctx as Context),
      },
    },
    formats: { customizers: { jwt: (ctx, token, jwt) => fillAccessToken(environment, ctx, { token, jwt } as never) } },
    findAccount: (ctx, id) => findAccount(environment, ctx, id),
    interactions: {
      policy: createInteractionPolicy(environment),
      url: async (_ctx, interaction) => `${tenant.issuer}${paths.interaction}/${interaction.uid}`,
    },
    loadExistingGrant: async ({ oidc }) => {
      const grantId = oidc.result?.consent?.grantId;
      return grantId === undefined ? undefined : oidc.provider.Grant.find(grantId);
    },
    expiresWithSession: async () => false,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: (ctx) => judgeRefresh(environment, ctx),
    renderError: (ctx, out) => renderEngineError(environment, ctx, out),
    ttl: {
      AccessToken: () => lifetimes.accessTokenSeconds,
      AuthorizationCode: () => lifetimes.authorizationCodeSeconds,
      ClientCredentials: () => lifetimes.accessTokenSeconds,
      Grant: () => grantSeconds(runtime),
      IdToken: () => lifetimes.accessTokenSeconds,
      Interaction: () => lifetimes.interactionSeconds,
      RefreshToken: (_ctx, token) => refreshTokenSeconds(runtime, token.iiat),
      Session: (_ctx, session) => remainingSessionSeconds(runtime, session.loginTs),
    },
  };
}

/** At authorize the resource must be one of ours, and one; afterwards it is the one that was granted. A machine names one of ours in any spelling. */
async function describeResource(environment: EngineEnvironment, ctx: KoaContextWithOIDC, resource: string) {
  if (isMachineRequest(ctx)) return describeResourceServer(environment, (await findMachineServer(environment, ctx, resource)).resource);
  if (ctx.oidc.route === 'authorization') {
    const isOne = !Array.isArray(ctx.oidc.params?.resource) || ctx.oidc.params.resource.length === 1;
    if (!isOne || (await findRegisteredResource(environment, resource)) !== resource) throw new errors.InvalidTarget();
  }
  return describeResourceServer(environment, resource);
}

function cookieSettings({ cookies }: EngineEnvironment): Configuration['cookies'] {
  const { session, interaction, resume, secure } = cookies;
  const common = { httpOnly: true, sameSite: 'lax', secure, signed: false, overwrite: true } as const;
  return { names: { session, interaction, resume }, long: { ...common, path: '/' }, short: common };
}
