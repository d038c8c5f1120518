/**
 * The door for Express (4 and 5), and for anything else that takes `(req, res, next)` on Node:
 * publishes the RFC 9728 document, checks the token, lets through what the token allows, and hides
 * the rest from lists. Everything that is mounted behind it is protected.
 */
import type { ServerResponse } from 'node:http';
import type { Access } from './access.ts';
import { ambientNow } from './ambient.ts';
import { type AuthInfo, accessOf, toAuthInfo } from './auth-info.ts';
import { createGuard, type Guard, type GuardedRequest, type GuardOptions } from './guard.ts';
import { messagesOf, methodOf } from './json-rpc.ts';
import { type NodeRequest, readJsonBody } from './node-body.ts';
import { filterResponse, sendAnswer } from './node-response.ts';
import { createMessageFilter, needsFilter } from './response-filter.ts';
import { createVerifier, type Verifier, type VerifierOptions } from './verifier.ts';

export type { AuthInfo } from './auth-info.ts';
export { accessOf };

/** How the express door behaves. */
export interface ProtectOptions extends GuardOptions {
  /** Longest request body. Default: 4 MiB. */
  readonly maxBodyBytes?: number;
  readonly now?: () => Date;
}

/** A request as Express hands it over; `auth` is what the MCP SDKs look for. */
export interface ProtectedRequest extends NodeRequest {
  originalUrl?: string;
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

const DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024;

/** A long stream's token is looked at again this often at most. */
const RECHECK_MS = 10_000;

/**
 * Makes the middleware. Mounted at the root (`app.use(protect(…))`) it protects all routes after it
 * and publishes the RFC 9728 document; mounted at a path it protects that path, and
 * `app.use(door.metadata)` publishes the document.
 *
 * Handlers find the parsed body in `req.body` (pass that to the MCP transport) and the token's
 * facts in `req.auth`; `accessOf(req.auth)` tells what it allows.
 */
export function protect(target: Verifier | (VerifierOptions & ProtectOptions), options: ProtectOptions = {}): ProtectMiddleware {
  const verifier = isVerifier(target) ? target : createVerifier(target);
  const settings: ProtectOptions = isVerifier(target) ? options : { ...target, ...options };
  const guard = createGuard(verifier, settings);

  const door = (request: ProtectedRequest, response: ServerResponse, next: (error?: unknown) => void): void => {
    pass(request, response, { verifier, guard, settings }).then(
      (isPassed) => {
        if (isPassed) next();
      },
      (error: unknown) => next(error),
    );
  };
  const metadata: ProtectHandler = (request, response, next) => {
    const answer = guard.answerMetadata(guarded(request));
    if (answer === undefined) next();
    else sendAnswer(response, answer, { isHead: request.method === 'HEAD' });
  };
  return Object.assign(door, { metadata, verifier });
}

interface Door {
  readonly verifier: Verifier;
  readonly guard: Guard;
  readonly settings: ProtectOptions;
}

/** Lets a request through (true), or answers it (false). */
async function pass(request: ProtectedRequest, response: ServerResponse, door: Door): Promise<boolean> {
  const { guard, verifier, settings } = door;
  const facts = guarded(request);
  const isHead = request.method === 'HEAD';

  // 1. What needs no token.
  const open = guard.answerOpenly(facts);
  if (open !== undefined) {
    sendAnswer(response, open, { isHead });
    return false;
  }

  // 2. The token, before a byte of the body is read.
  const admission = await guard.admit(facts);
  if (!('access' in admission)) {
    sendAnswer(response, admission, { isHead });
    return false;
  }
  const { access, token } = admission;

  // 3. The body, for every method that could carry one to a handler.
  let body: unknown;
  if (!BODILESS_METHODS.has(facts.method)) {
    const read = await readJsonBody(request, settings.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES);
    if (read.answer !== undefined) {
      // What is left of the body is not wanted.
      if (!request.complete) response.setHeader('connection', 'close');
      sendAnswer(response, read.answer, { isHead });
      return false;
    }
    const refusal = guard.judgeBody(read.body, facts, access);
    if (refusal !== undefined) {
      sendAnswer(response, refusal, { isHead });
      return false;
    }
    body = read.body;
    request.body = body;
  }

  // 4. On to the server, whose answer is filtered where it could show more than the token allows.
  request.auth = toAuthInfo(access, token, verifier.resourceMetadataUrl);
  for (const [name, value] of Object.entries(guard.headersFor(facts))) response.setHeader(name, value);
  const isLongStream = body === undefined || messagesOf(body).some((message) => methodOf(message) === 'subscriptions/listen');
  if (isLongStream || needsFilter(body)) {
    const now = settings.now ?? ambientNow;
    filterResponse(response, {
      filter: createMessageFilter({ access, body, now }),
      onHeaders: () => {
        const sessionId = response.getHeader('mcp-session-id');
        if (typeof sessionId === 'string') guard.sessions.remember(sessionId, access);
      },
      mayContinue: isLongStream ? createStreamWatch(door, { access, token, now }) : () => true,
    });
  }
  return true;
}

const BODILESS_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

/**
 * Tells whether a long stream may go on: not once its token has expired or was revoked
 * (MCP 2026-07-28, subscriptions). It is asked whenever the server writes, keep-alives included.
 */
function createStreamWatch(
  door: Door,
  context: { readonly access: Access; readonly token: string; readonly now: () => Date },
): () => boolean {
  let isRefused = false;
  let checkedMs = context.now().getTime();
  return () => {
    const nowMs = context.now().getTime();
    if (nowMs >= context.access.expiresAt.getTime()) return false;
    if (nowMs - checkedMs >= RECHECK_MS) {
      checkedMs = nowMs;
      door.verifier.verifyToken(context.token).catch((error: unknown) => {
        // An issuer that cannot be reached ends no stream before the token's own end.
        isRefused = (error as { code?: unknown }).code === 'invalid_token';
      });
    }
    return !isRefused;
  };
}

function isVerifier(target: Verifier | VerifierOptions): target is Verifier {
  return 'verifyToken' in target;
}

function guarded(request: ProtectedRequest): GuardedRequest {
  return {
    method: (request.method ?? 'GET').toUpperCase(),
    // Express strips the mount path from `url`; the document's path is below the host's root.
    target: request.originalUrl ?? request.url ?? '/',
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
  };
}
