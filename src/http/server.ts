/** Listening: on every address asked for, with bounds on how long a request may take to arrive, and a way to stop without dropping any. */
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SecureContextOptions } from 'node:tls';
import type { CertificatePair } from '../config/certificate.ts';

/** Where to listen. */
export interface ListenOptions {
  /** Host names or addresses. `127.0.0.1` and `::1` together are both loopback families; a family that the machine lacks is left out. */
  hosts: readonly string[];
  /** 0 takes a free one, the same for all hosts. */
  port: number;
  /** Absent: plain http. */
  tls?: CertificatePair;
  /** How long a drain goes on taking connections, so that balancers which watch `isDraining` take us out first. Default 0. */
  shutdownDelayMs?: number;
}

/** What listens. */
export interface Listening {
  port: number;
  addresses: readonly string[];
  isDraining(): boolean;
  /** Serves new connections with another certificate; those that are open keep theirs. Throws when the pair cannot be used. */
  useCertificate(pair: CertificatePair): void;
  /**
   * Stops taking connections, lets requests under way finish, and closes what is left after `deadlineMs`. Every answer from now
   * on ends its connection; one that nobody uses is closed a moment later, because its next request may be on the way.
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

/** How long a drain leaves a connection open that nobody uses. A busy client sends its next request far earlier. */
const lingerMs = 1_000;

/** Listens. Rejects when a port is taken, or when no host could be used; then nothing listens. */
export async function listen(handler: RequestListener, options: ListenOptions): Promise<Listening> {
  const servers: Server[] = [];
  let isDraining = false;
  const handle: RequestListener = (request, response) => {
    if (isDraining) response.setHeader('Connection', 'close');
    handler(request, response);
  };
  let port = options.port;
  let lastError: unknown;
  for (const host of options.hosts) {
    const server = makeServer(handle, options.tls);
    try {
      port = await bind(server, { host, port });
      servers.push(server);
    } catch (error) {
      lastError = error;
      if (missingFamily.has((error as NodeJS.ErrnoException).code ?? '') && options.hosts.length > 1) continue;
      await Promise.all(servers.map((open) => closeServer(open, { deadlineMs: 0 })));
      throw error;
    }
  }
  if (servers.length === 0) throw lastError;
  let drained: Promise<void> | undefined;
  return {
    port,
    addresses: servers.map((server) => (server.address() as AddressInfo).address),
    isDraining: () => isDraining,
    useCertificate: (pair) => {
      for (const server of servers) if (server instanceof TlsServer) server.setSecureContext(secureOptions(pair));
    },
    drain: (deadlineMs) => {
      isDraining = true;
      drained ??= (options.shutdownDelayMs ? sleep(options.shutdownDelayMs) : Promise.resolve())
        .then(() => Promise.all(servers.map((server) => closeServer(server, { deadlineMs, lingerMs }))))
        .then(() => undefined);
      return drained;
    },
  };
}

function makeServer(handler: RequestListener, tls: ListenOptions['tls']): Server {
  const options = { ...bounds, maxHeaderSize: maxHeaderBytes };
  const server = tls ? createTlsServer({ ...options, ...secureOptions(tls) }, handler) : createServer(options, handler);
  server.maxHeadersCount = maxHeaders;
  return server;
}

/** Whatever Node's own defaults were set to (`--tls-min-v1.0`), nothing below TLS 1.2. */
function secureOptions({ certificate, key }: CertificatePair): SecureContextOptions {
  return { cert: certificate, key, minVersion: 'TLSv1.2' };
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

/** What is still open is closed at the deadline; what nobody uses, after `lingerMs`. */
function closeServer(server: Server, { deadlineMs, lingerMs = 0 }: { deadlineMs: number; lingerMs?: number }): Promise<void> {
  return new Promise((resolve) => {
    const beganAt = performance.now();
    // Again and again: until nobody waits any more, some are still taken in.
    const closing = setInterval(() => {
      const elapsedMs = performance.now() - beganAt;
      if (elapsedMs >= deadlineMs) server.closeAllConnections();
      else if (elapsedMs >= lingerMs) server.closeIdleConnections();
    }, 20);
    const end = () => {
      clearInterval(closing);
      // Ends its own timers as well; it is closed already. It tells so before its last connection does, whose request is to be
      // logged first: that comes at the end of this turn of the event loop, after what is immediate.
      server.close(() => setImmediate(() => setImmediate(resolve)));
    };
    // Node's own close of an HTTP server begins by cutting idle connections.
    onceNobodyWaits(server, () => NetServer.prototype.close.call(server, end));
  });
}

/** More connections than this do not wait for a server; Node asks for 511. */
const longestQueue = 512;

/**
 * Calls back in a turn of the event loop in which nobody came: Node takes in one connection in each, and closing resets those that wait,
 * with what they have sent. However many go on coming, whoever waited at the start has been taken in after `longestQueue` turns.
 */
function onceNobodyWaits(server: Server, close: () => void): void {
  let hasCome = true;
  const note = () => {
    hasCome = true;
  };
  server.on('connection', note);
  let turns = 0;
  // Of each turn, this is the phase that follows the one that takes in.
  const look = () => {
    if (!hasCome || turns > longestQueue) {
      server.off('connection', note);
      close();
      return;
    }
    hasCome = false;
    turns += 1;
    setImmediate(look);
  };
  setImmediate(look);
}
