import type { Context } from 'koa';
import type { OIDCContext } from 'oidc-provider';
import type { ClientId } from '../domain/ids.ts';
import { judgeErrorRedirect } from '../services/judge-error-redirect.ts';
import type { Sessions } from './engine-contract.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { renderProblem } from './pages.ts';
import { toRequestProblem } from './request-problem.ts';
import { stateOf } from './request-state.ts';

type AuthorizationContext = Context & { oidc?: OIDCContext };

/**
 * The engine sends every error of an authorization request on to the client, whoever registered it. Where that would make us a
 * redirector to wherever a stranger wants (RFC 9700 §4.11.2), a page says what happened instead; the person may go on from there.
 */
export async function holdErrorBack(environment: EngineEnvironment, ctx: AuthorizationContext, sessions: Sessions): Promise<void> {
  const { runtime, tenant } = environment;
  const { refusal } = stateOf(ctx);
  const location = ctx.response.headers.location;
  const { client, params, route } = ctx.oidc ?? {};
  if (!refusal || typeof location !== 'string' || !client) return;
  const redirectUri = String(params?.redirect_uri);
  const session = await sessions.current(ctx);
  const failed = { clientId: client.clientId as ClientId, redirectUri, userId: session?.userId, hasAnswered: route === 'resume' };
  if (await judgeErrorRedirect(runtime, tenant, failed)) return;
  ctx.remove('Location');
  await renderProblem(environment, ctx, {
    status: 400,
    ...refusal,
    request: toRequestProblem(refusal),
    clientId: client.clientId,
    ...(client.clientName !== undefined && { clientName: client.clientName }),
    wayBack: { redirectUri, location },
  });
}
