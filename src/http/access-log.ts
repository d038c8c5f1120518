import type { Context, Middleware } from 'koa';
import type { Logger } from '../platform/logger.ts';
import { callerOf } from './caller.ts';

/**
 * Logs one line per request: the route's name, never the URL, because URLs carry codes, tokens of one-time links and what
 * clients put into `state`. Errors have been answered further in.
 */
export function logAccess(log: Logger, routeOf: (ctx: Context) => string): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now();
    const { requestId, address } = callerOf(ctx.req);
    ctx.res.once('close', () => {
      log.info(
        {
          requestId,
          address,
          method: ctx.method,
          route: routeOf(ctx),
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
