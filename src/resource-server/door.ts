import type { Access } from './access.ts';
import { ambientNow } from './ambient.ts';
import { type AuthInfo, toAuthInfo } from './auth-info.ts';
import { CallAnswers } from './call-answers.ts';
import { callContextOf } from './call-context.ts';
import { type OpenCall, recorderOf } from './call-recorder.ts';
import { type Answer, answerUnrecorded } from './challenge.ts';
import { declaresPages } from './elicit-widening.ts';
import { createGuard, type Guard, type GuardedRequest, type GuardOptions } from './guard.ts';
import { messagesOf, methodOf } from './json-rpc.ts';
import type { ReadBody } from './request-body.ts';
import { createMessageFilter, type FilterMessage, needsFilter } from './response-filter.ts';
import { createResponseWatch, type ResponseWatch } from './response-watch.ts';
import { listerOf } from './tool-lister.ts';
import { createVerifier, type Verifier, type VerifierOptions } from './verifier.ts';

/** How every door behaves. */
export interface ProtectOptions extends GuardOptions {
  /** Longest request body. Default: 4 MiB. */
  readonly maxBodyBytes?: number;
  readonly now?: () => Date;
}

/** A request at a door, whatever framework it came through. */
export interface DoorRequest extends GuardedRequest {
  /** Reads the body, at most so many bytes of it. Called once, after the token was found good. */
  readBody(maxBytes: number): Promise<ReadBody>;
}

/** What a request that may pass takes along. */
export interface Passage {
  readonly auth: AuthInfo;
  /** The body that was judged, and that handlers are given; undefined for methods that carry none. */
  readonly body: unknown;
  /** For the answer, whoever makes it. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is done to the answer; undefined when it cannot show more than the token allows. */
  readonly response: ResponseRules | undefined;
  /** To be shown the answer, where calls are reported. */
  readonly watch: ResponseWatch | undefined;
}

/** What is done to the answer of a handler. */
export interface ResponseRules {
  readonly filter: FilterMessage;
  /** A list was asked for: whatever type the answer says it has, it is read as JSON unless it is an event stream. */
  readonly isList: boolean;
  /** To be called once, with the `Mcp-Session-Id` of the answer, before its headers leave. */
  onSession(sessionId: unknown): void;
  /** To be asked before each piece of an event stream; false ends the stream. */
  mayContinue(): boolean;
}

/** The part of a door in which no framework has a hand. */
export interface Door {
  readonly verifier: Verifier;
  /** The answer to the RFC 9728 document's URL, else undefined. */
  answerMetadata(request: GuardedRequest): Answer | undefined;
  /** Lets a request through, or answers it. */
  enter(request: DoorRequest): Promise<Answer | Passage>;
}

const DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024;

/** A long stream's token is looked at again this often at most. */
const RECHECK_MS = 10_000;

const BODILESS_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS']);

/** Makes a {@link Door} for a verifier, or for the options to make one. */
export function createDoor(target: Verifier | (VerifierOptions & ProtectOptions), options: ProtectOptions): Door {
  const verifier = 'verifyToken' in target ? target : createVerifier(target);
  const settings: ProtectOptions = 'verifyToken' in target ? options : { ...target, ...options };
  const guard = createGuard(verifier, settings);
  const now = settings.now ?? ambientNow;
  const recorder = recorderOf(verifier.reports);
  const seeTools = listerOf(verifier.reports);

  async function enter(request: DoorRequest): Promise<Answer | Passage> {
    // 1. What needs no token.
    const open = guard.answerOpenly(request);
    if (open !== undefined) return open;

    // 2. The token, before a byte of the body is read.
    const admission = await guard.admit(request);
    if (!('access' in admission)) return admission;
    const { access, token } = admission;

    // 3. The body, for every method that could carry one to a handler.
    let body: unknown;
    if (!BODILESS_METHODS.has(request.method)) {
      const read = await request.readBody(settings.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES);
      if (read.answer !== undefined) return read.answer;
      const refusal = guard.judgeBody(read.body, request, access) ?? (await guard.checkInputs(read.body, request, access));
      if (refusal !== undefined) return refusal;
      body = read.body;
    }

    // 4. The record of the calls; where they wait for it, nothing runs without.
    const calls = beginCalls(body, access, request);
    if (recorder?.isBeforeCall && !(await areRecorded(calls))) {
      const answer = answerUnrecorded();
      return { ...answer, headers: { ...answer.headers, ...guard.headersFor(request) } };
    }

    // 5. On to the server, whose answer is filtered where it could show more than the token allows.
    return {
      auth: toAuthInfo(access, token, { resourceMetadataUrl: verifier.resourceMetadataUrl, isReported: recorder !== undefined }),
      body,
      headers: guard.headersFor(request),
      response: responseRules(body, { access, token }),
      watch: watchOf(calls),
    };
  }

  function beginCalls(body: unknown, access: Access, request: DoorRequest): BegunCall[] {
    if (recorder === undefined || body === undefined) return [];
    return messagesOf(body)
      .filter((message) => methodOf(message) === 'tools/call')
      .map((message) => ({ message, call: recorder.begin(message, callContextOf(message, access, request)) }));
  }

  function responseRules(body: unknown, { access, token }: { access: Access; token: string }): ResponseRules | undefined {
    const isLongStream = body === undefined || messagesOf(body).some((message) => methodOf(message) === 'subscriptions/listen');
    const isList = needsFilter(body);
    if (!isLongStream && !isList) return undefined;
    return {
      filter: createMessageFilter({ access, body, seeTools, now }),
      isList,
      onSession: rememberSession(guard, { access, body }),
      mayContinue: isLongStream ? createStreamWatch(verifier, { access, token, now }) : () => true,
    };
  }

  return { verifier, answerMetadata: guard.answerMetadata, enter };
}

interface BegunCall {
  readonly message: unknown;
  readonly call: OpenCall;
}

async function areRecorded(calls: readonly BegunCall[]): Promise<boolean> {
  const recorded = await Promise.all(calls.map(({ call }) => call.announce()));
  if (recorded.every(Boolean)) return true;
  for (const [index, { call }] of calls.entries()) if (recorded[index]) call.end({ outcome: 'failure', error: 'not-run' });
  return false;
}

function watchOf(calls: readonly BegunCall[]): ResponseWatch | undefined {
  if (calls.length === 0) return undefined;
  const answers = new CallAnswers();
  for (const { message, call } of calls) answers.expect(message, call);
  return createResponseWatch(answers);
}

function rememberSession(guard: Guard, { access, body }: { access: Access; body: unknown }): (sessionId: unknown) => void {
  const first = messagesOf(body).find((message) => methodOf(message) === 'initialize');
  const begun = first === undefined ? undefined : { opensPages: declaresPages(first) };
  return (sessionId) => {
    if (typeof sessionId === 'string') guard.sessions.remember(sessionId, access, begun);
  };
}

/**
 * Tells whether a long stream may go on: not once its token has expired or was revoked
 * (MCP 2026-07-28, subscriptions). It is asked whenever the server writes, keep-alives included.
 */
function createStreamWatch(
  verifier: Verifier,
  context: { readonly access: Access; readonly token: string; readonly now: () => Date },
): () => boolean {
  let isRefused = false;
  let checkedMs = context.now().getTime();
  return () => {
    const nowMs = context.now().getTime();
    if (nowMs >= context.access.expiresAt.getTime()) return false;
    if (nowMs - checkedMs >= RECHECK_MS) {
      checkedMs = nowMs;
      verifier.verifyToken(context.token).catch((error: unknown) => {
        // An issuer that cannot be reached ends no stream before the token's own end.
        isRefused = (error as { code?: unknown }).code === 'invalid_token';
      });
    }
    return !isRefused;
  };
}
