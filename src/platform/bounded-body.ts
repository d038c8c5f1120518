import { OutboundFailure } from './outbound-failure.ts';
import type { RequestLimit } from './request-limit.ts';

/** What bounds the body of an answer. */
export interface BodyBounds {
  maxBytes: number;
  /** For messages. */
  host: string;
  limit: RequestLimit;
}

/** Statuses that have no body by definition; a `Response` refuses to be made with one. */
const bodyless = [101, 204, 205, 304];

/** The same answer, with a body that ends in an `OutboundFailure` once it is too large or too late. */
export function boundBody(response: Response, bounds: BodyBounds): Response {
  const { status, statusText, headers, url } = response;
  const declared = Number(headers.get('content-length') ?? 0);
  if (declared > bounds.maxBytes) {
    void response.body?.cancel().catch(() => undefined);
    throw tooLarge(bounds);
  }
  const body = response.body && !bodyless.includes(status) ? countBytes(response.body, bounds) : null;
  if (!body) bounds.limit.end();
  const bounded = new Response(body, { status, statusText, headers: [...headers] });
  return Object.defineProperty(bounded, 'url', { value: url });
}

function countBytes(source: ReadableStream<Uint8Array>, bounds: BodyBounds): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let seenBytes = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            bounds.limit.end();
            controller.close();
            return;
          }
          seenBytes += value.byteLength;
          if (seenBytes > bounds.maxBytes) throw tooLarge(bounds);
          controller.enqueue(value);
        } catch (error) {
          bounds.limit.end();
          void reader.cancel().catch(() => undefined);
          controller.error(bounds.limit.explain(error));
        }
      },
      async cancel(reason) {
        bounds.limit.end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function tooLarge(bounds: BodyBounds): OutboundFailure {
  return new OutboundFailure(`${bounds.host} sent more than ${bounds.maxBytes} bytes.`, { reason: 'too-large' });
}
