import { isJsonObject, isRequest, methodOf, ownText, ownValue } from './json-rpc.ts';

/** What a message needs before it may reach the server. */
export type Requirement =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'tool'; readonly name: string }
  | { readonly kind: 'resources' }
  | { readonly kind: 'prompts' }
  /** No scope allows it. */
  | { readonly kind: 'refused'; readonly message: string }
  /** It cannot be judged. */
  | { readonly kind: 'malformed'; readonly message: string };

/** Methods that reach no tool, resource or prompt, whatever their parameters say. */
const OPEN_METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'server/discover',
  'ping',
  'tools/list',
  'logging/setLevel',
  'tasks/get',
  'tasks/result',
  'tasks/list',
  'tasks/update',
  'tasks/cancel',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
  'notifications/elicitation/complete',
  'notifications/tasks/status',
]);

/**
 * What one message needs, read from its body. Names are taken as they stand: no case folding, no
 * trimming, no aliases, so a method that is spelled differently is an unknown one, and an unknown
 * method that names a tool, resource or prompt is refused.
 */
export function requirementOf(message: unknown, openMethods: ReadonlySet<string>): Requirement {
  if (!isJsonObject(message)) return { kind: 'malformed', message: 'A message is not an object.' };
  const method = methodOf(message);
  if (method === undefined) return requirementOfResponse(message);
  if (OPEN_METHODS.has(method) || openMethods.has(method)) return { kind: 'nothing' };
  const params = ownValue(message, 'params');
  switch (method) {
    case 'tools/call': {
      const name = ownText(params, 'name');
      return name === undefined ? { kind: 'malformed', message: 'The call names no tool.' } : { kind: 'tool', name };
    }
    case 'resources/list':
    case 'resources/templates/list':
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return { kind: 'resources' };
    case 'prompts/list':
    case 'prompts/get':
      return { kind: 'prompts' };
    case 'completion/complete':
      return requirementOfCompletion(params);
    case 'subscriptions/listen':
      return requirementOfListen(params);
    default:
      return requirementOfUnknown(method, params);
  }
}

/** Whether the message is a call that could be answered with a tool result. */
export function isToolCall(message: unknown): boolean {
  return methodOf(message) === 'tools/call' && isRequest(message);
}

function requirementOfResponse(message: unknown): Requirement {
  const isResponse = ownValue(message, 'result') !== undefined || ownValue(message, 'error') !== undefined;
  return isResponse ? { kind: 'nothing' } : { kind: 'malformed', message: 'A message is neither a request nor a response.' };
}

function requirementOfCompletion(params: unknown): Requirement {
  switch (ownText(ownValue(params, 'ref'), 'type')) {
    case 'ref/prompt':
      return { kind: 'prompts' };
    case 'ref/resource':
      return { kind: 'resources' };
    default:
      return { kind: 'refused', message: 'Completion is for prompts and resources only.' };
  }
}

/** Listening for changes needs nothing; listening to a resource's content needs `resources`. */
function requirementOfListen(params: unknown): Requirement {
  const filter = ownValue(params, 'notifications');
  const named = ownValue(filter, 'resourceSubscriptions');
  return named === undefined || (Array.isArray(named) && named.length === 0) ? { kind: 'nothing' } : { kind: 'resources' };
}

function requirementOfUnknown(method: string, params: unknown): Requirement {
  const isOfGuardedFamily = /^(?:tools|resources|prompts|completion)(?:\/|$)/i.test(method.trim());
  return isOfGuardedFamily || namesSomething(params, 0)
    ? { kind: 'refused', message: 'This method is unknown, so nobody could be asked whether to allow it.' }
    : { kind: 'nothing' };
}

const NAMING_KEYS: ReadonlySet<string> = new Set([
  'name',
  'names',
  'tool',
  'tools',
  'toolname',
  'uri',
  'uris',
  'uritemplate',
  'resource',
  'resources',
  'resourceuri',
  'prompt',
  'prompts',
  'promptname',
  'ref',
]);

const MAX_SEARCH_DEPTH = 16;

/** Whether parameters name a tool, resource or prompt anywhere. Too deep to say counts as yes. */
function namesSomething(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth > MAX_SEARCH_DEPTH) return true;
  if (Array.isArray(value)) return value.some((item) => namesSomething(item, depth + 1));
  return Object.entries(value).some(([key, item]) => {
    // `_meta` carries the client's own name in every message of the new era.
    if (depth === 0 && key === '_meta') return false;
    return NAMING_KEYS.has(key.toLowerCase().replaceAll(/[^a-z]/g, '')) || namesSomething(item, depth + 1);
  });
}
