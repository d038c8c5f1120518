/** The span of each request, around everything that answers it. Only where somebody gets the spans. */
import type { IncomingMessage, RequestListener } from 'node:http';
import { type RequestSpan, readTraceparent, type Tracing } from '../platform/tracing.ts';
import { isTrusted, type TrustedProxies } from './client-address.ts';

/** What is traced, and for whom. */
export interface TraceParts {
  tracing: Tracing;
  /** Whose traces are gone on with. */
  proxies: TrustedProxies;
  /** Paths that machines ask every few seconds, of no interest in a trace. */
  unwatched: ReadonlySet<string>;
}

/** At the request itself, like its caller (see `caller.ts`). */
const key = Symbol('span');

type Traced = IncomingMessage & { [key]?: RequestSpan };

/** The span of a request; undefined where there is none. */
export function spanOf(request: IncomingMessage): RequestSpan | undefined {
  return (request as Traced)[key];
}

/**
 * Puts the beginning of a span in front of `answer`; the access log ends it. The trace of a trusted proxy is gone on with, and its
 * word on whether it is kept. Anybody else's is linked to and no more: whoever calls us from outside can neither make us keep
 * traces nor write into those of others.
 */
export function traceRequests({ tracing, proxies, unwatched }: TraceParts, answer: RequestListener): RequestListener {
  return (request, response) => {
    const { method = '', url = '', headers, socket } = request;
    if (unwatched.has(url.split('?', 1)[0] ?? '')) return answer(request, response);
    const { traceparent } = headers;
    const caller = typeof traceparent === 'string' ? readTraceparent(traceparent) : undefined;
    const continuesCaller = caller !== undefined && isTrusted(socket.remoteAddress, proxies);
    const span = tracing.startRequest({ method, caller, continuesCaller });
    (request as Traced)[key] = span;
    span.run(() => answer(request, response));
  };
}
