import type { CallEnd, OpenCall } from './call-recorder.ts';
import { echoableId, isJsonObject, ownValue } from './json-rpc.ts';

/** Finds the answers to open calls among the messages of a server, and reports them. */
export class CallAnswers {
  readonly #open = new Map<string, OpenCall[]>();

  /** `message` is the call. */
  expect(message: unknown, call: OpenCall): void {
    const key = keyOf(message);
    const calls = this.#open.get(key);
    if (calls) calls.push(call);
    else this.#open.set(key, [call]);
  }

  /** Looks at a message that the server sends; `bytes` is its size. */
  see(message: unknown, bytes: () => number): void {
    if (this.#open.size === 0) return;
    const result = ownValue(message, 'result');
    const error = ownValue(message, 'error');
    if (result === undefined && error === undefined) return;
    const key = keyOf(message);
    const calls = this.#open.get(key) ?? [];
    this.#open.delete(key);
    for (const call of calls) call.end({ ...endOf(result, error), resultBytes: bytes() });
  }

  /** Nothing more comes: ends what is left. */
  end(end: CallEnd): void {
    const left = [...this.#open.values()].flat();
    this.#open.clear();
    for (const call of left) call.end(end);
  }
}

function keyOf(message: unknown): string {
  return JSON.stringify(echoableId(message));
}

function endOf(result: unknown, error: unknown): CallEnd {
  if (result === undefined) {
    const code = ownValue(error, 'code');
    return { outcome: 'failure', error: `rpc:${typeof code === 'number' && Number.isSafeInteger(code) ? code : 'unknown'}` };
  }
  return isJsonObject(result) && result.isError === true ? { outcome: 'failure', error: 'tool' } : { outcome: 'success' };
}
