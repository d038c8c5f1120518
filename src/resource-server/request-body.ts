import { type Answer, jsonAnswer } from './challenge.ts';
import { jsonRpcError } from './json-rpc.ts';

/** A parsed body, or the answer that refuses it. */
export type ReadBody = { readonly body: unknown; readonly answer?: undefined } | { readonly answer: Answer };

/** Refuses a body by its headers; undefined when it may be read: JSON, as it is. */
export function refuseBodyByHeaders(
  contentType: string | null | undefined,
  contentEncoding: string | null | undefined,
): ReadBody | undefined {
  if (mediaTypeOf(contentType) !== 'application/json') return refuseBody(415, -32000, 'The body must be application/json.');
  if ((contentEncoding ?? 'identity') !== 'identity') return refuseBody(415, -32000, 'The body must not be compressed.');
  return undefined;
}

/** Refuses a body that goes on beyond the limit. */
export function refuseLongBody(): ReadBody {
  return refuseBody(413, -32000, 'The body is too large.');
}

/** Parses what was read. What is judged must be what runs: handlers are given this very value, and never the bytes. */
export function parseBody(bytes: Uint8Array | string): ReadBody {
  try {
    return { body: JSON.parse(typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes)) as unknown };
  } catch {
    return refuseBody(400, -32700, 'The body is not JSON.');
  }
}

/** A media type without its parameters, in lower case. */
export function mediaTypeOf(contentType: string | null | undefined): string {
  return contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
}

function refuseBody(status: number, code: number, message: string): ReadBody {
  return { answer: jsonAnswer(status, jsonRpcError(null, { code, message })) };
}
