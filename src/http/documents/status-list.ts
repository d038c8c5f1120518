import type { Context } from 'koa';
import { HttpProblem } from '../http-problem.ts';
import type { Site } from '../site.ts';

/** Serves a token status list (draft-ietf-oauth-status-list §8). */
export async function serveStatusList(ctx: Context, site: Site): Promise<void> {
  const number = ctx.params['list'] as string;
  const list = /^(?:0|[1-9]\d{0,5})$/.test(number) ? await site.statusLists.publish(site.tenant, Number(number)) : undefined;
  if (!list) throw new HttpProblem('not-found');
  ctx.set('Content-Type', 'application/statuslist+jwt');
  ctx.set('Cache-Control', `public, max-age=${list.maxAgeSeconds}`);
  ctx.body = list.jwt;
}
