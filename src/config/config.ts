import type { Secret } from './secret.ts';

/** Everything that can be set, secrets apart: safe to print. Frozen. */
export interface Config {
  /** The issuer URL, without a trailing slash. */
  issuer: string;
  listen: {
    /** Addresses to listen on; both loopback families unless set. */
    hosts: readonly string[];
    port: number;
    /** How long connections are still taken after the wish to stop. */
    shutdownDelayMs: number;
  };
  /** Processes that serve; `auto`: one for each core. */
  workers: number | 'auto';
  /** Absent: plain http is served. Absolute paths. */
  tls?: { certificatePath: string; keyPath: string };
  /** Addresses and networks in CIDR form whose forwarding headers are believed. */
  trustedProxies: readonly string[];
  database: {
    /** `external`: `Secrets.databaseUrl` is there, and so is `Secrets.keyEncryptionKey`. */
    kind: 'embedded' | 'external';
    maxConnections: number;
    statementTimeoutMs: number;
    /** How long a start waits for one that does not answer; external only. */
    waitMs: number;
  };
  /** Absolute path. */
  dataDir: string;
  audit: 'immutable' | 'tamper-evident';
  /** How long audit events are kept; `migrate` writes it into the database. */
  auditRetentionSeconds: number;
  /** Where the audit trail is delivered to; absent: nowhere. `webhookUrl` comes with `Secrets.auditWebhook`. */
  auditStream: { file?: string; webhookUrl?: string };
  lifetimes: {
    accessTokenSeconds: number;
    /** Of a refresh-token family, from its first token. */
    refreshTokenSeconds: number;
    /** Of one refresh token. */
    refreshTokenIdleSeconds: number;
    /** 0: a repeat is always reuse. */
    refreshGraceSeconds: number;
    sessionSeconds: number;
    sessionIdleSeconds: number;
    keyRotationSeconds: number;
    catalogueSeconds: number;
  };
  /** Cost of argon2id, and how many are hashed at a time in one process. */
  passwords: { memoryKib: number; passes: number; maxConcurrent: number };
  rateLimits: 'on' | 'off';
  /** What a request without `resource` is for; absent: it is refused. */
  defaultResource?: string;
  /** How many tenants one process keeps ready to serve. */
  maxTenantsInMemory: number;
  /** Absent: no traces are made. */
  tracing?: {
    /** Base of a collector's OTLP over HTTP, without a trailing slash. */
    endpoint: string;
    serviceName: string;
    /** Of the requests that begin a trace, from 0 to 1. */
    share: number;
  };
  logLevel: 'silent' | 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
  /** Present with `--demo` only. */
  demo?: { port: number };
}

/** What must never be printed, each wrapped so that it cannot be by mistake. */
export interface Secrets {
  databaseUrl?: Secret;
  migrationDatabaseUrl?: Secret;
  /** At least 32 random bytes in base64url. Absent with the embedded database: then one is kept in the data folder. */
  keyEncryptionKey?: Secret;
  previousKeyEncryptionKey?: Secret;
  /** Absent: nothing is counted. */
  metricsToken?: Secret;
  /** What audit webhooks are signed with, as Standard Webhooks writes it. */
  auditWebhook?: Secret;
  /** Headers for the collector of traces, as `name=value,…`. */
  traceHeaders?: Secret;
}

/** What the command line adds to the environment. */
export interface LoadOptions {
  /** Whether `--demo` was given. */
  demo?: boolean;
  /** What `--workers` says, in place of TOOLGRANT_WORKERS. */
  workers?: string;
  /** `migrate` needs neither `DATABASE_URL` nor the secret that goes with it. Default: everything else. */
  command?: 'migrate';
  /** Given by whoever is about to serve: what certificates must not have expired by; files to be written are looked at then, too. */
  now?: Date;
  /** What relative paths start from. Default: the working directory. */
  directory?: string;
}
