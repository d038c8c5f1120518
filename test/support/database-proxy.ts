import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

/** A way to a database that a test can cut, stall, or make lose answers. */
export interface DatabaseProxy {
  /** Connects through it. */
  url: string;
  /** Breaks every connection, and refuses new ones. */
  cut(): void;
  /** Lets connections through again. */
  restore(): Promise<void>;
  /**
   * Keeps every connection open and lets nothing through, in neither direction: what a lost machine looks like. With `at`, from the
   * first such statement on, which is held back itself.
   */
  stall(at?: RegExp): void;
  /** From now to `flow`, statements get through and the connection breaks in place of the answer: their outcome is unknown. */
  loseAnswers(to: RegExp): void;
  /** How many answers were lost so. */
  lostAnswers(): number;
  /** Lets everything through again, what was held back included. */
  flow(): void;
  stop(): Promise<void>;
}

/** Opens a way to the database of a connection string, on a loopback port. */
export async function startDatabaseProxy(url: string): Promise<DatabaseProxy> {
  const target = new URL(url);
  const folder = target.searchParams.get('host');
  const port = Number(target.searchParams.get('port') ?? target.port) || 5432;
  const sockets = new Set<Socket>();
  let held: (() => void)[] | undefined;
  let lost: RegExp | undefined;
  let lostCount = 0;
  let stallsAt: RegExp | undefined;
  const pass = (step: () => void) => (held ? held.push(step) : step());
  const server = createServer((inside) => {
    const outside = folder?.startsWith('/') ? connect(join(folder, `.s.PGSQL.${port}`)) : connect(port, target.hostname || '127.0.0.1');
    let losesNext = false;
    for (const [from, to] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('end', () => pass(() => to.end()));
      from.on('close', () => {
        sockets.delete(from);
        pass(() => to.destroy());
      });
    }
    inside.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (lost?.test(text)) losesNext = true;
      if (stallsAt?.test(text)) held ??= [];
      pass(() => outside.write(chunk));
    });
    outside.on('data', (chunk) => {
      if (!losesNext) return pass(() => inside.write(chunk));
      lostCount += 1;
      inside.destroy();
    });
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
    stall(at) {
      if (at) stallsAt = at;
      else held ??= [];
    },
    loseAnswers(to) {
      lost = to;
    },
    lostAnswers: () => lostCount,
    flow() {
      const steps = held ?? [];
      [held, lost, stallsAt] = [undefined, undefined, undefined];
      for (const step of steps) step();
    },
    async stop() {
      if (server.listening) cut();
    },
  };
}
