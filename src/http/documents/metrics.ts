/** What the process counts, for those who watch it; with the token that the settings name, and otherwise as if there were nothing here. */
import type { Middleware } from 'koa';
import { isEqualConstantTime } from '../../platform/digest.ts';
import { metricsType } from '../../platform/metrics.ts';
import { HttpProblem } from '../http-problem.ts';

/** How `/metrics` is answered. */
export interface MetricsAccess {
  /** Whoever shows it may read. */
  token: string;
  /** The text, of all processes that serve. */
  read(): Promise<string>;
}

/** Answers `/metrics` at the root of the host, by any name, before the host is looked at. */
export function answerMetrics(access: MetricsAccess | undefined): Middleware {
  return async (ctx, next) => {
    if (!access || ctx.path !== '/metrics' || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    const [, shown = ''] = /^Bearer ([\w~+/.=-]{1,512})$/i.exec(ctx.get('Authorization')) ?? [];
    if (!isEqualConstantTime(shown, access.token)) throw new HttpProblem('not-found', { message: 'metrics without their token' });
    ctx.set('Cache-Control', 'no-store');
    ctx.body = await access.read();
    ctx.set('Content-Type', metricsType);
  };
}
