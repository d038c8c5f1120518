import type { CallAnswers } from './call-answers.ts';
import { createEventStreamFilter } from './event-stream.ts';
import { messagesOf } from './json-rpc.ts';

/** Looks at an answer as it passes, and changes nothing of it. */
export interface ResponseWatch {
  see(bytes: Uint8Array): void;
  /** The answer is over: whole, or broken off. Only the first time counts. */
  end(how: { readonly status: number; readonly isWhole: boolean }): void;
  /** Resolves at the end. */
  readonly over: Promise<void>;
}

/** What is larger is not read: then the HTTP status alone says how calls ended. */
const MAX_READ_BYTES = 1024 * 1024;

/**
 * Makes a watch that finds the answers to calls in a JSON body or in an event stream, which it tells apart by how they
 * begin. What it cannot read (compressed, too large, something else) it passes over.
 */
export function createResponseWatch(answers: CallAnswers): ResponseWatch {
  const reader = createReader(answers);
  let finish = (): void => {};
  let isOver = false;
  const over = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return {
    over,
    see: (bytes) => reader.push(bytes),
    end({ status, isWhole }) {
      if (isOver) return;
      isOver = true;
      if (isWhole) reader.end();
      if (status >= 400) answers.end({ outcome: 'failure', error: `http:${status}` });
      else if (isWhole) answers.end({ outcome: 'success', unseen: true });
      else answers.end({ outcome: 'failure', error: 'unanswered' });
      finish();
    },
  };
}

/** Collects the messages of a body. */
function createReader(answers: CallAnswers): { push(bytes: Uint8Array): void; end(): void } {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  let isGivenUp = false;
  let stream: ReturnType<typeof createEventStreamFilter> | undefined;

  function seeBody(): void {
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      return;
    }
    const messages = messagesOf(body);
    for (const message of messages) answers.see(message, () => lengthOf(messages.length === 1 ? text : JSON.stringify(message)));
  }

  return {
    push(bytes) {
      if (isGivenUp || bytes.byteLength === 0) return;
      // JSON begins with a bracket, an event stream with the name of a field or a colon.
      if (length === 0 && !/^\s*[[{]/.test(new TextDecoder().decode(bytes.subarray(0, 64)))) {
        stream = createEventStreamFilter((message) => {
          answers.see(message, () => lengthOf(JSON.stringify(message)));
          return message;
        });
      }
      length += bytes.byteLength;
      if (stream !== undefined) {
        stream.push(bytes);
        isGivenUp = stream.pendingCharacters() > MAX_READ_BYTES;
      } else {
        isGivenUp = length > MAX_READ_BYTES;
        text += decoder.decode(bytes, { stream: true });
      }
      if (isGivenUp) {
        text = '';
        stream = undefined;
      }
    },
    end() {
      if (isGivenUp) return;
      text += decoder.decode();
      if (stream !== undefined) stream.end();
      else seeBody();
    },
  };
}

function lengthOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
