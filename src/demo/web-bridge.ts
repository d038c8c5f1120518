import type { AuthInfo, McpHttpHandler } from '@modelcontextprotocol/server';
import type { Request as ExpressRequest, Response as ExpressResponse, RequestHandler } from 'express';

/**
 * Serves Express requests with the SDK's web-standard handler. The body is the one that was parsed
 * and judged before; URLs are built on `origin`, not on the Host header.
 */
export function serveWithWebHandler(handler: McpHttpHandler, origin: string): RequestHandler {
  return async (request, response) => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = await handler.fetch(webRequest(request, origin, gone.signal), {
      authInfo: (request as { auth?: AuthInfo }).auth,
      parsedBody: request.body as unknown,
    });
    await relay(answer, response);
  };
}

function webRequest(request: ExpressRequest, origin: string, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (name !== 'content-length' && value !== undefined) headers.set(name, String(value));
  }
  const hasBody = request.method === 'POST' && request.body !== undefined;
  return new Request(new URL(request.originalUrl, origin), {
    method: request.method,
    headers,
    signal,
    ...(hasBody ? { body: JSON.stringify(request.body) } : {}),
  });
}

async function relay(answer: Response, response: ExpressResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body === null) {
    response.end();
    return;
  }
  const reader = answer.body.getReader();
  response.on('close', () => {
    // A reader that was cancelled already has nothing left to say.
    reader.cancel().catch(() => undefined);
  });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!response.write(value)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
  }
  response.end();
}
