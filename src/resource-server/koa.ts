/**
 * The door for Koa (2 and 3): publishes the RFC 9728 document, checks the token, lets through what
 * the token allows, and hides the rest from lists. Everything that is used after it is protected.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { accessOf } from './auth-info.ts';
import type { Answer } from './challenge.ts';
import { createDoor, type ProtectOptions } from './door.ts';
import { guardedNodeRequest, nodeDoorRequest } from './node-request.ts';
import { filterResponse, watchResponse } from './node-response.ts';
import type { Verifier, VerifierOptions } from './verifier.ts';

export type { AuthInfo } from './auth-info.ts';
export type { ProtectOptions } from './door.ts';
export { accessOf };

/** The part of Koa's context that the door needs. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly originalUrl: string;
  readonly request: object;
  // biome-ignore lint/suspicious/noExplicitAny: an application declares its own state.
  readonly state: any;
  status: number;
  body: unknown;
  set(headers: Record<string, string>): void;
}

/** A Koa middleware. */
export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>;

/** The middleware that {@link protect} makes. */
export interface ProtectMiddleware extends KoaMiddleware {
  /** Publishes the RFC 9728 document alone: use it at the root when the door itself stands at a path. */
  readonly metadata: KoaMiddleware;
  readonly verifier: Verifier;
}

/**
 * Makes the middleware. Used at the root (`app.use(protect(…))`) it protects all that comes after it
 * and publishes the RFC 9728 document; used below a path, `app.use(door.metadata)` publishes it.
 *
 * Handlers find the parsed body in `ctx.request.body` and the token's facts in `ctx.state.auth` and,
 * where the MCP SDKs look for them, in `ctx.req.auth`; `accessOf(ctx.state.auth)` tells what it allows.
 */
export function protect(target: Verifier | (VerifierOptions & ProtectOptions), options: ProtectOptions = {}): ProtectMiddleware {
  const door = createDoor(target, options);

  const middleware: KoaMiddleware = async (context, next) => {
    const { req, res, request, originalUrl } = context;
    const earlierBody = (request as { body?: unknown }).body;
    const outcome = await door.enter(nodeDoorRequest(req, res, { target: originalUrl, earlierBody }));
    if (!('auth' in outcome)) {
      respond(context, outcome);
      return;
    }
    if (outcome.body !== undefined) Object.assign(request, { body: outcome.body });
    Object.assign(req, { auth: outcome.auth });
    context.state.auth = outcome.auth;
    context.set({ ...outcome.headers });
    if (outcome.response !== undefined) filterResponse(res, outcome.response);
    if (outcome.watch !== undefined) watchResponse(res, outcome.watch);
    await next();
  };
  const metadata: KoaMiddleware = async (context, next) => {
    const answer = door.answerMetadata(guardedNodeRequest(context.req, context.originalUrl));
    if (answer === undefined) await next();
    else respond(context, answer);
  };
  return Object.assign(middleware, { metadata, verifier: door.verifier });
}

function respond(context: KoaContext, answer: Answer): void {
  context.status = answer.status;
  context.body = answer.body;
  // After the body, which brings a type of its own.
  context.set({ ...answer.headers });
}
