import type { Context } from 'koa';
import type { OIDCContext } from 'oidc-provider';
import type { EngineEnvironment } from './engine-environment.ts';
import { stateOf } from './request-state.ts';
import { trustTransport } from './transport.ts';

/** A session as far as its cookie is concerned. */
interface CookieSession {
  jti: string;
  loginTs?: number | undefined;
}

/** Sets the cookie that the engine sets, or takes it away. */
export function setSessionCookie(environment: EngineEnvironment, ctx: Context, session: CookieSession | undefined): void {
  const { tenant, cookies } = environment;
  trustTransport(ctx, tenant);
  ctx.cookies.set(cookies.session, session?.jti ?? null, {
    httpOnly: true,
    sameSite: 'lax',
    secure: cookies.secure,
    signed: false,
    overwrite: true,
    path: '/',
    ...(session && { expires: endOf(environment, session) }),
  });
}

/** The cookie stays until the session ends in any case; whether it went unused for too long, the database knows. */
function endOf({ runtime }: EngineEnvironment, { loginTs }: Pick<CookieSession, 'loginTs'>): Date {
  const signedInAtMs = loginTs === undefined ? runtime.clock.now().getTime() : loginTs * 1_000;
  return new Date(signedInAtMs + runtime.lifetimes.sessionSeconds * 1_000);
}

/**
 * The engine sends the session's cookie with every answer. Unless this request gave the session a new id, that could only put an
 * older one in the place of what another request gave the browser meanwhile; and a new one stays as long as ours do.
 */
export function settleSessionCookie(environment: EngineEnvironment, ctx: Context & { oidc?: OIDCContext }): void {
  const lines = [(ctx.res.getHeader('Set-Cookie') as string | string[] | undefined) ?? []].flat();
  if (lines.length === 0) return;
  const { session: name } = environment.cookies;
  const { sessionId, isSessionOver } = stateOf(ctx);
  const isOurs = (line: string) => line.startsWith(`${name}=`);
  const isOld = (line: string) => isOurs(line) && (isSessionOver === true || line.startsWith(`${name}=${sessionId};`));
  const expires = `; expires=${endOf(environment, { loginTs: ctx.oidc?.session?.loginTs }).toUTCString()}`;
  const isGoodbye = (line: string) => line.startsWith(`${name}=;`);
  const settled = lines
    .filter((line) => !isOld(line))
    .map((line) => (isOurs(line) && !isGoodbye(line) ? line.replace(/; expires=[^;]*/i, expires) : line));
  if (settled.length > 0) ctx.set('Set-Cookie', settled);
  else ctx.remove('Set-Cookie');
}
