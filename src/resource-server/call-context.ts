import type { Access } from './access.ts';
import type { CallContext } from './call-recorder.ts';
import { traceIdOf, traceIdOfMessage } from './trace-parent.ts';

/** The part of a request that says where a call belongs. */
interface TracedRequest {
  header(name: string): string | undefined;
}

/** What is known of a call that came over HTTP; a message's own trace counts before that of the request. */
export function callContextOf(message: unknown, access: Access, request: TracedRequest): CallContext {
  return {
    access,
    requestId: requestIdOf(request.header('x-request-id')),
    traceId: traceIdOfMessage(message) ?? traceIdOf(request.header('traceparent')),
  };
}

/** What proxies put there is short and plain; anything else is somebody's text. */
function requestIdOf(header: string | undefined): string | undefined {
  return header !== undefined && /^[\w.:/+=@-]{1,128}$/.test(header) ? header : undefined;
}
