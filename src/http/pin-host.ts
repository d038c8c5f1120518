/** One tenant, one name: whatever a request calls us, every URL comes from the tenant's issuer (ABUSE-57, ENG-20). */
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

/** Refuses requests that name several hosts, or none, with 421. */
export function requireOneHost(request: IncomingMessage): void {
  if (countHeader(request, 'host') !== 1) throw new HttpProblem('host-unknown', { message: 'not exactly one host' });
}

/**
 * Takes off what proxies or forgers say about host and scheme; the caller's address was read before this. Of the scheme only the
 * issuer's own is passed on, for the engine to build its URLs with.
 */
export function callItself({ headers }: IncomingMessage, { host, isSecure }: { host: string; isSecure: boolean }): void {
  for (const name of forwardingHeaders) if (name in headers) delete headers[name];
  headers.host = host;
  headers['x-forwarded-host'] = host;
  headers['x-forwarded-proto'] = isSecure ? 'https' : 'http';
}

/** How often a header was sent. @param name in lower case */
export function countHeader({ rawHeaders }: IncomingMessage, name: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const entry = rawHeaders[index] as string;
    if (entry.length === name.length && entry.toLowerCase() === name) count += 1;
  }
  return count;
}

function isOriginForm(url: string | undefined): boolean {
  return url?.startsWith('/') === true && !url.startsWith('//');
}
