import type { FakeIssuer } from './fake-issuer.ts';

/** An answer, read to its end. */
export interface Sent {
  status: number;
  headers: Headers;
  text: string;
}

/** Sends a request. */
export async function send(url: string, init: RequestInit = {}): Promise<Sent> {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** A POST of JSON-RPC with a token of this scope. */
export async function postWith(
  issuer: FakeIssuer,
  request: { url: string; body: unknown; scope: string; headers?: Record<string, string> },
): Promise<Sent> {
  const { url, body, scope, headers } = request;
  return send(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await issuer.token({ scope })}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** A JSON-RPC request. */
export function rpc(method: string, params?: unknown, id: number | string = 1): Record<string, unknown> {
  return { jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) };
}

/** The result in a body that is JSON or one event. */
export function resultOf(sent: Sent): Record<string, unknown> {
  const json = /^data: (.*)$/m.exec(sent.text)?.[1] ?? sent.text;
  return (JSON.parse(json) as { result: Record<string, unknown> }).result;
}

/** The names in a tool list. */
export function namesOf(sent: Sent): string[] {
  return (resultOf(sent)['tools'] as { name: string }[]).map((tool) => tool.name);
}
