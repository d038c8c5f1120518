import type { Middleware } from 'koa';
import type { Logger } from '../platform/logger.ts';
import { callerOf } from './caller.ts';

/**
 * Logs one line per request: the route's name, never the URL, because URLs carry codes, tokens of one-time links and what
 * clients put into `state`. Errors have been answered further in.
 */
export function logAccess(log: Logger, routeOf: (path: string) => string): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now();
    const { requestId, address } = callerOf(ctx.req);
    ctx.res.once('close', () => {
      log.info(
        {
          requestId,
          address,
          method: ctx.method,
          route: routeOf(pathOf(ctx.req.url)),
          status: ctx.res.statusCode,
          ms: Math.round((performance.now() - startedAt) * 10) / 10,
          ...(!ctx.res.writableFinished && { aborted: true }),
        },
        'request',
      );
    });
    await next();
  };
}

/** Without parsing, which throws for some request lines: here nothing would catch it, and the process would end. */
function pathOf(url = ''): string {
  return url.split(/[?#]/, 1)[0] ?? '';
}
