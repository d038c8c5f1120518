import type { IncomingMessage } from 'node:http';
import type { Context, Middleware } from 'koa';
import { PlainMembers } from '../platform/logger.ts';
import type { Runtime } from '../services/runtime.ts';
import { type Caller, callerOf } from './caller.ts';
import { findSite, type Site } from './site.ts';
import { spanOf } from './trace-requests.ts';

/** What the log says about one request: never the URL, because URLs carry codes, tokens of one-time links and what clients put into `state`. */
export interface Access extends Caller {
  request: IncomingMessage;
  /** Whose it was; undefined when it was nobody's. */
  site: Site | undefined;
  method: string;
  /** The route's name. */
  route: string;
  status: number;
  /** How long it took, of `performance.now()`. */
  startedAt: number;
  /** The caller left before the answer was out. */
  aborted: boolean;
}

/** Logs and counts one request, and ends its span. Nothing in the line is a stranger's text: ids and route names are ours, addresses and methods were parsed. */
export function noteAccess(
  { log, metrics }: Pick<Runtime, 'log' | 'metrics'>,
  { request, site, requestId, address, method, route, status, startedAt, aborted }: Access,
): void {
  const tookMs = performance.now() - startedAt;
  const ms = Math.round(tookMs * 10) / 10;
  if (metrics.isOn) metrics.observeRequest({ route, method, status, seconds: tookMs / 1_000 });
  const write = () => log.info(new PlainMembers({ requestId, address, method, route, status, ms, ...(aborted && { aborted }) }), 'request');
  const span = spanOf(request);
  if (!span) {
    write();
    return;
  }
  span.run(write);
  span.end({ route, status, requestId, isSecure: site?.isSecure, tenant: site?.tenant.slug, aborted });
}

/** Logs one line per request. Errors have been answered further in. */
export function logAccess(runtime: Pick<Runtime, 'log' | 'metrics'>, routeOf: (ctx: Context) => string): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now();
    const { requestId, address } = callerOf(ctx.req);
    ctx.res.once('close', () => {
      const { statusCode: status, writableFinished } = ctx.res;
      const [route, site] = [routeOf(ctx), findSite(ctx)];
      const access = { requestId, address, method: ctx.method, route, status, startedAt, aborted: !writableFinished };
      noteAccess(runtime, { ...access, request: ctx.req, site });
    });
    await next();
  };
}
