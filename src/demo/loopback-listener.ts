import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server that may hold several sockets. */
export interface Listener {
  /** The port that was taken. */
  readonly port: number;
  /** Stops accepting, cuts what is open, resolves when all sockets are free. */
  close(): Promise<void>;
}

/**
 * Listens on one host, or, without a host, on both loopback addresses: `localhost` may mean either,
 * depending on who resolves it. A machine without IPv6 gets the other one alone. Port 0 takes a free
 * port. Rejects when the port is taken.
 */
export async function listenOnLoopback(listener: RequestListener, options: { port: number; host?: string }): Promise<Listener> {
  const first = await listen(listener, options.port, options.host ?? '127.0.0.1');
  const port = (first.address() as AddressInfo).port;
  const servers = [first];
  if (options.host === undefined) {
    try {
      servers.push(await listen(listener, port, '::1'));
    } catch (error) {
      if (!NO_IPV6.has((error as NodeJS.ErrnoException).code ?? '')) {
        await close(first);
        throw error;
      }
    }
  }
  return {
    port,
    close: async () => {
      await Promise.all(servers.map(close));
    },
  };
}

const NO_IPV6: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

function listen(listener: RequestListener, port: number, host: string): Promise<Server> {
  const server = createServer(listener);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
