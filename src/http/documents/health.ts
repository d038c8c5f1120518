/** Whether the process lives, and whether it can serve. Asked by machines under any host name, so no URL is in the answers. */
import type { Middleware } from 'koa';
import { checkReadiness } from '../../services/check-readiness.ts';
import type { Runtime } from '../../services/runtime.ts';

/** The paths that machines ask, with the name of what they ask. */
export function healthPaths(basePath: string): ReadonlyMap<string, string> {
  return new Map(['healthz', 'readyz'].flatMap((name) => [`/${name}`, `${basePath}/${name}`].map((path) => [path, name])));
}

/** Answers `/healthz` and `/readyz` before the host is looked at, at the root of any host as well as below the base issuer. */
export function answerHealth(about: { runtime: Runtime; basePath: string; isDraining: () => boolean }): Middleware {
  const names = healthPaths(about.basePath);
  return async (ctx, next) => {
    const name = names.get(ctx.path);
    if (name === undefined) return next();
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return next();
    const isReady = name === 'healthz' || (!about.isDraining() && (await checkReadiness(about.runtime)));
    ctx.status = isReady ? 200 : 503;
    if (!isReady) ctx.set('Retry-After', '5');
    ctx.set('Cache-Control', 'no-store');
    ctx.body = { status: isReady ? 'ok' : 'unavailable' };
  };
}
