/**
 * The door for Express (4 and 5), and for anything else that takes `(req, res, next)` on Node:
 * publishes the RFC 9728 document, checks the token, lets through what the token allows, and hides
 * the rest from lists. Everything that is mounted behind it is protected.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AuthInfo, accessOf } from './auth-info.ts';
import { createDoor, type ProtectOptions } from './door.ts';
import { guardedNodeRequest, nodeDoorRequest } from './node-request.ts';
import { filterResponse, sendAnswer, watchResponse } from './node-response.ts';
import type { Verifier, VerifierOptions } from './verifier.ts';

export type { AuthInfo } from './auth-info.ts';
export type { ProtectOptions } from './door.ts';
export { accessOf };

/** A request as Express hands it over; `auth` is what the MCP SDKs look for. */
export interface ProtectedRequest extends IncomingMessage {
  originalUrl?: string;
  body?: unknown;
  auth?: AuthInfo;
}

/** An Express request handler. */
export type ProtectHandler = (request: ProtectedRequest, response: ServerResponse, next: (error?: unknown) => void) => void;

/** The middleware that {@link protect} makes. */
export interface ProtectMiddleware extends ProtectHandler {
  /** Publishes the RFC 9728 document alone: mount it at the root when the door itself stands at a path. */
  readonly metadata: ProtectHandler;
  readonly verifier: Verifier;
}

/**
 * Makes the middleware. Mounted at the root (`app.use(protect(…))`) it protects all routes after it
 * and publishes the RFC 9728 document; mounted at a path it protects that path, and
 * `app.use(door.metadata)` publishes the document.
 *
 * Handlers find the parsed body in `req.body` (pass that to the MCP transport) and the token's
 * facts in `req.auth`; `accessOf(req.auth)` tells what it allows.
 */
export function protect(target: Verifier | (VerifierOptions & ProtectOptions), options: ProtectOptions = {}): ProtectMiddleware {
  const door = createDoor(target, options);

  /** Lets a request through (true), or answers it (false). */
  async function pass(request: ProtectedRequest, response: ServerResponse): Promise<boolean> {
    const context = { target: request.originalUrl, earlierBody: request.body };
    const outcome = await door.enter(nodeDoorRequest(request, response, context));
    if (!('auth' in outcome)) {
      sendAnswer(response, outcome, { isHead: request.method === 'HEAD' });
      return false;
    }
    if (outcome.body !== undefined) request.body = outcome.body;
    request.auth = outcome.auth;
    for (const [name, value] of Object.entries(outcome.headers)) response.setHeader(name, value);
    if (outcome.response !== undefined) filterResponse(response, outcome.response);
    if (outcome.watch !== undefined) watchResponse(response, outcome.watch);
    return true;
  }

  const handler: ProtectHandler = (request, response, next) => {
    pass(request, response).then(
      (isPassed) => {
        if (isPassed) next();
      },
      (error: unknown) => next(error),
    );
  };
  const metadata: ProtectHandler = (request, response, next) => {
    const answer = door.answerMetadata(guardedNodeRequest(request, request.originalUrl));
    if (answer === undefined) next();
    else sendAnswer(response, answer, { isHead: request.method === 'HEAD' });
  };
  return Object.assign(handler, { metadata, verifier: door.verifier });
}
