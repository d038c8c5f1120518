/** Listening: on every address asked for, with bounds on how long a request may take to arrive, and a way to stop without dropping any. */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** Where to listen. */
export interface ListenOptions {
  /** Host names or addresses. `127.0.0.1` and `::1` together are both loopback families; a family that the machine lacks is left out. */
  hosts: readonly string[];
  /** 0 takes a free one, the same for all hosts. */
  port: number;
  tls?: { certificatePath: string; keyPath: string };
}

/** What listens. */
export interface Listening {
  port: number;
  addresses: readonly string[];
  isDraining(): boolean;
  /**
   * Stops taking connections, lets requests under way finish, and closes what is left after `deadlineMs`.
   * Resolves when nothing is open any more; a second call waits for the first.
   */
  drain(deadlineMs: number): Promise<void>;
}

/** Bounds in milliseconds; a client that dribbles headers or a body is cut off with 408 (ABUSE-76). */
const bounds = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
} satisfies ServerOptions;

const maxHeaderBytes = 16 * 1024;
const maxHeaders = 100;

/** Address families that a machine may lack. */
const missingFamily = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** Listens. Rejects when a port is taken, or when no host could be used; then nothing listens. */
export async function listen(handler: RequestListener, options: ListenOptions): Promise<Listening> {
  const servers: Server[] = [];
  let port = options.port;
  let lastError: unknown;
  for (const host of options.hosts) {
    const server = makeServer(handler, options.tls);
    try {
      port = await bind(server, { host, port });
      servers.push(server);
    } catch (error) {
      lastError = error;
      if (missingFamily.has((error as NodeJS.ErrnoException).code ?? '') && options.hosts.length > 1) continue;
      await Promise.all(servers.map((open) => closeServer(open, 0)));
      throw error;
    }
  }
  if (servers.length === 0) throw lastError;
  let drained: Promise<void> | undefined;
  return {
    port,
    addresses: servers.map((server) => (server.address() as AddressInfo).address),
    isDraining: () => drained !== undefined,
    drain: (deadlineMs) => {
      drained ??= Promise.all(servers.map((server) => closeServer(server, deadlineMs))).then(() => undefined);
      return drained;
    },
  };
}

function makeServer(handler: RequestListener, tls: ListenOptions['tls']): Server {
  const server = tls
    ? createTlsServer(
        { ...bounds, maxHeaderSize: maxHeaderBytes, cert: readFileSync(tls.certificatePath), key: readFileSync(tls.keyPath) },
        handler,
      )
    : createServer({ ...bounds, maxHeaderSize: maxHeaderBytes }, handler);
  server.maxHeadersCount = maxHeaders;
  return server;
}

function bind(server: Server, at: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...at, ipv6Only: at.host.includes(':') && at.host !== '::' }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Connections that a client keeps alive are closed as soon as their last answer is out. */
function closeServer(server: Server, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const closeIdle = setInterval(() => server.closeIdleConnections(), 20);
    const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
    server.close(() => {
      clearInterval(closeIdle);
      clearTimeout(deadline);
      resolve();
    });
    server.closeIdleConnections();
  });
}
