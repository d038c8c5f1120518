import { methodOf, ownText, ownValue } from './json-rpc.ts';
import { claimedRevision, hasRevisionClaim, isStatelessRevision } from './protocol-era.ts';

/** JSON-RPC error code for headers that disagree with the body (MCP 2026-07-28, Streamable HTTP). */
export const HEADER_MISMATCH_ERROR_CODE = -32020;

/** The headers that mirror a body, by their lower-case names; undefined where absent. */
export interface MirrorHeaders {
  readonly protocolVersion: string | undefined;
  readonly method: string | undefined;
  readonly name: string | undefined;
}

/** Which parameter the `Mcp-Name` header mirrors. */
const NAME_SOURCE: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/**
 * What is wrong with the headers of one message, or undefined. Decisions are made from the body, but
 * a proxy may route or log by the headers: one that tells another story is refused. Since 2026-07-28
 * requests must have them; older messages need none, but may not lie either.
 */
export function headerProblem(message: unknown, headers: MirrorHeaders): string | undefined {
  const method = methodOf(message);
  if (method === undefined) return undefined;
  const { protocolVersion } = headers;
  const isStateless = hasRevisionClaim(message) || (isStatelessRevision(protocolVersion) && method !== 'initialize');
  const mustHave = isStateless && ownValue(message, 'id') !== undefined;

  if (mustHave && protocolVersion === undefined) return 'The MCP-Protocol-Version header is missing.';
  const claimed = claimedRevision(message);
  if (claimed !== undefined && protocolVersion !== undefined && claimed !== protocolVersion) {
    return 'The MCP-Protocol-Version header names another revision than the body.';
  }

  if (mustHave && headers.method === undefined) return 'The Mcp-Method header is missing.';
  if (headers.method !== undefined && headers.method !== method) {
    return 'The Mcp-Method header names another method than the body.';
  }

  const source = NAME_SOURCE.get(method);
  if (source === undefined) return undefined;
  const named = ownText(ownValue(message, 'params'), source);
  if (headers.name === undefined) {
    return mustHave && named !== undefined ? 'The Mcp-Name header is missing.' : undefined;
  }
  return decodeName(headers.name) === named ? undefined : 'The Mcp-Name header names something else than the body.';
}

/** Undoes the `=?base64?…?=` form, which carries names that are no header text. */
function decodeName(value: string): string | undefined {
  const encoded = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/i.exec(value)?.[1];
  if (encoded === undefined) return value;
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
