import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DoorRequest } from './door.ts';
import type { GuardedRequest } from './guard.ts';
import { parseBody, type ReadBody, refuseBodyByHeaders, refuseLongBody } from './request-body.ts';

/** A Node request as far as it can be judged without its body. */
export function guardedNodeRequest(request: IncomingMessage, target: string | undefined): GuardedRequest {
  return {
    method: (request.method ?? 'GET').toUpperCase(),
    // Frameworks strip a mount path from `url`; the document's path is below the host's root.
    target: target ?? request.url ?? '/',
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
  };
}

/** A Node request at a door; `earlierBody` is what a parser that ran before has left. */
export function nodeDoorRequest(
  request: IncomingMessage,
  response: ServerResponse,
  context: { readonly target: string | undefined; readonly earlierBody: unknown },
): DoorRequest {
  return {
    ...guardedNodeRequest(request, context.target),
    async readBody(maxBytes) {
      const read = context.earlierBody === undefined ? await readJsonBody(request, maxBytes) : takeEarlierBody(context.earlierBody);
      // What is left of a refused body is not wanted.
      if (read.answer !== undefined && !request.complete) response.setHeader('connection', 'close');
      return read;
    },
  };
}

async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<ReadBody> {
  const refusal = refuseBodyByHeaders(request.headers['content-type'], request.headers['content-encoding']);
  if (refusal !== undefined) return refusal;
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early must not cut the connection: the answer still has to be sent.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > maxBytes) return refuseLongBody();
    chunks.push(chunk);
  }
  return parseBody(Buffer.concat(chunks));
}

function takeEarlierBody(body: unknown): ReadBody {
  return typeof body === 'string' || body instanceof Uint8Array ? parseBody(body) : { body };
}
