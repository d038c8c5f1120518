import type { Access } from './access.ts';
import { isJsonObject, type JsonObject, messagesOf, methodOf, ownValue } from './json-rpc.ts';
import { hasRevisionClaim } from './protocol-era.ts';
import type { SeeTools } from './tool-lister.ts';

/** Rewrites one response message; returns the very same value when nothing is to be changed. */
export type FilterMessage = (message: unknown) => unknown;

/** Results that are made for one person: a shared cache must not hand them to another. */
const PERSONAL_METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);

/** Whether any response to this body has to be filtered. */
export function needsFilter(body: unknown): boolean {
  return messagesOf(body).some((message) => PERSONAL_METHODS.has(methodOf(message) ?? ''));
}

/** What a filter is made for. */
export interface FilterOptions {
  readonly access: Access;
  /** The request body that is answered; undefined for streams that may carry answers to any request. */
  readonly body: unknown;
  /** Is shown the tools of a list before they are filtered. */
  readonly seeTools?: SeeTools | undefined;
  readonly now: () => Date;
}

/**
 * Makes the filter for the responses to one request: tool lists show what the token allows,
 * capabilities leave out what it does not, and since 2026-07-28 such results are marked private and
 * as living no longer than the token (MCP "Caching").
 *
 * Responses are matched by id; where the request is not known (a resumed stream), by their shape.
 */
export function createMessageFilter(options: FilterOptions): FilterMessage {
  const requests = new Map<string, JsonObject[]>();
  for (const message of options.body === undefined ? [] : messagesOf(options.body)) {
    if (methodOf(message) === undefined || !isJsonObject(message)) continue;
    const key = JSON.stringify(ownValue(message, 'id'));
    requests.set(key, [...(requests.get(key) ?? []), message]);
  }

  return (message) => {
    const result = ownValue(message, 'result');
    if (!isJsonObject(message) || !isJsonObject(result)) return message;
    const asked = requests.get(JSON.stringify(ownValue(message, 'id')));
    const isPersonal = asked === undefined || asked.some((request) => PERSONAL_METHODS.has(methodOf(request) ?? ''));
    if (!isPersonal) return message;
    const tools = ownValue(result, 'tools');
    if (Array.isArray(tools)) options.seeTools?.(tools);
    const filtered = boundCaching(filterResult(result, options.access), {
      ...options,
      isStateless: asked?.some(hasRevisionClaim) ?? false,
    });
    return filtered === result ? message : { ...message, result: filtered };
  };
}

function filterResult(result: JsonObject, access: Access): JsonObject {
  let filtered = result;
  const tools = ownValue(result, 'tools');
  if (Array.isArray(tools) && !access.allowsCatalogue) {
    const shown = tools.filter((tool) => isAllowedTool(tool, access));
    if (shown.length !== tools.length) filtered = { ...filtered, tools: shown };
  }
  if (!access.allowsResources) {
    if (Array.isArray(ownValue(result, 'resources'))) filtered = { ...filtered, resources: [] };
    if (Array.isArray(ownValue(result, 'resourceTemplates'))) filtered = { ...filtered, resourceTemplates: [] };
  }
  if (!access.allowsPrompts && Array.isArray(ownValue(result, 'prompts'))) {
    filtered = { ...filtered, prompts: [] };
  }
  const capabilities = ownValue(result, 'capabilities');
  if (isJsonObject(capabilities)) {
    const allowed = filterCapabilities(capabilities, access);
    if (allowed !== capabilities) filtered = { ...filtered, capabilities: allowed };
  }
  return filtered;
}

function isAllowedTool(tool: unknown, access: Access): boolean {
  const name = ownValue(tool, 'name');
  return typeof name === 'string' && access.allows(name);
}

/** `tools` stays, because what the person allows may widen at any time and the list says what there is. */
function filterCapabilities(capabilities: JsonObject, access: Access): JsonObject {
  const hidden = [
    ...(access.allowsResources ? [] : ['resources']),
    ...(access.allowsPrompts ? [] : ['prompts']),
    ...(access.allowsResources || access.allowsPrompts ? [] : ['completions']),
  ].filter((name) => Object.hasOwn(capabilities, name));
  if (hidden.length === 0) return capabilities;
  return Object.fromEntries(Object.entries(capabilities).filter(([name]) => !hidden.includes(name)));
}

function boundCaching(
  result: JsonObject,
  context: { readonly access: Access; readonly now: () => Date; readonly isStateless: boolean },
): JsonObject {
  const { ttlMs } = result;
  if (!context.isStateless && ttlMs === undefined && result.cacheScope === undefined) return result;
  const remainingMs = Math.max(0, context.access.expiresAt.getTime() - context.now().getTime());
  const wantedMs = typeof ttlMs === 'number' && ttlMs > 0 ? ttlMs : 0;
  return { ...result, cacheScope: 'private', ttlMs: Math.floor(Math.min(wantedMs, remainingMs)) };
}
