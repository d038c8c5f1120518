import type { GuardedFetch } from '../guarded-fetch.ts';
import type { StartPart } from './parts.ts';

/**
 * Makes requests to others parts of the request that sends them, until their headers are there. Where they go is told by host alone, if at all,
 * because paths may hold what only the two of us know; and others are not told of our traces.
 */
export function traceFetch(fetch: GuardedFetch, startPart: StartPart, { tellsHost }: { tellsHost: boolean }): GuardedFetch {
  const traced = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const method = (init.method ?? (input instanceof Request ? input.method : 'GET')).toUpperCase();
    const part = startPart(method, {
      kind: 'client',
      attributes: { 'http.request.method': method, ...(tellsHost && describePlace(input)) },
    });
    if (!part) return fetch(input, init);
    try {
      const response = await part.run(() => fetch(input, init));
      part.end({ attributes: { 'http.response.status_code': response.status } });
      return response;
    } catch (error) {
      part.end({ error });
      throw error;
    }
  };
  return Object.assign(traced, { close: () => fetch.close() });
}

function describePlace(input: string | URL | Request): Record<string, string | number> {
  const text = input instanceof Request ? input.url : String(input);
  if (!URL.canParse(text)) return {};
  const { protocol, hostname, port } = new URL(text);
  return {
    'url.scheme': protocol.slice(0, -1),
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}
