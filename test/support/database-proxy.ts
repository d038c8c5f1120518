import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

/** A way to a database that a test can cut. */
export interface DatabaseProxy {
  /** Connects through it. */
  url: string;
  /** Breaks every connection, and refuses new ones. */
  cut(): void;
  /** Lets connections through again. */
  restore(): Promise<void>;
  stop(): Promise<void>;
}

/** Opens a way to the database of a connection string, on a loopback port. */
export async function startDatabaseProxy(url: string): Promise<DatabaseProxy> {
  const target = new URL(url);
  const folder = target.searchParams.get('host');
  const port = Number(target.searchParams.get('port') ?? target.port) || 5432;
  const sockets = new Set<Socket>();
  const server = createServer((inside) => {
    const outside = folder?.startsWith('/') ? connect(join(folder, `.s.PGSQL.${port}`)) : connect(port, target.hostname || '127.0.0.1');
    for (const socket of [inside, outside]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    inside.pipe(outside).pipe(inside);
  });
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const listeningPort = (server.address() as { port: number }).port;
  const way = new URL(`postgresql://127.0.0.1:${listeningPort}${target.pathname}`);
  way.username = target.username;
  way.password = target.password;
  const cut = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: way.href,
    cut,
    restore: () => listen(listeningPort),
    async stop() {
      if (server.listening) cut();
    },
  };
}
