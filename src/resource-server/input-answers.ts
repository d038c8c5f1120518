import { type Answer, jsonAnswer } from './challenge.ts';
import type { InputProblem } from './input-check.ts';
import { pointerOf } from './json-pointer.ts';
import { echoableId, isRequest, type JsonObject, jsonRpcError, messagesOf, NOT_ALLOWED_ERROR_CODE } from './json-rpc.ts';
import { hasRevisionClaim } from './protocol-era.ts';
import { shownText } from './shown-text.ts';

/** A call that does not run, and why. */
export interface InputRefusal {
  readonly message: unknown;
  readonly problem: InputProblem;
}

const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;

/**
 * The JSON-RPC response to a call that does not run (MCP 2026-07-28 tools, "Error Handling"): arguments that a model can
 * mend are a tool result with `isError`, everything else is a protocol error.
 */
export function inputResponse({ message, problem }: InputRefusal): JsonObject {
  const id = echoableId(message);
  switch (problem.kind) {
    case 'fault': {
      const text = faultText(problem.fault);
      const result = { content: [{ type: 'text', text }], isError: true };
      return { jsonrpc: '2.0', id, result: hasRevisionClaim(message) ? { ...result, resultType: 'complete' } : result };
    }
    case 'not-an-object':
      return jsonRpcError(id, { code: INVALID_PARAMS, message: 'The arguments of a call are an object.' });
    case 'unknown-tool':
      return jsonRpcError(id, { code: INVALID_PARAMS, message: `Unknown tool: ${shownText(problem.name)}` });
    case 'unchecked':
      return jsonRpcError(id, { code: INTERNAL_ERROR, message: `Nothing was run. ${problem.text}` });
  }
}

/** The answer to a body of which some calls may not run: then none does. JSON-RPC's errors travel with status 200. */
export function answerRefusedInputs(body: unknown, refusals: readonly InputRefusal[]): Answer {
  const answers = messagesOf(body)
    .filter(isRequest)
    .map((message) => {
      const refusal = refusals.find((candidate) => candidate.message === message);
      return refusal === undefined ? notRun(message) : inputResponse(refusal);
    });
  if (answers.length === 0) return { status: 202, headers: {}, body: '' };
  return jsonAnswer(200, Array.isArray(body) ? answers : answers[0]);
}

/** What a report says of it, beside that the call was denied. */
export function reportedProblem(problem: InputProblem): string {
  return problem.kind === 'fault' || problem.kind === 'not-an-object' ? 'arguments' : problem.kind;
}

function faultText({ path, rule }: Extract<InputProblem, { kind: 'fault' }>['fault']): string {
  const where =
    path.length === 0 ? 'The first fault is of the arguments as a whole, at ""' : `The first fault is at ${shownText(pointerOf(path))}`;
  return `Nothing was run, because the arguments are not what the tool asks for. ${where}${rule === undefined ? '.' : `: ${rule}.`}`;
}

function notRun(message: unknown): JsonObject {
  return jsonRpcError(echoableId(message), {
    code: NOT_ALLOWED_ERROR_CODE,
    message: 'Not run, because the arguments of another call of this batch were refused.',
  });
}
