import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Answer } from './challenge.ts';
import type { ResponseRules } from './door.ts';
import { type BodyFilter, createEventStreamFilter, createJsonFilter } from './event-stream.ts';
import { mediaTypeOf } from './request-body.ts';
import type { ResponseWatch } from './response-watch.ts';
import { refuseCompressed } from './web-response.ts';

/** Sends an answer whole. */
export function sendAnswer(response: ServerResponse, answer: Answer, options: { isHead: boolean }): void {
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  response.end(options.isHead ? undefined : answer.body);
}

type Callback = (error?: Error | null) => void;

/** Shows everything that a handler writes into `response` to a watch. To be called after `filterResponse`, before the handler. */
export function watchResponse(response: ServerResponse, watch: ResponseWatch): void {
  const write = response.write.bind(response) as (...all: unknown[]) => boolean;
  const end = response.end.bind(response) as (...all: unknown[]) => ServerResponse;
  response.write = ((...all: unknown[]): boolean => {
    watch.see(piece(all[0], all.slice(1)).bytes);
    return write(...all);
  }) as ServerResponse['write'];
  response.end = ((...all: unknown[]): ServerResponse => {
    if (all[0] !== undefined && all[0] !== null && typeof all[0] !== 'function') watch.see(piece(all[0], all.slice(1)).bytes);
    const ended = end(...all);
    watch.end({ status: response.statusCode, isWhole: true });
    return ended;
  }) as ServerResponse['end'];
  response.once('close', () => watch.end({ status: response.statusCode, isWhole: false }));
}

/**
 * Makes everything that a handler writes into `response` pass through a filter: a JSON body as a
 * whole, an event stream event by event, other bodies untouched. To be called before the handler.
 */
export function filterResponse(response: ServerResponse, rules: ResponseRules): void {
  const writeHead = response.writeHead.bind(response);
  const write = response.write.bind(response) as (chunk: string | Uint8Array, done?: Callback) => boolean;
  const end = response.end.bind(response) as (chunk?: string | Uint8Array, done?: Callback) => ServerResponse;
  const flushHeaders = response.flushHeaders.bind(response);

  let filter: BodyFilter | undefined;
  let isDecided = false;
  let isStream = false;
  let isOver = false;

  /** Chooses the filter once the content type is final. JSON headers wait for the length of the filtered body. */
  function decide(): void {
    if (isDecided) return;
    const type = mediaTypeOf(textOf(response.getHeader('content-type')));
    isStream = type === 'text/event-stream';
    const isFiltered = isStream || rules.isList || type === 'application/json';
    if (isFiltered) refuseCompressed(textOf(response.getHeader('content-encoding')));
    isDecided = true;
    // From here on Node's own implicit call must reach the real function.
    response.writeHead = writeHead;
    rules.onSession(response.getHeader('mcp-session-id'));
    if (!isFiltered) return;
    filter = isStream ? createEventStreamFilter(rules.filter) : createJsonFilter(rules.filter);
    response.removeHeader('content-length');
    response.removeHeader('etag');
    if (isStream) flushHeaders();
  }

  response.writeHead = ((status: number, ...rest: unknown[]): ServerResponse => {
    const [first, second] = rest;
    response.statusCode = status;
    if (typeof first === 'string') response.statusMessage = first;
    setHeaders(response, typeof first === 'string' ? second : first);
    decide();
    if (filter === undefined) writeHead(response.statusCode);
    return response;
  }) as ServerResponse['writeHead'];

  response.flushHeaders = () => {
    decide();
    if (filter === undefined) flushHeaders();
  };

  response.write = ((chunk: unknown, ...rest: unknown[]): boolean => {
    const { bytes, done } = piece(chunk, rest);
    if (isOver) return true;
    decide();
    if (filter === undefined) return write(bytes, done);
    if (isStream && !rules.mayContinue()) {
      isOver = true;
      end(undefined, done);
      return true;
    }
    const passed = filter.push(bytes);
    if (passed !== '') return write(passed, done);
    if (done !== undefined) queueMicrotask(done);
    return true;
  }) as ServerResponse['write'];

  response.end = ((...all: unknown[]): ServerResponse => {
    if (isOver) return response;
    const [chunk, ...rest] = typeof all[0] === 'function' ? [undefined, ...all] : all;
    const { bytes, done } = piece(chunk ?? new Uint8Array(), rest);
    decide();
    isOver = true;
    if (filter === undefined) return bytes.byteLength === 0 ? end(undefined, done) : end(bytes, done);
    const passed = filter.push(bytes) + filter.end();
    if (!isStream) response.setHeader('content-length', new TextEncoder().encode(passed).byteLength);
    return passed === '' ? end(undefined, done) : end(passed, done);
  }) as ServerResponse['end'];
}

function textOf(header: unknown): string | undefined {
  return header === undefined ? undefined : String(header);
}

function piece(chunk: unknown, rest: readonly unknown[]): { bytes: Uint8Array; done: Callback | undefined } {
  const encoding = rest.find((argument) => typeof argument === 'string') as BufferEncoding | undefined;
  const done = rest.find((argument) => typeof argument === 'function') as Callback | undefined;
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : (chunk as Uint8Array);
  return { bytes, done };
}

/** Takes headers in all three forms that `writeHead` takes: an object, pairs, or a flat list. */
function setHeaders(response: ServerResponse, headers: unknown): void {
  if (headers === undefined || headers === null) return;
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers as OutgoingHttpHeaders)) {
      if (value !== undefined) response.setHeader(name, value);
    }
    return;
  }
  const flat = (headers as unknown[]).flat() as OutgoingHttpHeader[];
  const seen = new Set<string>();
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = String(flat[index]).toLowerCase();
    const value = flat[index + 1] as string;
    if (seen.has(name)) response.appendHeader(name, value);
    else response.setHeader(name, value);
    seen.add(name);
  }
}
