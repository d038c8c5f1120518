import type { IncomingMessage } from 'node:http';
import { type Answer, jsonAnswer } from './challenge.ts';
import { jsonRpcError } from './json-rpc.ts';

/** A Node request whose body an earlier parser may have left on it. */
export interface NodeRequest extends IncomingMessage {
  body?: unknown;
}

/** A parsed body, or the answer that refuses it. */
export type ReadBody = { readonly body: unknown; readonly answer?: undefined } | { readonly answer: Answer };

/**
 * Parses a request's JSON body, at most `maxBytes` of it, or takes what an earlier parser left in
 * `req.body`. What is judged must be what runs: handlers are given this very value and never the bytes.
 */
export async function readJsonBody(request: NodeRequest, maxBytes: number): Promise<ReadBody> {
  if (request.body !== undefined) return parseEarlierBody(request.body);
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') return refuse(415, -32000, 'The body must be application/json.');
  if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
    return refuse(415, -32000, 'The body must not be compressed.');
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early must not cut the connection: the answer still has to be sent.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > maxBytes) return refuse(413, -32000, 'The body is too large.');
    chunks.push(chunk);
  }
  return parseText(new TextDecoder().decode(Buffer.concat(chunks)));
}

function parseEarlierBody(body: unknown): ReadBody {
  if (typeof body === 'string') return parseText(body);
  if (body instanceof Uint8Array) return parseText(new TextDecoder().decode(body));
  return { body };
}

function parseText(text: string): ReadBody {
  try {
    return { body: JSON.parse(text) as unknown };
  } catch {
    return refuse(400, -32700, 'The body is not JSON.');
  }
}

function refuse(status: number, code: number, message: string): ReadBody {
  return { answer: jsonAnswer(status, jsonRpcError(null, { code, message })) };
}
