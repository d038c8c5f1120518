/**
 * Hosts of documents, of a test's own. They listen on loopback in plain http, and the way there is the real guarded fetch behind a
 * stand-in for the network: DNS and TLS. Everything else (bounds, redirects, what is read) is the product's.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGuardedFetch, type GuardedFetch, OutboundFailure } from '../../src/platform/guarded-fetch.ts';

/** There is nobody out there. */
export const noOutbound: GuardedFetch = Object.assign(
  async () => {
    throw new OutboundFailure('There is no way out of this test.', { reason: 'unreachable' });
  },
  { close: async () => undefined },
);

/** How a host answers one request. */
export type DocumentAnswer = (request: IncomingMessage, response: ServerResponse) => void;

/** Hosts that run. */
export interface DocumentHost {
  port: number;
  /** The way to it for https URLs of any host. */
  fetch: GuardedFetch;
  /** Every request that arrived, as `host/path`. */
  requests: string[];
  /** The headers of those requests. */
  headers: IncomingMessage['headers'][];
  /** What is answered at a URL from now on: JSON, or as a function says. Anything else is 404. */
  serve(url: string, answer: unknown | DocumentAnswer, headers?: Record<string, string>): void;
  /** From now on a URL is answered with this status alone, or by cutting the connection. */
  fail(url: string, status?: number): void;
  close(): Promise<void>;
}

/** Starts it. */
export async function startDocumentHost(): Promise<DocumentHost> {
  const answers = new Map<string, DocumentAnswer>();
  const requests: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    const asked = `${request.headers['x-test-host']}${request.url}`;
    requests.push(asked);
    headers.push(request.headers);
    const answer = answers.get(asked);
    if (answer) answer(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const fetch = throughLoopback(port);
  const place = (url: string) => {
    const { host, pathname, search } = new URL(url);
    return `${host}${pathname}${search}`;
  };
  return {
    port,
    fetch,
    requests,
    headers,
    serve: (url, answer, answerHeaders = {}) => {
      const asJson: DocumentAnswer = (_request, response) =>
        response.writeHead(200, { 'content-type': 'application/json', ...answerHeaders }).end(JSON.stringify(answer));
      answers.set(place(url), typeof answer === 'function' ? (answer as DocumentAnswer) : asJson);
    },
    fail: (url, status) => {
      const answer: DocumentAnswer = (request, response) =>
        status === undefined ? request.socket.destroy() : response.writeHead(status).end();
      answers.set(place(url), answer);
    },
    close: async () => {
      await fetch.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The guarded fetch of strangers' documents, with its own bounds, where every https host is the one on this port. */
export function throughLoopback(port: number): GuardedFetch {
  const guarded = createGuardedFetch({
    profile: 'admin',
    issuerIsLoopback: true,
    timeoutMs: 5_000,
    maxBytes: 64 * 1_024,
    maxConcurrent: 20,
  });
  const fetch = async (input: string | URL | Request, init: RequestInit = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.protocol !== 'https:') throw new OutboundFailure('only https', { reason: 'url-not-allowed' });
    const sent = new Headers(init.headers);
    sent.set('x-test-host', url.host);
    return guarded(`http://127.0.0.1:${port}${url.pathname}${url.search}`, { ...init, headers: sent });
  };
  return Object.assign(fetch, { close: () => guarded.close() });
}
