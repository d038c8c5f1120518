import type { Context } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { PageProblem } from './engine-contract.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { toRequestProblem } from './request-problem.ts';

/** Routes that people see; every other answers in JSON, whatever it is asked for (MCP-25). */
const pageRoutes = new Set(['authorization', 'resume', 'end_session', 'end_session_confirm', 'end_session_success']);

/** The engine's error page, where no redirect may be followed (MCP-11). */
export async function renderEngineError(environment: EngineEnvironment, ctx: KoaContextWithOIDC, out: object): Promise<void> {
  const { error, error_description: description } = out as { error: string; error_description?: string };
  if (!pageRoutes.has(ctx.oidc.route)) {
    ctx.body = out;
    return;
  }
  const { client_id: clientId } = ctx.query;
  await renderProblem(environment, ctx as Context, {
    status: ctx.status,
    error,
    request: toRequestProblem({ error, description }),
    ...(description !== undefined && { description }),
    ...(typeof clientId === 'string' && { clientId }),
    ...(ctx.oidc.client?.clientName !== undefined && { clientName: ctx.oidc.client.clientName }),
  });
}

/** Shows an error page. */
export async function renderProblem({ settings }: EngineEnvironment, ctx: Context, problem: PageProblem): Promise<void> {
  ctx.status = problem.status;
  ctx.set('Cache-Control', 'no-store');
  await settings.renderError(ctx, problem);
}

/** The engine's page that asks whether to sign out. */
export async function renderSignOut({ settings }: EngineEnvironment, ctx: KoaContextWithOIDC): Promise<void> {
  const { state } = ctx.oidc.session ?? {};
  const clientName = ctx.oidc.client?.clientName;
  await settings.renderSignOut(ctx as Context, {
    form: { action: ctx.oidc.urlFor('end_session_confirm'), fields: { xsrf: String(state?.secret ?? '') } },
    ...(clientName !== undefined && { clientName }),
  });
}
