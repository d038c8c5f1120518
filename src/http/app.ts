import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import type { Engine } from '../oidc/engine-contract.ts';
import type { AttemptLimits } from '../services/limit-attempts.ts';
import type { StatusListPublisher } from '../services/publish-status-list.ts';
import type { Runtime, Tenant } from '../services/runtime.ts';
import { logAccess } from './access-log.ts';
import { frameOf } from './answer.ts';
import { identifyCaller } from './caller.ts';
import { trustProxies } from './client-address.ts';
import { readAssets } from './documents/assets.ts';
import { answerHealth } from './documents/health.ts';
import { handleErrors } from './error-handler.ts';
import { HttpProblem } from './http-problem.ts';
import { limitDeclaredBody, limitRegistrations } from './limit-requests.ts';
import { pinHost, requirePath } from './pin-host.ts';
import type { Route } from './route.ts';
import { createRoutes, protocolRouteName } from './routes.ts';
import { setSecurityHeaders } from './security-headers.ts';
import type { Site } from './site.ts';
import type { Render } from './views/render.ts';

/** What the application is made of. */
export interface AppParts {
  runtime: Runtime;
  tenant: Tenant;
  engine: Engine;
  render: Render;
  statusLists: StatusListPublisher;
  limits: AttemptLimits;
  /** Addresses and CIDR networks whose forwarding headers are believed. */
  trustedProxies: readonly string[];
  /** Whether the process is on its way out; default: never. */
  isDraining?: () => boolean;
}

/** Makes the koa application of one tenant: the middleware below, in this order. */
export function createApp(parts: AppParts): Koa {
  const { runtime, tenant, engine, render } = parts;
  const issuer = new URL(tenant.issuer);
  const basePath = issuer.pathname === '/' ? '' : issuer.pathname;
  const isSecure = issuer.protocol === 'https:';
  const isDraining = parts.isDraining ?? (() => false);
  const site: Site = {
    runtime,
    tenant,
    engine,
    render,
    statusLists: parts.statusLists,
    limits: parts.limits,
    basePath,
    isSecure,
    isDraining,
  };
  const proxies = trustProxies(parts.trustedProxies);
  const router = createRouter(createRoutes(readAssets()), site);

  const middleware: readonly Middleware[] = [
    // 1. What holds for every answer, refusals included.
    async (ctx, next) => {
      ctx.set('X-Request-Id', identifyCaller(ctx.req, proxies).requestId);
      setSecurityHeaders(ctx.res, { isSecure });
      if (isDraining()) ctx.set('Connection', 'close');
      await next();
    },
    logAccess(runtime.log, (ctx) => routeName(ctx, basePath)),
    handleErrors({ render, frame: frameOf(tenant), log: runtime.log }),
    requirePath(),
    // 2. Machines that watch the process call it by any name.
    answerHealth({ runtime, basePath, isDraining }),
    // 3. From here on there is one host.
    pinHost(tenant.issuer),
    useIssuerScheme(isSecure),
    // 4. Pages and documents of this room.
    router.routes() as Middleware,
    // 5. Protocol endpoints.
    limitRegistrations(site),
    limitDeclaredBody(),
    engine.handle,
    refuse,
  ];

  const app = new Koa({ env: 'production' });
  app.silent = true;
  for (const step of middleware) app.use(step);
  return app;
}

function createRouter(routes: readonly Route[], site: Site): Router {
  const router = new Router({ prefix: site.basePath, strict: true, sensitive: true });
  for (const route of routes) {
    // The issuer URL itself has no slash at its end.
    const path = route.path === '/' && site.basePath !== '' ? '{/}' : route.path;
    router.register(path, [route.method], [(ctx) => route.run(ctx, site)], { name: route.name });
  }
  return router;
}

/**
 * The name that stands in the log: of the page or document that matched, else of a protocol endpoint. The URL is not parsed:
 * that throws for some request lines, where nothing would catch it and the process would end.
 */
function routeName(ctx: Context, basePath: string): string {
  const { _matchedRouteName: matched } = ctx as { _matchedRouteName?: string };
  const path = (ctx.req.url ?? '').split(/[?#]/, 1)[0] ?? '';
  return matched ?? protocolRouteName(path.startsWith(basePath) ? path.slice(basePath.length) : path) ?? 'none';
}

/** TLS may end at a proxy: whether a request counts as https is the issuer's to say. Cookies are marked by it. */
function useIssuerScheme(isSecure: boolean): Middleware {
  return (ctx, next) => {
    ctx.cookies.secure = isSecure;
    return next();
  };
}

/** Nothing answered: there is nothing at this path, or nothing for this method. */
function refuse(ctx: Context): never {
  const { matched = [] } = ctx as { matched?: readonly { methods: readonly string[] }[] };
  if (matched.length === 0) throw new HttpProblem('not-found');
  throw new HttpProblem('method-not-allowed', { headers: { Allow: [...new Set(matched.flatMap(({ methods }) => methods))].join(', ') } });
}
