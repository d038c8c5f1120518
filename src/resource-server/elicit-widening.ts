import { isJsonObject, ownValue } from './json-rpc.ts';
import { claimedRevision, isStatelessRevision } from './protocol-era.ts';

/** The name of our one question among those that a call may be answered with. */
const QUESTION = 'toolgrant-widen';

const CAPABILITIES_META_KEY = 'io.modelcontextprotocol/clientCapabilities';

/**
 * The result that lets a client show its person the page where she can allow what was refused (URL elicitation, MCP 2026-07-28:
 * it travels in an `InputRequiredResult`, has no id, and nothing tells that it was finished). Undefined where the request does not
 * declare that its client can do so, and where the question was put before: a client comes back as soon as the page is open, not
 * when somebody has decided there, and would ask again and again.
 */
export function widenElicitation(message: unknown, { url, text }: { url: string; text: string }): Record<string, unknown> | undefined {
  const params = ownValue(message, 'params');
  if (!isStatelessRevision(claimedRevision(message)) || !canOpenPages(params)) return undefined;
  if (isJsonObject(ownValue(ownValue(params, 'inputResponses'), QUESTION))) return undefined;
  const question = { method: 'elicitation/create', params: { mode: 'url', message: text, url } };
  return { resultType: 'input_required', inputRequests: { [QUESTION]: question } };
}

function canOpenPages(params: unknown): boolean {
  const capabilities = ownValue(ownValue(params, '_meta'), CAPABILITIES_META_KEY);
  return isJsonObject(ownValue(ownValue(capabilities, 'elicitation'), 'url'));
}
