import type { Context, Middleware } from 'koa';
import { PlainMembers } from '../platform/logger.ts';
import type { Runtime } from '../services/runtime.ts';
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

/** Logs and counts one request. Nothing in the line is a stranger's text: ids and route names are ours, addresses and methods were parsed. */
export function noteAccess(
  { log, metrics }: Pick<Runtime, 'log' | 'metrics'>,
  { requestId, address, method, route, status, startedAt, aborted }: Access,
): void {
  const tookMs = performance.now() - startedAt;
  const ms = Math.round(tookMs * 10) / 10;
  if (metrics.isOn) metrics.observeRequest({ route, method, status, seconds: tookMs / 1_000 });
  log.info(new PlainMembers({ requestId, address, method, route, status, ms, ...(aborted && { aborted }) }), 'request');
}

/** Logs one line per request. Errors have been answered further in. */
export function logAccess(runtime: Pick<Runtime, 'log' | 'metrics'>, routeOf: (ctx: Context) => string): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now();
    const { requestId, address } = callerOf(ctx.req);
    ctx.res.once('close', () => {
      const { statusCode: status, writableFinished } = ctx.res;
      noteAccess(runtime, { requestId, address, method: ctx.method, route: routeOf(ctx), status, startedAt, aborted: !writableFinished });
    });
    await next();
  };
}
