import type { Access } from './access.ts';
import { HEADER_MISMATCH_ERROR_CODE, headerProblem, type MirrorHeaders } from './header-rules.ts';
import { echoableId, messagesOf } from './json-rpc.ts';
import { hasRevisionClaim } from './protocol-era.ts';
import { type Requirement, requirementOf } from './requirement.ts';
import { formatToolScope, isToolName, PROMPTS_SCOPE, RESOURCES_SCOPE } from './scope.ts';
import { shownText } from './shown-text.ts';

/** One message that may not pass. */
export interface Denial {
  readonly message: unknown;
  /** The scope that would let it pass; undefined when none would. */
  readonly missingScope: string | undefined;
  /** The tool it names, when it is a tool call. */
  readonly tool: string | undefined;
  /** For people. */
  readonly text: string;
}

/** What is to happen with a body. */
export type Judgement =
  | { readonly kind: 'pass' }
  /** Not one message of the body may run. */
  | { readonly kind: 'denied'; readonly denials: readonly Denial[] }
  /** The body cannot be judged: HTTP 400 with this JSON-RPC error. */
  | {
      readonly kind: 'malformed';
      readonly code: number;
      readonly text: string;
      readonly id: string | number | null;
    };

/** What a body is judged by. */
export interface JudgeOptions {
  readonly access: Access;
  /** Absent where there is no HTTP (the SDK hooks): then no headers are compared. */
  readonly headers?: MirrorHeaders;
  /** Methods of the server's own that reach no tool, resource or prompt, whatever they look like. */
  readonly openMethods?: ReadonlySet<string>;
}

/** More messages in one body are no client's: every one of them is judged, answered and matched with its response. */
const MAX_BATCH = 1_000;

const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;
const NO_METHODS: ReadonlySet<string> = new Set();

/**
 * Judges a parsed JSON-RPC body, single or batch, by what its messages are and not by what headers
 * say they are. Each member of a batch is judged; one that may not pass keeps all from running.
 */
export function judge(body: unknown, options: JudgeOptions): Judgement {
  const messages = messagesOf(body);
  if (messages.length === 0) return malformed(INVALID_REQUEST, 'The batch is empty.', undefined);
  if (messages.length > MAX_BATCH) return malformed(INVALID_REQUEST, `A batch has at most ${MAX_BATCH} messages.`, undefined);
  if (Array.isArray(body) && messages.some(hasRevisionClaim)) {
    return malformed(INVALID_REQUEST, 'This revision has no batches.', undefined);
  }
  const denials: Denial[] = [];
  for (const message of messages) {
    const problem = options.headers === undefined ? undefined : headerProblem(message, options.headers);
    if (problem !== undefined) return malformed(HEADER_MISMATCH_ERROR_CODE, problem, message);
    const requirement = requirementOf(message, options.openMethods ?? NO_METHODS);
    if (requirement.kind === 'malformed') {
      return malformed(INVALID_PARAMS, requirement.message, message);
    }
    const denial = denialOf(message, requirement, options.access);
    if (denial !== undefined) denials.push(denial);
  }
  return denials.length === 0 ? { kind: 'pass' } : { kind: 'denied', denials };
}

function malformed(code: number, text: string, message: unknown): Judgement {
  return { kind: 'malformed', code, text, id: echoableId(message) };
}

function denialOf(message: unknown, requirement: Exclude<Requirement, { kind: 'malformed' }>, access: Access): Denial | undefined {
  switch (requirement.kind) {
    case 'nothing':
      return undefined;
    case 'tool':
      return access.allows(requirement.name) ? undefined : toolDenial(message, requirement.name);
    case 'resources':
      return access.allowsResources ? undefined : familyDenial(message, RESOURCES_SCOPE, "this server's resources");
    case 'prompts':
      return access.allowsPrompts ? undefined : familyDenial(message, PROMPTS_SCOPE, "this server's prompts");
    case 'refused':
      return { message, missingScope: undefined, tool: undefined, text: requirement.message };
  }
}

function toolDenial(message: unknown, name: string): Denial {
  const isGrantable = isToolName(name) && formatToolScope(name).length <= MAX_SCOPE_LENGTH;
  return {
    message,
    missingScope: isGrantable ? formatToolScope(name) : undefined,
    tool: isGrantable ? name : undefined,
    text: isGrantable ? `The tool ${shownText(name)} is not among those that this agent may use.` : 'No tool can have this name.',
  };
}

function familyDenial(message: unknown, scope: string, what: string): Denial {
  return {
    message,
    missingScope: scope,
    tool: undefined,
    text: `This agent may not use ${what}.`,
  };
}

/** A longer scope would not fit into a challenge header beside the rest. */
const MAX_SCOPE_LENGTH = 2048;
