import type { Socket } from 'node:net';
import { Pool, type PoolClient } from 'pg';

/** How the pool is made. Each bound is what keeps one slow query, lock or peer from taking the issuer down with it. */
export interface DatabasePoolOptions {
  /** `postgresql://…` */
  url: string;
  /** Default 10. */
  maxConnections?: number;
  /** Longest a statement may run. Default 10 s. */
  statementTimeoutMs?: number;
  /** Longest wait for a lock of another transaction. Default 5 s. */
  lockTimeoutMs?: number;
  /** Longest a transaction may stand still before the server ends it. Default 15 s. */
  idleInTransactionTimeoutMs?: number;
  /** Longest wait for a free connection, or for a new one to open. Default 5 s. */
  connectTimeoutMs?: number;
  /** Callers that may wait for a connection; the next one is refused at once. Default 100 for each connection. */
  maxWaiting?: number;
  /**
   * Longest silence of a connection in use. The server ends statements that take too long; a server that cannot even say so (a way
   * that swallows packets, a machine that went away) would be waited for until TCP gives up. Default: statements' bound and 3 s.
   */
  silenceTimeoutMs?: number;
  /** Connections unused for so long are closed. Default 30 s. */
  idleTimeoutMs?: number;
  /** As the server's views show it. Default `toolgrant`. */
  applicationName?: string;
  /** Is told of connections that broke; whoever used one gets the error as well. */
  onConnectionError?: (error: Error) => void;
}

/** Opens a pool; connections are made when needed. The caller ends it. */
export function createDatabasePool(options: DatabasePoolOptions): Pool {
  const { maxConnections = 10, statementTimeoutMs = 10_000 } = options;
  const pool = new Pool({
    connectionString: options.url,
    max: maxConnections,
    statement_timeout: statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs ?? 5_000,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 15_000,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    idleTimeoutMillis: options.idleTimeoutMs ?? 30_000,
    application_name: options.applicationName ?? 'toolgrant',
    keepAlive: true,
  });
  const report = options.onConnectionError ?? (() => undefined);
  pool.on('error', report);
  // A connection in use that breaks has no listener of its own, and an error nobody listens to ends the process.
  pool.on('connect', (client) => client.on('error', report));
  limitSilence(pool, options.silenceTimeoutMs ?? statementTimeoutMs + silenceBeyondStatementMs);
  limitWaiting(pool, options.maxWaiting ?? maxConnections * waitingPerConnection);
  return pool;
}

const silenceBeyondStatementMs = 3_000;
const waitingPerConnection = 100;

/** Breaks connections in use that say nothing for too long: their callers get an error, and the pool a place for another one. */
function limitSilence(pool: Pool, timeoutMs: number): void {
  const watched = new WeakSet<Socket>();
  pool.on('acquire', (client) => {
    const socket = socketOf(client);
    if (!watched.has(socket)) {
      watched.add(socket);
      socket.on('timeout', () => socket.destroy(new Error(`Connection terminated: the database said nothing for ${timeoutMs} ms.`)));
    }
    socket.setTimeout(timeoutMs);
  });
  pool.on('release', (_error, client) => socketOf(client).setTimeout(0));
}

/** The driver keeps it where its types do not say. */
function socketOf(client: PoolClient): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

/** Nobody stands in a line that is longer than a short wait: refused at once is better than answered when the client has gone. */
function limitWaiting(pool: Pool, maxWaiting: number): void {
  const connect = pool.connect.bind(pool) as (callback?: ConnectCallback) => unknown;
  const bounded = (callback?: ConnectCallback) => {
    if (pool.waitingCount < maxWaiting) return connect(callback);
    const error = new Error('Too many callers wait for a database connection.');
    return callback ? process.nextTick(callback, error) : Promise.reject(error);
  };
  pool.connect = bounded as Pool['connect'];
}

type ConnectCallback = (error: Error | undefined, client?: PoolClient, done?: () => void) => void;
