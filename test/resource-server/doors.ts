import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import express from 'express';
import Koa from 'koa';
import { protect as protectExpress } from '../../src/resource-server/express.ts';
import type { Verifier, VerifierOptions } from '../../src/resource-server/index.ts';
import { type AuthInfo, type ProtectOptions, protect as protectKoa } from '../../src/resource-server/koa.ts';
import { protect as protectWeb } from '../../src/resource-server/web.ts';

/** What a handler behind a door answers with. */
export interface HandlerAnswer {
  readonly status?: number;
  readonly headers: Record<string, string>;
  /** Pieces are sent one by one, each when the one before has left. */
  readonly body: string | AsyncIterable<string>;
}

/** A server's own part: it is given the parsed body and the caller. */
export type Handler = (call: { body: unknown; auth: AuthInfo | undefined; method: string }) => HandlerAnswer;

/** A server behind a door. */
export interface ServedDoor {
  readonly url: string;
  readonly verifier: Verifier;
  send(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** How to put a handler behind a door, under the framework's name. */
export type ServeDoor = (options: VerifierOptions & ProtectOptions, handler: Handler) => Promise<ServedDoor>;

/** Every door there is. */
export const doors: readonly (readonly [string, ServeDoor])[] = [
  ['express', serveExpress],
  ['koa', serveKoa],
  ['web', serveWeb],
];

async function serveExpress(options: VerifierOptions & ProtectOptions, handler: Handler): Promise<ServedDoor> {
  const app = express();
  const door = protectExpress(options);
  app.use(door);
  app.use((request, response) => {
    const { auth } = request as { auth?: AuthInfo };
    const { status, headers, body } = handler({ body: request.body, auth, method: request.method });
    response.writeHead(status ?? 200, headers);
    if (typeof body === 'string') response.end(body);
    else Readable.from(body).pipe(response);
  });
  return listen(app, door.verifier);
}

async function serveKoa(options: VerifierOptions & ProtectOptions, handler: Handler): Promise<ServedDoor> {
  const app = new Koa();
  app.silent = true;
  const door = protectKoa(options);
  app.use(door);
  app.use((context) => {
    const { body: parsed } = context.request as { body?: unknown };
    const { status, headers, body } = handler({ body: parsed, auth: context.state['auth'], method: context.method });
    context.body = typeof body === 'string' ? body : Readable.from(body);
    context.status = status ?? 200;
    context.set(headers);
  });
  return listen(app.callback(), door.verifier);
}

/** No server at all: the door takes a `Request` and returns a `Response`. */
async function serveWeb(options: VerifierOptions & ProtectOptions, handler: Handler): Promise<ServedDoor> {
  const door = protectWeb(options);
  const url = 'http://localhost:4001';
  const answer = async (request: Request, auth: AuthInfo): Promise<Response> => {
    const text = await request.text();
    const call = { body: text === '' ? undefined : (JSON.parse(text) as unknown), auth, method: request.method };
    const { status, headers, body } = handler(call);
    const pieces =
      typeof body === 'string' ? body : (Readable.toWeb(Readable.from(body)) as ReadableStream).pipeThrough(new TextEncoderStream());
    return new Response(request.method === 'HEAD' ? null : pieces, { status: status ?? 200, headers });
  };
  return {
    url,
    verifier: door.verifier,
    send: (path, init) => door(new Request(url + path, init), (request, { auth }) => answer(request, auth)),
    close: async () => {},
  };
}

async function listen(listener: Parameters<typeof createServer>[1], verifier: Verifier): Promise<ServedDoor> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    verifier,
    send: (path, init) => fetch(url + path, init),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
