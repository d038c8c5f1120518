/**
 * The web room: koa, the pages that people see, and the small documents beside the protocol endpoints. It parses what comes in,
 * calls services and the engine, and renders what they answer. It decides nothing about access, knows no SQL, and speaks no
 * OAuth itself. `compose.ts` makes it.
 */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import type { Engine } from '../oidc/engine-contract.ts';
import type { AttemptLimits } from '../services/limit-attempts.ts';
import type { StatusListPublisher } from '../services/publish-status-list.ts';
import type { Runtime, Tenant } from '../services/runtime.ts';
import type { Render } from './views/render.ts';

/** One tenant, as handlers work with it. */
export interface Site {
  runtime: Runtime;
  tenant: Tenant;
  engine: Engine;
  render: Render;
  statusLists: StatusListPublisher;
  limits: AttemptLimits;
  /** Host of the issuer URL, with its port where that is not the scheme's own. */
  host: string;
  /** Path of the issuer URL; empty at the root of its host. */
  basePath: string;
  /** Whether the issuer is https: cookies are Secure then, and carry the prefix that proves it. */
  isSecure: boolean;
  /** Whether the process is on its way out: not ready for new work, though it still answers. */
  isDraining(): boolean;
}

/** At the request itself, like its caller (see `caller.ts`). */
const key = Symbol('site');

type Addressed = IncomingMessage & { [key]?: Site };

/** Notes whose request it is. */
export function setSite(ctx: Context, site: Site): void {
  (ctx.req as Addressed)[key] = site;
}

/** Whose request it is; undefined until that was looked up, and for requests that are nobody's. */
export function findSite(ctx: Context): Site | undefined {
  return (ctx.req as Addressed)[key];
}

/** Whose request it is. Throws before that was looked up. */
export function siteOf(ctx: Context): Site {
  const site = findSite(ctx);
  if (!site) throw new Error('a request without a tenant');
  return site;
}

/** The path below the issuer, as it was sent; the whole path where it is not below. */
export function pathBelow({ basePath }: Pick<Site, 'basePath'>, path: string): string {
  return path.startsWith(basePath) ? path.slice(basePath.length) : path;
}
