import { ambientId } from './ambient.ts';
import { BoundedMap } from './bounded-map.ts';
import type { FindTool } from './input-check.ts';
import type { ListedTool } from './input-rules.ts';
import { echoableId, isJsonObject, ownText, ownValue } from './json-rpc.ts';

/** Asks the server behind a transport for its tools, in messages of our own that the client never sees. */
export interface ToolAsker {
  /** Asks in the name of the caller of `message`; `deliver` hands a message to the server. */
  askFor(message: unknown, deliver: (question: unknown) => void): FindTool;
  /** Whether a message of the server is an answer to us. Then it must not be sent on. */
  takes(message: unknown): boolean;
}

/** A list that goes on beyond this many pages does not end. */
const MAX_PAGES = 1_000;

/** A server that never answers is not waited for for ever, and keeps no more than these. */
const MAX_WAITING = 1_000;

/** Makes a {@link ToolAsker} for one transport. */
export function createToolAsker(): ToolAsker {
  const waiting = new BoundedMap<string, { resolve(result: unknown): void; reject(error: Error): void }>({ maxWeight: MAX_WAITING });

  function ask(question: Record<string, unknown>, deliver: (question: unknown) => void): Promise<unknown> {
    const id = `toolgrant-${ambientId()}`;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      deliver({ jsonrpc: '2.0', id, method: 'tools/list', params: question });
    });
  }

  return {
    askFor(message, deliver) {
      const question = questionLike(message);
      return async (name) => {
        let cursor: string | undefined;
        for (let page = 0; page < MAX_PAGES; page += 1) {
          const result = await ask(cursor === undefined ? question : { ...question, cursor }, deliver);
          const tools = ownValue(result, 'tools');
          if (!Array.isArray(tools)) throw new TypeError('The list of tools is none.');
          const found = (tools as unknown[]).find((tool) => ownText(tool, 'name') === name);
          if (found !== undefined) return found as ListedTool;
          cursor = ownText(result, 'nextCursor');
          if (cursor === undefined) return undefined;
        }
        throw new TypeError(`The list of tools has more than ${MAX_PAGES} pages.`);
      };
    },

    takes(message) {
      const id = echoableId(message);
      const asked = typeof id === 'string' ? waiting.get(id) : undefined;
      if (asked === undefined || typeof id !== 'string') return false;
      const result = ownValue(message, 'result');
      const error = ownValue(message, 'error');
      if (result === undefined && error === undefined) return false;
      waiting.delete(id);
      if (result === undefined) asked.reject(new Error(`The server answered with an error: ${ownText(error, 'message') ?? ''}`));
      else asked.resolve(result);
      return true;
    },
  };
}

/** What the call says of its client and of its revision, which messages of the stateless era must say; no progress is wanted. */
function questionLike(message: unknown): Record<string, unknown> {
  const meta = ownValue(ownValue(message, 'params'), '_meta');
  if (!isJsonObject(meta)) return {};
  const { progressToken: _progressToken, ...rest } = meta;
  return { _meta: rest };
}
