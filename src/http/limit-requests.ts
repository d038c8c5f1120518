/** Limits on protocol requests before the engine reads them: how large, and how many new clients from one place. */
import type { Middleware } from 'koa';
import { allowAnyOrigin } from '../oidc/cors.ts';
import { paths } from '../oidc/routes.ts';
import { callerOf } from './caller.ts';
import { addressGroup } from './client-address.ts';
import { HttpProblem } from './http-problem.ts';
import { defaultBodyBytes } from './request-body.ts';
import { pathBelow, siteOf } from './site.ts';

/** Refuses bodies that say they are too large. Those that do not say are cut off where they are read. */
export function limitDeclaredBody(maxBytes: number = defaultBodyBytes): Middleware {
  return (ctx, next) => {
    if (Number(ctx.get('Content-Length') || 0) > maxBytes) throw new HttpProblem('body-too-large', { headers: { Connection: 'close' } });
    return next();
  };
}

/**
 * Counts registrations, and changes of them, per address; beyond the limit 429 with `Retry-After` (ABUSE-10). Each leaves an audit
 * event, so that without a limit anybody could fill the database. Clients in browsers may read the answer.
 */
export function limitRegistrations(): Middleware {
  return async (ctx, next) => {
    const site = siteOf(ctx);
    const path = pathBelow(site, ctx.path);
    const isCounted = (ctx.method === 'POST' && path === paths.register) || (ctx.method === 'PUT' && path.startsWith(`${paths.register}/`));
    if (isCounted) {
      allowAnyOrigin(ctx);
      const admission = await site.limits.admitRegistration(site.tenant, addressGroup(callerOf(ctx.req).address));
      if (!admission.isAdmitted)
        throw new HttpProblem('too-many-registrations', { headers: { 'Retry-After': String(admission.retryAfterSeconds) } });
    }
    await next();
  };
}
