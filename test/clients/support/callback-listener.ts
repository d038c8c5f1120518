import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where a client on the person's own computer receives the answer of an authorization request. */
export interface CallbackListener {
  readonly redirectUri: string;
  /** The parameters of the next answer that nobody has taken yet. */
  next(): Promise<URLSearchParams>;
  close(): Promise<void>;
}

/** Listens on a free loopback port, like the callback of a native client (RFC 8252 §7.3). */
export async function openCallbackListener(): Promise<CallbackListener> {
  const arrived: URLSearchParams[] = [];
  const waiting: ((parameters: URLSearchParams) => void)[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (url.pathname !== '/callback') {
      response.writeHead(404).end();
      return;
    }
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><title>Back at the client</title><h1>Back at the client</h1>');
    const taker = waiting.shift();
    if (taker) taker(url.searchParams);
    else arrived.push(url.searchParams);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    redirectUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    next() {
      const first = arrived.shift();
      return first ? Promise.resolve(first) : new Promise((resolve) => waiting.push(resolve));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
