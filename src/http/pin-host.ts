/** One issuer, one name: whatever a request calls us, every URL comes from the configured issuer (ABUSE-57, ENG-20). */
import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import { HttpProblem } from './http-problem.ts';

const forwardingHeaders = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-prefix',
  'x-real-ip',
];

/** Refuses request lines that are not a path. A second host name has no business there, and not every such line can be parsed. */
export function requirePath(): Middleware {
  return (ctx, next) => {
    if (!isOriginForm(ctx.req.url)) throw new HttpProblem('host-unknown', { message: 'a request line that is not a path' });
    return next();
  };
}

/**
 * Refuses requests for another host with 421, and takes off what proxies or forgers say about host and scheme. The caller's
 * address was read before this. Of the scheme only the issuer's own is passed on, for the engine to build its URLs with.
 */
export function pinHost(issuer: string): Middleware {
  const { host, protocol } = new URL(issuer);
  const names = acceptedNames(host, protocol);
  return (ctx, next) => {
    const { req } = ctx;
    if (!names.has((req.headers.host ?? '').toLowerCase()) || countOf(req, 'host') !== 1) throw new HttpProblem('host-unknown');
    for (const name of forwardingHeaders) delete req.headers[name];
    req.headers.host = host;
    req.headers['x-forwarded-host'] = host;
    req.headers['x-forwarded-proto'] = protocol.slice(0, -1);
    return next();
  };
}

/** The host with and without the default port of its scheme. */
function acceptedNames(host: string, protocol: string): ReadonlySet<string> {
  const hasPort = /:\d+$/.test(host);
  const defaultPort = protocol === 'https:' ? '443' : '80';
  return new Set(hasPort ? [host] : [host, `${host}:${defaultPort}`]);
}

function countOf(request: IncomingMessage, name: string): number {
  return request.rawHeaders.filter((entry, index) => index % 2 === 0 && entry.toLowerCase() === name).length;
}

function isOriginForm(url: string | undefined): boolean {
  return url?.startsWith('/') === true && !url.startsWith('//');
}
