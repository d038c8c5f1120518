import type { ResponseRules } from './door.ts';
import { createEventStreamFilter, createJsonFilter } from './event-stream.ts';
import { mediaTypeOf } from './request-body.ts';
import type { ResponseWatch } from './response-watch.ts';

/** Makes an answer pass the rules: a JSON body as a whole, an event stream event by event, other bodies untouched. */
export async function filterWebResponse(
  answer: Response,
  context: { readonly headers: Readonly<Record<string, string>>; readonly rules: ResponseRules | undefined },
): Promise<Response> {
  const { rules } = context;
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(context.headers)) headers.set(name, value);
  const init = { status: answer.status, statusText: answer.statusText, headers };
  rules?.onSession(headers.get('mcp-session-id'));
  if (rules === undefined || answer.body === null) return new Response(answer.body, init);

  const type = mediaTypeOf(headers.get('content-type'));
  const isStream = type === 'text/event-stream';
  if (!isStream && !rules.isList && type !== 'application/json') return new Response(answer.body, init);
  refuseCompressed(headers.get('content-encoding'));
  headers.delete('content-length');
  headers.delete('etag');
  if (isStream) return new Response(answer.body.pipeThrough(filterEvents(rules)), init);
  const filter = createJsonFilter(rules.filter);
  const held = filter.push(new Uint8Array(await answer.arrayBuffer()));
  return new Response(held + filter.end(), init);
}

/** Shows an answer to a watch while it is read. */
export function watchWebResponse(answer: Response, watch: ResponseWatch): Response {
  const { status, statusText, headers } = answer;
  const reader = answer.body?.getReader();
  if (reader === undefined) {
    watch.end({ status, isWhole: true });
    return answer;
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            watch.end({ status, isWhole: true });
            controller.close();
          } else {
            watch.see(value);
            controller.enqueue(value);
          }
        } catch (error) {
          watch.end({ status, isWhole: false });
          controller.error(error);
        }
      },
      async cancel(reason) {
        watch.end({ status, isWhole: false });
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { status, statusText, headers });
}

/** A body that is already compressed cannot be read, and must not go out unread. Throws an Error for it. */
export function refuseCompressed(contentEncoding: string | null | undefined): void {
  if ((contentEncoding ?? 'identity') === 'identity') return;
  throw new Error(`A body that is already compressed (${contentEncoding}) cannot be filtered: compress outside of protect().`);
}

function filterEvents(rules: ResponseRules): TransformStream<Uint8Array, Uint8Array> {
  const filter = createEventStreamFilter(rules.filter);
  const encoder = new TextEncoder();
  return new TransformStream({
    transform(chunk, controller) {
      if (!rules.mayContinue()) {
        controller.terminate();
        return;
      }
      const passed = filter.push(chunk);
      if (passed !== '') controller.enqueue(encoder.encode(passed));
    },
    flush(controller) {
      const rest = filter.end();
      if (rest !== '') controller.enqueue(encoder.encode(rest));
    },
  });
}
