import type { Context, Middleware } from 'koa';
import { type Logger, PlainMembers } from '../platform/logger.ts';
import { type Caller, callerOf } from './caller.ts';

/** What the log says about one request: never the URL, because URLs carry codes, tokens of one-time links and what clients put into `state`. */
export interface Access extends Caller {
  method: string;
  /** The route's name. */
  route: string;
  status: number;
  /** How long it took, of `performance.now()`. */
  startedAt: number;
  /** The caller left before the answer was out. */
  aborted: boolean;
}

/** Logs one request. Nothing in the line is a stranger's text: ids and route names are ours, addresses and methods were parsed. */
export function noteAccess(log: Logger, { requestId, address, method, route, status, startedAt, aborted }: Access): void {
  const ms = Math.round((performance.now() - startedAt) * 10) / 10;
  log.info(new PlainMembers({ requestId, address, method, route, status, ms, ...(aborted && { aborted }) }), 'request');
}

/** Logs one line per request. Errors have been answered further in. */
export function logAccess(log: Logger, routeOf: (ctx: Context) => string): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now();
    const { requestId, address } = callerOf(ctx.req);
    ctx.res.once('close', () => {
      const { statusCode: status, writableFinished } = ctx.res;
      noteAccess(log, { requestId, address, method: ctx.method, route: routeOf(ctx), status, startedAt, aborted: !writableFinished });
    });
    await next();
  };
}
