/**
 * The demo: a small real MCP server, "Tracker", behind our own express door. It shows what the
 * README shows, and stands in for "somebody's MCP server" in the tests. `compose` starts it for
 * `serve --demo`; it knows the issuer by its URL only.
 */
import { createMcpHandler } from '@modelcontextprotocol/server';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { ambientNow, type FetchLike } from '../resource-server/ambient.ts';
import type { ServerCredential } from '../resource-server/credentials.ts';
import { protect } from '../resource-server/express.ts';
import { type Listener, listenOnLoopback } from './loopback-listener.ts';
import { seedTracker } from './seed.ts';
import { Tracker } from './tracker.ts';
import { createTrackerServer } from './tracker-server.ts';
import { serveWithWebHandler } from './web-bridge.ts';

/** What {@link createDemoServer} is given. */
export interface DemoServerOptions {
  readonly issuer: string;
  /** The resource URI, `http://localhost:4001/mcp` by contract. */
  readonly resource: string;
  readonly credential?: ServerCredential | string;
  /** How a refused call is answered. Default: `challenge`. */
  readonly denial?: 'challenge' | 'result';
  /** Told of errors that are nobody's fault but ours. Default: nobody. */
  readonly onError?: (error: unknown) => void;
  readonly fetch?: FetchLike;
  readonly now?: () => Date;
}

/** The demo MCP server. */
export interface DemoServer {
  readonly app: Express;
  readonly tracker: Tracker;
  /** Starts listening; without a host on both loopback addresses. Resolves with the port. */
  listen(port: number, host?: string): Promise<number>;
  close(): Promise<void>;
}

/** Makes the demo server with its issues; it listens when it is told to. */
export function createDemoServer(options: DemoServerOptions): DemoServer {
  const onError = options.onError ?? (() => {});
  const tracker = new Tracker(options.now ?? ambientNow);
  seedTracker(tracker);
  const handler = createMcpHandler(() => createTrackerServer(tracker), { onerror: onError });

  const app = express();
  app.disable('x-powered-by');
  app.get('/', (_request, response) => {
    response.type('text/plain').send(`Tracker, a demo MCP server. Point your MCP client at ${options.resource}\n`);
  });
  const door = protect({ ...options, resourceName: 'Tracker (demo)' });
  app.use(door);
  app.all(new URL(options.resource).pathname, serveWithWebHandler(handler, new URL(options.resource).origin));
  app.use(answerFaults(onError));

  let listener: Listener | undefined;
  return {
    app,
    tracker,
    async listen(port, host) {
      listener = await listenOnLoopback(app, { port, host });
      return listener.port;
    },
    async close() {
      await handler.close();
      await listener?.close();
      await door.verifier.reports.close();
    },
  };
}

function answerFaults(onError: (error: unknown) => void): ErrorRequestHandler {
  // biome-ignore lint/complexity/useMaxParams: Express knows an error handler by its four parameters.
  return (error, _request, response, next) => {
    onError(error);
    if (response.headersSent) next(error);
    else response.status(500).json({ error: 'server_error' });
  };
}
