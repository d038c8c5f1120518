/**
 * URL elicitation of what was refused: a client that can open pages for its person is handed the page where she can allow it. The
 * revisions of MCP know two forms of that; a client of an older one, and one that does not declare it, reads the link as text.
 */
import { isJsonObject, type JsonObject, jsonRpcError, methodOf, ownValue } from './json-rpc.ts';
import { claimedRevision, isStatelessRevision } from './protocol-era.ts';

/** The page, and what to say of it. */
export interface WidenPage {
  readonly url: string;
  readonly text: string;
}

/** The name of our one question among those that a call may be answered with. */
const QUESTION = 'toolgrant-widen';

const CAPABILITIES_META_KEY = 'io.modelcontextprotocol/clientCapabilities';

/**
 * The form of MCP 2026-07-28: it travels in an `InputRequiredResult`, has no id, and nothing tells that it was finished. Undefined where
 * the request does not declare that its client can do so, and where the question was put before: a client comes back as soon as the page
 * is open, not when somebody has decided there, and would ask again and again.
 */
export function widenElicitation(message: unknown, { url, text }: WidenPage): JsonObject | undefined {
  const params = ownValue(message, 'params');
  if (!isStatelessRevision(claimedRevision(message)) || !canOpenPages(ownValue(ownValue(params, '_meta'), CAPABILITIES_META_KEY))) {
    return undefined;
  }
  if (isJsonObject(ownValue(ownValue(params, 'inputResponses'), QUESTION))) return undefined;
  const question = { method: 'elicitation/create', params: { mode: 'url', message: text, url } };
  return { resultType: 'input_required', inputRequests: { [QUESTION]: question } };
}

/** `URLElicitationRequiredError` of MCP 2025-11-25. */
const URL_ELICITATION_REQUIRED = -32042;

/**
 * The form of MCP 2025-11-25, for a client that has declared it when the session began ({@link declaresPages}): an error, on which the
 * client shows the page and tries again once its person says so.
 */
export function widenError(
  id: string | number | null,
  { url, text, elicitationId, message }: WidenPage & { readonly elicitationId: string; readonly message: string },
): JsonObject {
  const elicitation = { mode: 'url', elicitationId, url, message: text };
  return jsonRpcError(id, { code: URL_ELICITATION_REQUIRED, message, data: { elicitations: [elicitation] } });
}

/** Whether a message begins a session whose client can open pages for its person. */
export function declaresPages(message: unknown): boolean {
  return methodOf(message) === 'initialize' && canOpenPages(ownValue(ownValue(message, 'params'), 'capabilities'));
}

/** Elicitation without modes means forms. */
function canOpenPages(capabilities: unknown): boolean {
  return isJsonObject(ownValue(ownValue(capabilities, 'elicitation'), 'url'));
}
