import type { RequestListener } from 'node:http';
import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import { issuerPath } from '../domain/issuer-url.ts';
import type { Runtime, Tenant } from '../services/runtime.ts';
import type { TenantDirectory } from '../services/tenant-directory.ts';
import { logAccess } from './access-log.ts';
import { frameOf } from './answer.ts';
import { identifyCaller } from './caller.ts';
import { type TrustedProxies, trustProxies } from './client-address.ts';
import { dispatch } from './dispatch.ts';
import { readAssets } from './documents/assets.ts';
import { answerHealth, healthPaths } from './documents/health.ts';
import { answerMetrics, type MetricsAccess } from './documents/metrics.ts';
import { handleErrors } from './error-handler.ts';
import { HttpProblem } from './http-problem.ts';
import { limitDeclaredBody, limitRegistrations } from './limit-requests.ts';
import { requirePath } from './pin-host.ts';
import type { Route } from './route.ts';
import { createRoutes, protocolRouteName } from './routes.ts';
import { setSecurityHeaders } from './security-headers.ts';
import { takeShortcut } from './shortcut.ts';
import { findSite, pathBelow, siteOf } from './site.ts';
import type { Sites } from './sites.ts';
import { traceRequests } from './trace-requests.ts';
import type { Render } from './views/render.ts';

/** What the application is made of. */
export interface AppParts {
  runtime: Runtime;
  /** The tenant at the base: it speaks where a request is nobody's. */
  root: Tenant;
  directory: TenantDirectory;
  sites: Sites;
  render: Render;
  /** Addresses and CIDR networks whose forwarding headers are believed. */
  trustedProxies: readonly string[];
  /** Absent: there is no `/metrics`. */
  metrics?: MetricsAccess;
  /** Whether the process is on its way out; default: never. */
  isDraining?: () => boolean;
}

/** Makes what answers requests: the application, with the short way to public documents in front of it. */
export function createListener(parts: AppParts): RequestListener {
  const { directory, sites, runtime, isDraining = () => false } = parts;
  const proxies = trustProxies(parts.trustedProxies);
  const listener = takeShortcut({ directory, sites, proxies, runtime, isDraining }, createApp(parts, proxies).callback());
  const { tracing } = runtime;
  if (!tracing.isOn) return listener;
  const unwatched = new Set([...healthPaths(issuerPath(parts.root.issuer)).keys(), '/metrics']);
  return traceRequests({ tracing, proxies, unwatched }, listener);
}

/** The koa application, one for all tenants: the middleware below, in this order. */
function createApp(parts: AppParts, proxies: TrustedProxies): Koa {
  const { runtime, root, render, directory, sites } = parts;
  const isSecure = new URL(root.issuer).protocol === 'https:';
  const isDraining = parts.isDraining ?? (() => false);
  const router = createRouter(createRoutes(readAssets()));

  const middleware: readonly Middleware[] = [
    // 1. What holds for every answer, refusals included.
    async (ctx, next) => {
      ctx.set('X-Request-Id', identifyCaller(ctx.req, proxies).requestId);
      setSecurityHeaders(ctx.res, { isSecure });
      if (isDraining()) ctx.set('Connection', 'close');
      await next();
    },
    logAccess(runtime, routeName),
    handleErrors({ render, frameFor: (ctx) => frameOf(findSite(ctx)?.tenant ?? root), runtime }),
    requirePath(),
    // 2. Machines that watch the process call it by any name.
    answerHealth({ runtime, basePath: issuerPath(root.issuer), isDraining }),
    answerMetrics(parts.metrics),
    // 3. From here on there is one tenant, and its host.
    dispatch({ directory, sites }),
    // 4. Protocol endpoints: looked up by their exact path, while the router below tries its patterns one after another.
    limitRegistrations(),
    answerProtocol(),
    // 5. Pages and documents of this room.
    router.routes() as Middleware,
    refuse,
  ];

  const app = new Koa({ env: 'production' });
  app.silent = true;
  for (const step of middleware) app.use(step);
  return app;
}

/** Lets the engine answer, where it has something. */
function answerProtocol(): Middleware {
  const limit = limitDeclaredBody();
  return (ctx, next) => {
    const { engine } = siteOf(ctx);
    return engine.serves(ctx.path) ? limit(ctx, async () => engine.handle(ctx, next)) : next();
  };
}

function createRouter(routes: readonly Route[]): Router {
  const router = new Router({ strict: true, sensitive: true });
  for (const route of routes) router.register(route.path, [route.method], [(ctx) => route.run(ctx, siteOf(ctx))], { name: route.name });
  return router;
}

/**
 * The name that stands in the log: of the page or document that matched, else of a protocol endpoint. The URL is not parsed:
 * that throws for some request lines, where nothing would catch it and the process would end.
 */
function routeName(ctx: Context): string {
  const { _matchedRouteName: matched } = ctx as { _matchedRouteName?: string };
  const path = (ctx.req.url ?? '').split(/[?#]/, 1)[0] ?? '';
  return matched ?? protocolRouteName(pathBelow(findSite(ctx) ?? { basePath: '' }, path)) ?? 'none';
}

/** Nothing answered: there is nothing at this path, or nothing for this method. */
function refuse(ctx: Context): never {
  const { matched = [] } = ctx as { matched?: readonly { methods: readonly string[] }[] };
  if (matched.length === 0) throw new HttpProblem('not-found');
  throw new HttpProblem('method-not-allowed', { headers: { Allow: [...new Set(matched.flatMap(({ methods }) => methods))].join(', ') } });
}
