import type { Context, Next } from 'koa';
import type { OIDCContext } from 'oidc-provider';
import type { EngineEnvironment } from './engine-environment.ts';
import { renderProblem } from './pages.ts';
import { paths } from './routes.ts';

type SignOutContext = Context & { oidc?: OIDCContext };

/**
 * `GET /logout` (OpenID Connect RP-Initiated Logout). Whoever is signed in is asked first (ABUSE-36); where nobody is, the engine
 * would send a page that submits itself by a script, and this goes on at once instead: to the client only with an ID token of its
 * own, because anybody may register a client, and a link to us must not lead wherever a stranger wants (RFC 9700 §4.11).
 */
export async function answerSignOut(environment: EngineEnvironment, ctx: SignOutContext, engine: Next): Promise<void> {
  if (ctx.querystring.toLowerCase().includes('%00')) {
    const description = 'a parameter has a character that is not allowed';
    await renderProblem(environment, ctx, { status: 400, error: 'invalid_request', description, request: { kind: 'character' } });
    return;
  }
  await engine();
  const session = ctx.oidc?.session;
  if (ctx.status !== 200 || !session || session.accountId !== undefined) return;
  const { postLogoutRedirectUri, state } = session.state ?? {};
  const goesBack = typeof postLogoutRedirectUri === 'string' && ctx.oidc?.params?.id_token_hint !== undefined;
  const target = new URL(goesBack ? postLogoutRedirectUri : `${environment.tenant.issuer}${paths.signedOut}`);
  if (goesBack && typeof state === 'string') target.searchParams.set('state', state);
  ctx.status = 303;
  ctx.body = '';
  ctx.set('Location', target.href);
}
