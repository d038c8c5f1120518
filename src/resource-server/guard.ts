import type { Access } from './access.ts';
import { AccessError } from './access-error.ts';
import { ambientId } from './ambient.ts';
import { callContextOf } from './call-context.ts';
import { recorderOf } from './call-recorder.ts';
import { type Answer, answerDeniedInBand, answerToAccessError, answerToMalformed, challengeDenied, jsonAnswer } from './challenge.ts';
import { bearerTokenOf, refuseTokenInQuery } from './credentials.ts';
import { answerRefusedInputs, type InputRefusal, reportedProblem } from './input-answers.ts';
import { createInputCheck, findToolIn } from './input-check.ts';
import type { InputRules } from './input-rules.ts';
import { jsonRpcError, messagesOf, methodOf } from './json-rpc.ts';
import { type Denial, judge } from './judge.ts';
import { corsHeaders, judgeOrigin, preflightHeaders } from './origin.ts';
import { isResourceMetadataPath, protectedResourceDocument } from './protected-resource.ts';
import { hasUrlElicitationErrors } from './protocol-era.ts';
import { createSessionBinding, type SessionBinding } from './session-binding.ts';
import type { Verifier } from './verifier.ts';

/** How a door behaves, whatever framework it is for. */
export interface GuardOptions {
  /**
   * How a refused call is answered. `challenge` (default): 403 `insufficient_scope`, on which a
   * client that can asks the person. `result`: a tool result with `isError` and a link, for clients
   * that cannot, so that the model can tell the person.
   */
  readonly denial?: 'challenge' | 'result';
  /** Origins that may call from a browser. See `OriginRules`. */
  readonly allowedOrigins?: readonly string[];
  /** Methods of the server's own that reach no tool, resource or prompt, whatever their parameters look like. */
  readonly openMethods?: readonly string[];
  /** Checks the arguments of tool calls before anything runs. A door cannot ask its server, so `tools` must be given. */
  readonly inputs?: InputRules;
  /** What people call the server; stands in the RFC 9728 document. */
  readonly resourceName?: string;
}

/** A request as far as a door must know it. */
export interface GuardedRequest {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly target: string;
  /** A header by its lower-case name. */
  header(name: string): string | undefined;
}

/** An admitted request: its token, and what that allows. */
export interface Admission {
  readonly access: Access;
  readonly token: string;
}

/** The framework-free part of every door. In order: `answerOpenly`, `admit`, `judgeBody`, then `checkInputs`. */
export interface Guard {
  readonly sessions: SessionBinding;
  /** The answer to the RFC 9728 document's URL, else undefined. */
  answerMetadata(request: GuardedRequest): Answer | undefined;
  /** The answers that need no token: metadata, preflights, foreign pages. */
  answerOpenly(request: GuardedRequest): Answer | undefined;
  /** Checks the credentials; returns the refusal as an answer. */
  admit(request: GuardedRequest): Promise<Admission | Answer>;
  /** Checks a parsed body; undefined means that it may pass. */
  judgeBody(body: unknown, request: GuardedRequest, access: Access): Answer | undefined;
  /** Checks the arguments of the calls in a body that was judged; undefined means that it may pass, as it does without `inputs`. */
  checkInputs(body: unknown, request: GuardedRequest, access: Access): Promise<Answer | undefined>;
  /** Headers for every answer, the server's own included. */
  headersFor(request: GuardedRequest): Record<string, string>;
}

/** Makes the {@link Guard} for one server. Throws TypeError for options that cannot be right. */
export function createGuard(verifier: Verifier, options: GuardOptions): Guard {
  const sessions = createSessionBinding();
  const checkInputs = options.inputs === undefined ? undefined : inputChecker(options.inputs);
  const openMethods = new Set(options.openMethods ?? []);
  const recorder = recorderOf(verifier.reports);
  const originRules = { resource: verifier.resource, allowedOrigins: options.allowedOrigins };
  const document = protectedResourceDocument({
    issuer: verifier.issuer,
    resource: verifier.resource,
    resourceName: options.resourceName,
  });

  function headersFor(request: GuardedRequest): Record<string, string> {
    const origin = request.header('origin');
    return corsHeaders(origin, judgeOrigin(origin, originRules));
  }

  function withHeaders(answer: Answer, request: GuardedRequest): Answer {
    return { ...answer, headers: { ...answer.headers, ...headersFor(request) } };
  }

  function reportDenials(denials: readonly Denial[], request: GuardedRequest, access: Access): void {
    for (const { message } of denials) {
      if (methodOf(message) === 'tools/call') recorder?.refuse(message, callContextOf(message, access, request));
    }
  }

  function opensPages(request: GuardedRequest, access: Access): boolean {
    const sessionId = request.header('mcp-session-id');
    if (sessionId === undefined || !hasUrlElicitationErrors(request.header('mcp-protocol-version'))) return false;
    return sessions.opensPages(sessionId, access);
  }

  function answerMetadata(request: GuardedRequest): Answer | undefined {
    if (!isResourceMetadataPath(pathOf(request.target), verifier.resource)) return undefined;
    // The document is public, and pages must be able to read it before they have any token.
    const open = { 'access-control-allow-origin': '*' };
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return jsonAnswer(200, document, { ...open, 'cache-control': 'public, max-age=300' });
      case 'OPTIONS':
        return { status: 204, headers: { ...preflightHeaders('*', request.header('access-control-request-headers')) }, body: '' };
      default:
        return jsonAnswer(405, { error: 'method_not_allowed' }, { ...open, allow: 'GET, HEAD, OPTIONS' });
    }
  }

  return {
    sessions,
    headersFor,
    answerMetadata,

    answerOpenly(request) {
      const metadata = answerMetadata(request);
      if (metadata !== undefined) return metadata;
      const origin = request.header('origin');
      const judgement = judgeOrigin(origin, originRules);
      if (judgement === 'foreign') {
        return jsonAnswer(403, jsonRpcError(null, { code: -32000, message: 'This origin may not call this server.' }));
      }
      const isPreflight = request.method === 'OPTIONS' && request.header('access-control-request-method') !== undefined;
      if (!isPreflight || origin === undefined || judgement !== 'allowed') return undefined;
      return {
        status: 204,
        headers: preflightHeaders(origin, request.header('access-control-request-headers')),
        body: '',
      };
    },

    async admit(request) {
      try {
        refuseTokenInQuery(new URLSearchParams(request.target.split('?').slice(1).join('?')));
        const token = bearerTokenOf(request.header('authorization'));
        const access = await verifier.verifyToken(token);
        const sessionId = request.header('mcp-session-id');
        if (sessionId !== undefined && sessions.isForeign(sessionId, access)) {
          return withHeaders(jsonAnswer(404, jsonRpcError(null, { code: -32001, message: 'Session not found' })), request);
        }
        return { access, token };
      } catch (error) {
        if (!(error instanceof AccessError)) throw error;
        return withHeaders(answerToAccessError(error, verifier.resourceMetadataUrl), request);
      }
    },

    judgeBody(body, request, access) {
      const judgement = judge(body, {
        access,
        openMethods,
        headers: {
          protocolVersion: request.header('mcp-protocol-version'),
          method: request.header('mcp-method'),
          name: request.header('mcp-name'),
        },
      });
      switch (judgement.kind) {
        case 'pass':
          return undefined;
        case 'malformed':
          return withHeaders(answerToMalformed(judgement), request);
        case 'denied':
          reportDenials(judgement.denials, request, access);
          return withHeaders(
            options.denial === 'result'
              ? answerDeniedInBand(body, judgement.denials, { access, elicitationId: opensPages(request, access) ? ambientId : undefined })
              : challengeDenied(judgement.denials, {
                  access,
                  resourceMetadataUrl: verifier.resourceMetadataUrl,
                }),
            request,
          );
      }
    },

    async checkInputs(body, request, access) {
      if (checkInputs === undefined) return undefined;
      const refusals = await checkInputs(body, access);
      if (refusals.length === 0) return undefined;
      for (const { message, problem } of refusals) {
        recorder?.refuse(message, callContextOf(message, access, request), reportedProblem(problem));
      }
      return withHeaders(answerRefusedInputs(body, refusals), request);
    },
  };
}

function inputChecker(rules: InputRules): (body: unknown, access: Access) => Promise<InputRefusal[]> {
  const { tools } = rules;
  if (tools === undefined) {
    throw new TypeError('`inputs` of a door needs `tools`, as `tools/list` gives them; `protectTools` can do without.');
  }
  const check = createInputCheck(rules);
  return async (body, access) => {
    const findTool = findToolIn(tools, access);
    const calls = messagesOf(body).filter((message) => methodOf(message) === 'tools/call');
    const problems = await Promise.all(calls.map((message) => check(message, findTool)));
    return calls.flatMap((message, index) => {
      const problem = problems[index];
      return problem === undefined ? [] : [{ message, problem }];
    });
  };
}

function pathOf(target: string): string {
  return target.split('?')[0] ?? '';
}
