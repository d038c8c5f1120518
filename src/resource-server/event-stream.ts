import type { FilterMessage } from './response-filter.ts';

/** Filters the JSON-RPC messages in a body that arrives in pieces. */
export interface BodyFilter {
  /** Takes the next piece; returns what may be sent on now. */
  push(chunk: Uint8Array): string;
  /** The body has ended; returns what is left. */
  end(): string;
}

/** Filters events. */
export interface EventStreamFilter extends BodyFilter {
  /** How much of an event is here that has not ended. */
  pendingCharacters(): number;
}

/**
 * Filters the messages in a `text/event-stream` (WHATWG HTML §9.2). Events that need no change pass
 * through as the text they were, comments and keep-alives included; a half event waits for its end.
 */
export function createEventStreamFilter(filter: FilterMessage): EventStreamFilter {
  const decoder = new TextDecoder();
  const eventEnd = new RegExp(EVENT_END, 'g');
  let pending = '';
  /** Where the end of an event may begin that was not there yet: a long event is not searched anew with each piece. */
  let searchFrom = 0;

  function takeEvents(): string {
    let passed = '';
    let start = 0;
    eventEnd.lastIndex = searchFrom;
    for (let boundary = eventEnd.exec(pending); boundary !== null; boundary = eventEnd.exec(pending)) {
      passed += filterEvent(pending.slice(start, boundary.index), filter) + boundary[0];
      start = eventEnd.lastIndex;
    }
    pending = pending.slice(start);
    searchFrom = Math.max(0, pending.length - LONGEST_EVENT_END);
    return passed;
  }

  return {
    pendingCharacters: () => pending.length,
    push(chunk) {
      pending += decoder.decode(chunk, { stream: true });
      return takeEvents();
    },
    end() {
      pending += decoder.decode();
      const passed = takeEvents();
      const rest = filterEvent(pending, filter);
      pending = '';
      return passed + rest;
    },
  };
}

/** Filters a JSON body, single message or batch. What is not JSON passes as it is: no client can read it as a message. */
export function createJsonFilter(filter: FilterMessage): BodyFilter {
  const decoder = new TextDecoder();
  let text = '';
  return {
    push(chunk) {
      text += decoder.decode(chunk, { stream: true });
      return '';
    },
    end() {
      text += decoder.decode();
      return filterJson(text, filter);
    },
  };
}

/**
 * A blank line: two line ends in a row, each CR LF, LF or CR. A CR at the very end of what has come
 * is not taken yet, since its LF may be on the way.
 */
const EVENT_END = /(?:\r\n|\n|\r(?!\n|$))(?:\r\n|\n|\r(?!\n|$))/;

const LONGEST_EVENT_END = 4;

function filterEvent(event: string, filter: FilterMessage): string {
  const lines = event.split(/\r\n|\n|\r/);
  const data = lines
    .filter((line) => line === 'data' || line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).replace(/^ /, ''));
  if (data.length === 0) return event;
  const text = data.join('\n');
  const filtered = filterJson(text, filter);
  if (filtered === text) return event;
  const others = lines.filter((line) => line !== 'data' && !line.startsWith('data:'));
  return [...others, `data: ${filtered}`].join('\n');
}

function filterJson(text: string, filter: FilterMessage): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return text;
  }
  if (!Array.isArray(body)) {
    const filtered = filter(body);
    return filtered === body ? text : JSON.stringify(filtered);
  }
  const filtered = body.map(filter);
  return filtered.every((message, index) => message === body[index]) ? text : JSON.stringify(filtered);
}
