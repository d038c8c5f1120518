/**
 * The door for web-standard servers, in which a request is a `Request` and an answer a `Response`:
 * Hono, Bun, Deno, workers. It and all that it imports use what every such runtime has, and nothing of Node.
 */
import { type AuthInfo, accessOf } from './auth-info.ts';
import { readAtMost } from './bounded-read.ts';
import type { Answer } from './challenge.ts';
import { createDoor, type DoorRequest, type ProtectOptions } from './door.ts';
import type { GuardedRequest } from './guard.ts';
import { parseBody, type ReadBody, refuseBodyByHeaders, refuseLongBody } from './request-body.ts';
import type { ResponseWatch } from './response-watch.ts';
import type { Verifier, VerifierOptions } from './verifier.ts';
import { filterWebResponse, watchWebResponse } from './web-response.ts';

export type { AuthInfo } from './auth-info.ts';
export type { ProtectOptions } from './door.ts';
export { accessOf };

/** Who calls, and the body that was judged. */
export interface Caller {
  /** What the MCP SDKs take as `authInfo`; `accessOf(auth)` tells what it allows. */
  readonly auth: AuthInfo;
  /** The parsed body, which the SDKs take as `parsedBody`; undefined for methods that carry none. */
  readonly body: unknown;
}

/** Answers a request that was let through. Its body holds what was judged. */
export type ProtectedHandler = (request: Request, caller: Caller) => Response | Promise<Response>;

/** What a runtime that ends with its request gives to a handler: Cloudflare's `ctx`, Vercel's `{ waitUntil }`. */
export interface RequestContext {
  waitUntil(promise: Promise<unknown>): void;
}

/** The door that {@link protect} makes: answers a request, or lets `handler` answer it. */
export interface WebDoor {
  /** With a `context`, reports of calls are sent before the runtime ends. */
  (request: Request, handler: ProtectedHandler, context?: RequestContext): Promise<Response>;
  /** The RFC 9728 document, when that is asked for; for a door that stands at a path. */
  metadata(request: Request): Response | undefined;
  readonly verifier: Verifier;
}

/**
 * Makes the door:
 *
 *     const door = protect({ issuer, resource });
 *     export default { fetch: (request) => door(request, (request, { auth, body }) => …) };
 *
 * What the handler returns is filtered on its way out, event streams event by event.
 */
export function protect(target: Verifier | (VerifierOptions & ProtectOptions), options: ProtectOptions = {}): WebDoor {
  const door = createDoor(target, options);

  async function enter(request: Request, handler: ProtectedHandler, context?: RequestContext): Promise<Response> {
    const outcome = await door.enter(doorRequest(request));
    const watch = 'auth' in outcome ? outcome.watch : undefined;
    context?.waitUntil(sendReports(watch));
    if (!('auth' in outcome)) return toResponse(outcome, request);
    const { auth, body, headers } = outcome;
    try {
      const answer = await handler(body === undefined ? request : withBody(request, body), { auth, body });
      const filtered = await filterWebResponse(answer, { headers, rules: outcome.response });
      return watch === undefined ? filtered : watchWebResponse(filtered, watch);
    } catch (error) {
      watch?.end({ status: 500, isWhole: false });
      throw error;
    }
  }

  async function sendReports(watch: ResponseWatch | undefined): Promise<void> {
    await watch?.over;
    await door.verifier.reports.flush();
  }

  function metadata(request: Request): Response | undefined {
    const answer = door.answerMetadata(guarded(request));
    return answer === undefined ? undefined : toResponse(answer, request);
  }

  return Object.assign(enter, { metadata, verifier: door.verifier });
}

function guarded(request: Request): GuardedRequest {
  const { pathname, search } = new URL(request.url);
  return { method: request.method.toUpperCase(), target: pathname + search, header: (name) => request.headers.get(name) ?? undefined };
}

function doorRequest(request: Request): DoorRequest {
  return {
    ...guarded(request),
    async readBody(maxBytes): Promise<ReadBody> {
      const refusal = refuseBodyByHeaders(request.headers.get('content-type'), request.headers.get('content-encoding'));
      if (refusal !== undefined) return refusal;
      const bytes = await readAtMost(request, maxBytes);
      return bytes === undefined ? refuseLongBody() : parseBody(bytes);
    },
  };
}

/** The same request with the body that was judged: of two members of one name, it holds the one that was read. */
function withBody(request: Request, body: unknown): Request {
  const headers = new Headers(request.headers);
  headers.delete('content-length');
  const { url, method, signal } = request;
  return new Request(url, { method, headers, signal, body: JSON.stringify(body) });
}

function toResponse(answer: Answer, request: Request): Response {
  const isEmpty = request.method === 'HEAD' || answer.status === 204;
  return new Response(isEmpty ? null : answer.body, { status: answer.status, headers: answer.headers });
}
