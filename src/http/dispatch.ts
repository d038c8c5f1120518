/** Whose request it is: looked up by host and path, before anything of a tenant is touched. */
import type { Context, Middleware } from 'koa';
import type { TenantDirectory } from '../services/tenant-directory.ts';
import { HttpProblem } from './http-problem.ts';
import { callItself, requireOneHost } from './pin-host.ts';
import { setTransportSecurity } from './security-headers.ts';
import { pathBelow, setSite } from './site.ts';
import type { Sites } from './sites.ts';

/**
 * Finds the tenant, and goes on with its site. A host that nobody has is answered with 421, a path that is no tenant's with 404;
 * below the base, an unknown slug is the root tenant's to answer, which has nothing there. From here on the request says of
 * itself what the tenant's issuer URL says (ABUSE-57, ENG-20), and pages are looked up below that URL.
 */
export function dispatch({ directory, sites }: { directory: TenantDirectory; sites: Sites }): Middleware {
  return async (ctx, next) => {
    requireOneHost(ctx.req);
    const looked = directory.find(ctx.req.headers.host ?? '', ctx.path);
    const addressee = looked instanceof Promise ? await looked : looked;
    if ('missing' in addressee) throw new HttpProblem(addressee.missing === 'host' ? 'host-unknown' : 'not-found');
    const tenant = addressee.found;
    await sites.use(tenant, async (site) => {
      setSite(ctx, site);
      setTransportSecurity(ctx.res, site);
      ctx.cookies.secure = site.isSecure;
      callItself(ctx.req, site);
      lookUpPagesBelow(ctx, pathBelow(site, ctx.path));
      await next();
    });
  };
}

/** What the router takes for the path; handlers see the whole one. An issuer URL with a path has no slash at its end. */
function lookUpPagesBelow(ctx: Context & { newRouterPath?: string }, path: string): void {
  ctx.newRouterPath = path === '' ? '/' : path;
}
