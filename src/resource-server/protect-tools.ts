import { type Access, noAccess } from './access.ts';
import { ambientNow } from './ambient.ts';
import { createToolAsker } from './ask-for-tools.ts';
import { type AuthInfo, accessOf, isReported } from './auth-info.ts';
import { BoundedMap } from './bounded-map.ts';
import { CallAnswers } from './call-answers.ts';
import { type CallRecorder, recorderOf } from './call-recorder.ts';
import { deniedResponse, unrecordedResponse } from './challenge.ts';
import { inputResponse, reportedProblem } from './input-answers.ts';
import { type CheckInput, createInputCheck, findToolIn } from './input-check.ts';
import type { InputRules } from './input-rules.ts';
import { echoableId, isRequest, jsonRpcError, methodOf, ownValue } from './json-rpc.ts';
import { judge } from './judge.ts';
import { createPageQuestions } from './page-questions.ts';
import { createMessageFilter } from './response-filter.ts';
import { listerOf } from './tool-lister.ts';
import { traceIdOfMessage } from './trace-parent.ts';

/** What the hook needs of an SDK transport; both generations have it. */
export interface SdkTransport {
  start(): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: the SDKs' own message types differ between generations.
  send(message: any, options?: any): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  onmessage?: ((message: any, extra?: any) => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onclose?: (() => void) | undefined;
}

/** What the hook needs of an SDK `McpServer`. */
export interface SdkMcpServer {
  readonly server: {
    // biome-ignore lint/suspicious/noExplicitAny: each generation has its own transport type.
    connect(transport: any): Promise<void>;
  };
}

/** How {@link protectTools} behaves. */
export interface ProtectToolsOptions {
  /** Methods of the server's own that reach no tool, resource or prompt. */
  readonly openMethods?: readonly string[];
  /** Checks the arguments of tool calls before anything runs; without `tools`, by the list that the server itself gives. */
  readonly inputs?: InputRules;
  readonly now?: () => Date;
}

/**
 * Makes an `McpServer` show and run only what the caller's token allows. It works on messages, where
 * the SDK hands them from the transport to the server, and touches no bytes and no handler. A refused
 * call is answered with a tool result that says so and where the person can allow it. Calls are reported where the
 * token's verifier has a server credential, unless a door has reported them before.
 *
 * To be called before `connect`. The caller is known from `authInfo`, as our door or
 * `requireBearerAuth` with our token verifier leave it; without one, nothing is shown or run.
 *
 * Throws TypeError for options that cannot be right.
 */
export function protectTools<Server extends SdkMcpServer>(mcpServer: Server, options: ProtectToolsOptions = {}): Server {
  const connect = mcpServer.server.connect.bind(mcpServer.server);
  const checkInput = options.inputs === undefined ? undefined : createInputCheck(options.inputs);
  mcpServer.server.connect = (transport: SdkTransport) => {
    guardTransport(transport, { ...options, checkInput });
    return connect(transport);
  };
  return mcpServer;
}

interface Asked {
  readonly access: Access;
  readonly messages: readonly unknown[];
}

/** More requests than this are hardly under way at once in one transport. */
const MAX_ASKED = 10_000;

function guardTransport(transport: SdkTransport, options: ProtectToolsOptions & { readonly checkInput: CheckInput | undefined }): void {
  const { checkInput } = options;
  const asker = createToolAsker();
  const asked = new BoundedMap<string, Asked>({ maxWeight: MAX_ASKED });
  const answers = new CallAnswers();
  const questions = createPageQuestions();
  const openMethods = new Set(options.openMethods ?? []);
  const now = options.now ?? ambientNow;
  const start = transport.start.bind(transport);
  const send = transport.send.bind(transport);

  // The server sets `onmessage` and then calls `start`, in both generations: between the two nothing
  // can arrive yet.
  transport.start = () => {
    const { onmessage: receive, onclose: closed } = transport;
    transport.onmessage = (message: unknown, extra?: { authInfo?: AuthInfo }) => {
      const access = accessOf(extra?.authInfo) ?? noAccess();
      questions.hear(message, access);
      for (const elicitationId of questions.takeAnswered(access)) tellAnswered(elicitationId, message);
      const recorder = methodOf(message) === 'tools/call' && !isReported(extra?.authInfo) ? recorderOf(access) : undefined;
      const pass = (): void => {
        remember(message, access);
        receive?.(message, extra);
      };
      const run = (): void => {
        if (recorder === undefined) pass();
        else begin(message, { access, recorder, pass });
      };
      const refusal = refusalOf(message, access);
      if (refusal !== undefined) {
        if (refusal.isDenied) recorder?.refuse(message, { access, traceId: traceIdOfMessage(message) });
        answer(message, refusal.response);
      } else if (checkInput === undefined || methodOf(message) !== 'tools/call') {
        run();
      } else {
        const tools = options.inputs?.tools;
        const findTool = tools === undefined ? asker.askFor(message, (question) => receive?.(question, extra)) : findToolIn(tools, access);
        checkInput(message, findTool).then(
          (problem) => {
            if (problem === undefined) return run();
            recorder?.refuse(message, { access, traceId: traceIdOfMessage(message) }, reportedProblem(problem));
            answer(message, inputResponse({ message, problem }));
          },
          (error: Error) => transport.onerror?.(error),
        );
      }
    };
    transport.onclose = () => {
      answers.end({ outcome: 'failure', error: 'unanswered' });
      closed?.();
    };
    return start();
  };

  transport.send = async (message: unknown, sendOptions?: unknown) => {
    if (asker.takes(message)) return;
    questions.hearAnswer(message);
    answers.see(message, () => new TextEncoder().encode(JSON.stringify(message)).byteLength);
    return send(filterOutgoing(message), sendOptions);
  };

  function answer(message: unknown, response: Record<string, unknown>): void {
    if (!isRequest(message)) return;
    send(response, { relatedRequestId: echoableId(message) }).catch((error: Error) => transport.onerror?.(error));
  }

  /** Tells the client that its person has allowed what it was refused for. It may have no stream for that; then it finds out by trying. */
  function tellAnswered(elicitationId: string, message: unknown): void {
    const notification = { jsonrpc: '2.0', method: 'notifications/elicitation/complete', params: { elicitationId } };
    const related = isRequest(message) ? { relatedRequestId: echoableId(message) } : undefined;
    send(notification, related).catch((error: Error) => transport.onerror?.(error));
  }

  function begin(message: unknown, { access, recorder, pass }: { access: Access; recorder: CallRecorder; pass: () => void }): void {
    const call = recorder.begin(message, { access, traceId: traceIdOfMessage(message) });
    const run = (): void => {
      if (isRequest(message)) answers.expect(message, call);
      else call.end({ outcome: 'success', unseen: true });
      pass();
    };
    if (!recorder.isBeforeCall) {
      run();
      return;
    }
    call.announce().then(
      (isRecorded) => (isRecorded ? run() : answer(message, unrecordedResponse(message))),
      (error: Error) => transport.onerror?.(error),
    );
  }

  function refusalOf(message: unknown, access: Access): { response: Record<string, unknown>; isDenied: boolean } | undefined {
    const judgement = judge(message, { access, openMethods });
    switch (judgement.kind) {
      case 'pass':
        return undefined;
      case 'malformed':
        return { response: jsonRpcError(judgement.id, { code: judgement.code, message: judgement.text }), isDenied: false };
      case 'denied': {
        const [denial] = judgement.denials;
        return denial === undefined
          ? undefined
          : { response: deniedResponse(denial, { access, elicitationId: (tool) => questions.idFor(tool, access) }), isDenied: true };
      }
    }
  }

  function remember(message: unknown, access: Access): void {
    if (!isRequest(message)) return;
    const key = JSON.stringify(echoableId(message));
    asked.set(key, { access, messages: [...(asked.get(key)?.messages ?? []), message] });
  }

  /** An answer to a question that is not known is shown as to somebody without a token. */
  function filterOutgoing(message: unknown): unknown {
    if (ownValue(message, 'result') === undefined) return message;
    const key = JSON.stringify(echoableId(message));
    const question = asked.get(key);
    asked.delete(key);
    return createMessageFilter({
      access: question?.access ?? noAccess(),
      body: question?.messages,
      seeTools: question && listerOf(question.access),
      now,
    })(message);
  }
}
