/**
 * The short way: documents that are the same for everyone (metadata, keys, status lists) are answered in front of koa when
 * nothing is to be decided: a plain GET of a known tenant's document that stands ready. Everything else, and every odd request for
 * them, goes the long way, which answers the same; a test compares both. It exists for speed alone (`npm run bench`: discovery, jwks, status).
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { PublicDocument } from '../oidc/engine-contract.ts';
import type { Runtime } from '../services/runtime.ts';
import type { TenantDirectory } from '../services/tenant-directory.ts';
import { noteAccess } from './access-log.ts';
import { identifyCaller } from './caller.ts';
import type { TrustedProxies } from './client-address.ts';
import { findStandingStatusList } from './documents/status-list.ts';
import { countHeader } from './pin-host.ts';
import { protocolRouteName } from './routes.ts';
import { securityHeaders } from './security-headers.ts';
import { pathBelow, type Site } from './site.ts';
import type { Sites } from './sites.ts';

/** What the short way works with. */
export interface ShortcutParts {
  directory: TenantDirectory;
  sites: Sites;
  proxies: TrustedProxies;
  runtime: Pick<Runtime, 'log' | 'metrics'>;
  isDraining(): boolean;
}

/** Puts the short way in front of `longWay`. */
export function takeShortcut(parts: ShortcutParts, longWay: RequestListener): RequestListener {
  return (request, response) => {
    const site = isPlain(request) && !parts.isDraining() ? siteAtHand(parts, request) : undefined;
    const path = request.url as string;
    const document = site?.engine.document(path);
    const list = site && !document ? findStandingStatusList(site, pathBelow(site, path)) : undefined;
    if (site && document)
      answer(parts, { request, response }, { site, document, route: protocolRouteName(pathBelow(site, path)) ?? 'none' });
    else if (site && list) answer(parts, { request, response }, { site, document: list, route: 'status-list' });
    else longWay(request, response);
  };
}

/** A GET of a path alone, by one name, and without conditions. */
function isPlain(request: IncomingMessage): boolean {
  const { method, url = '', headers } = request;
  return (
    method === 'GET' &&
    url.startsWith('/') &&
    !/[?#%]|\/\//.test(url) &&
    headers['if-none-match'] === undefined &&
    headers['if-modified-since'] === undefined &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined &&
    countHeader(request, 'host') === 1
  );
}

function siteAtHand({ directory, sites }: ShortcutParts, request: IncomingMessage): Site | undefined {
  const addressee = directory.find(request.headers.host as string, request.url as string);
  return addressee instanceof Promise || 'missing' in addressee ? undefined : sites.atHand(addressee.found);
}

function answer(
  { runtime, proxies }: ShortcutParts,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  { site, document, route }: { site: Site; document: PublicDocument; route: string },
): void {
  const startedAt = performance.now();
  const { requestId, address } = identifyCaller(request, proxies);
  response.once('close', () => {
    const access = { requestId, address, method: 'GET', route, status: 200, startedAt, aborted: !response.writableFinished };
    noteAccess(runtime, { ...access, request, site });
  });
  response.writeHead(200, ['X-Request-Id', requestId, ...headersOf(document, site)]);
  // As a text, not as bytes: then headers and body leave in one piece.
  response.end(document.body);
}

const headerLists = new WeakMap<PublicDocument, string[]>();

/** Every header but the request's own, as Node takes them in a row. */
function headersOf(document: PublicDocument, { isSecure }: Site): string[] {
  const known = headerLists.get(document);
  if (known) return known;
  const made = Object.entries({
    ...securityHeaders({ isSecure }),
    ...document.headers,
    'Content-Length': String(Buffer.byteLength(document.body)),
  }).flat();
  headerLists.set(document, made);
  return made;
}
