import { Pool } from 'pg';

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
  /** Connections unused for so long are closed. Default 30 s. */
  idleTimeoutMs?: number;
  /** As the server's views show it. Default `toolgrant`. */
  applicationName?: string;
  /** Is told of connections that broke; whoever used one gets the error as well. */
  onConnectionError?: (error: Error) => void;
}

/** Opens a pool; connections are made when needed. The caller ends it. */
export function createDatabasePool(options: DatabasePoolOptions): Pool {
  const pool = new Pool({
    connectionString: options.url,
    max: options.maxConnections ?? 10,
    statement_timeout: options.statementTimeoutMs ?? 10_000,
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
  return pool;
}
