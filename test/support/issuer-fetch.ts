import type { FetchLike } from '../../src/resource-server/ambient.ts';
import { exchange } from './http-exchange.ts';
import type { TestIssuer } from './issuer.ts';

/** A `fetch` that finds the issuer under its URL, though it listens elsewhere: a name and a port as a proxy would serve them. */
export function fetchFrom(issuer: Pick<TestIssuer, 'url' | 'origin'>): FetchLike {
  return async (url, { method, headers, body }) => {
    const { origin, pathname, search } = new URL(url);
    if (origin !== new URL(issuer.url).origin) throw new Error(`nobody serves ${origin} here`);
    const response = await exchange(issuer.origin, { method, path: pathname + search, headers, ...(body !== undefined && { body }) });
    const hasBody = ![204, 304].includes(response.status);
    return new Response(hasBody ? response.text : null, { status: response.status, headers: response.headers });
  };
}
