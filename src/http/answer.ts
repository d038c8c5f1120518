import type { Context } from 'koa';
import type { Origin } from '../services/runtime.ts';
import { callerOf } from './caller.ts';
import { formToken } from './form-guard.ts';
import type { Site } from './site.ts';
import type { ViewContexts, ViewName } from './views/contexts.ts';
import type { PageFrame } from './views/frame-contexts.ts';

/** What every page knows. */
export function frameOf({ issuer }: { issuer: string }, signedInAs?: string): PageFrame {
  const { host, pathname } = new URL(issuer);
  return { issuer, issuerHost: pathname === '/' ? host : host + pathname, ...(signedInAs !== undefined && { signedInAs }) };
}

/** The frame of a page with forms. */
export function formFrame(ctx: Context, site: Site, signedInAs?: string): PageFrame & { formToken: string } {
  return { ...frameOf(site.tenant, signedInAs), formToken: formToken(ctx, site) };
}

/** Answers with a page. Pages are never kept by caches: they say who is signed in and what is allowed. */
export function showPage<Name extends ViewName>(
  ctx: Context,
  site: Site,
  page: { view: Name; context: ViewContexts[Name]; status?: number },
): void {
  ctx.status = page.status ?? 200;
  ctx.type = 'html';
  ctx.set('Cache-Control', 'no-store');
  ctx.body = site.render(page.view, page.context);
}

/** Sends the browser on after a form. 303, so that it asks with GET and leaves what was posted behind (MCP-15, ABUSE-24). */
export function seeOther(ctx: Context, location: string): void {
  ctx.status = 303;
  ctx.set('Location', location);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = '';
}

/** Who causes what a page's form does, for the audit trail. */
export function originOf(ctx: Context, userId?: string): Origin {
  return { ...callerOf(ctx.req), actorType: 'user', ...(userId !== undefined && { actorId: userId }) };
}
