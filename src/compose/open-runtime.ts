import type { Config } from '../config/config.ts';
import type { Secret } from '../config/secret.ts';
import { rootTenantId } from '../domain/ids.ts';
import { isLoopbackHost } from '../domain/resource-uri.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { createDatabasePool } from '../platform/database-pool.ts';
import { createGuardedFetch, type GuardedFetch } from '../platform/guarded-fetch.ts';
import { type Logger, withTraceIds } from '../platform/logger.ts';
import { type Metrics, noMetrics } from '../platform/metrics.ts';
import { createPasswordHasher, type PasswordHasher } from '../platform/passwords.ts';
import { noTracing, type Tracing } from '../platform/tracing.ts';
import { createVault } from '../platform/vault.ts';
import { ensureRootTenant } from '../services/ensure-root-tenant.ts';
import type { Lifetimes, Runtime, Tenant } from '../services/runtime.ts';
import { createStore } from '../store/client.ts';
import { createRateCounters, type RateCounters } from '../store/rate-limits.ts';
import { findTenant } from '../store/tenants.ts';

/** The keys that secrets are sealed under. */
export interface SealingSecrets {
  keyEncryptionKey: Secret;
  /** Still opened with. */
  previousKeyEncryptionKey?: Secret;
}

/** What services are built of. The database has the schema of this version. */
export interface RuntimeOptions {
  config: Config;
  secrets: SealingSecrets;
  /** Signs in as the role that serves. */
  databaseUrl: string;
  log: Logger;
  /** Default: nobody reads any. */
  metrics?: Metrics;
  /** Default: nobody gets any spans. Ends with the runtime. */
  tracing?: Tracing;
  /** Default: the machine's. */
  clock?: Clock;
}

/** Services ready to be called, without engine or pages. */
export interface OpenRuntime {
  runtime: Runtime;
  tenant: Tenant;
  counters: RateCounters;
  /** For what administrators point us at: MCP servers. */
  fetch: GuardedFetch;
  /** Closes what was opened; the database goes on. */
  close(): Promise<void>;
}

/** How long things live that no setting is about; in seconds. */
const fixedLifetimes = {
  /** A client redeems its code at once; OAuth 2.1 asks for at most ten minutes. */
  authorizationCodeSeconds: 60,
  /** From the request of a client until its person has signed in and decided. */
  interactionSeconds: 3_600,
  /** How old a status list may be before a resource server fetches it anew. */
  statusListAgeSeconds: 10,
} as const satisfies Partial<Lifetimes>;

/**
 * Builds the runtime of a process.
 * `tenantIssuer` says whose word counts where the settings name another issuer URL than the one that was served last: an
 * issuer that starts (`settings`) changes the stored one, a command beside it (`stored`) goes by what is served.
 */
export async function openRuntime(options: RuntimeOptions, tenantIssuer: 'settings' | 'stored' = 'settings'): Promise<OpenRuntime> {
  const { config, secrets, clock = systemClock, metrics = noMetrics, tracing = noTracing } = options;
  const log = tracing.isOn ? withTraceIds(options.log, tracing.traceId) : options.log;
  let isClosing = false;
  const pool = createDatabasePool({
    url: options.databaseUrl,
    maxConnections: config.database.maxConnections,
    statementTimeoutMs: config.database.statementTimeoutMs,
    // The pool does not wait until the server has seen that it leaves: an embedded one that stops next may cut it off.
    onConnectionError: (error) => (isClosing ? undefined : log.warn({ error }, 'a database connection broke')),
  });
  tracing.tracePool(pool);
  const { keyEncryptionKey, previousKeyEncryptionKey } = secrets;
  const issuerIsLoopback = isLoopbackHost(new URL(config.issuer).hostname);
  const strangers = tracing.traceFetch(createGuardedFetch({ profile: 'stranger', issuerIsLoopback }), 'stranger');
  const runtime: Runtime = {
    store: createStore(pool),
    clock,
    vault: createVault({
      current: keyEncryptionKey.reveal(),
      ...(previousKeyEncryptionKey && { previous: [previousKeyEncryptionKey.reveal()] }),
    }),
    passwords: tracing.tracePasswords(createPasswordHasher(config.passwords)),
    log,
    metrics,
    tracing,
    lifetimes: { ...config.lifetimes, ...fixedLifetimes },
    strangers,
  };
  watchPool(metrics, pool);
  watchPasswords(metrics, runtime.passwords);
  const fetch = tracing.traceFetch(createGuardedFetch({ profile: 'admin', issuerIsLoopback }), 'admin');
  const close = async () => {
    isClosing = true;
    await runtime.store.$disconnect();
    await Promise.all([pool.end(), fetch.close(), strangers.close()]);
    await tracing.close();
  };
  try {
    const stored = tenantIssuer === 'stored' ? await findTenant(runtime.store, rootTenantId) : undefined;
    const tenant = stored ?? (await ensureRootTenant(runtime, config.issuer));
    return { runtime, tenant, counters: createRateCounters(pool), fetch, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function watchPool(metrics: Metrics, pool: Record<'totalCount' | 'idleCount' | 'waitingCount', number>): void {
  const about = {
    name: 'toolgrant_database_connections',
    help: 'Connections to the database, and requests that wait for one.',
    label: 'state',
  };
  metrics.watch(about, () => ({ busy: pool.totalCount - pool.idleCount, idle: pool.idleCount, waiting: pool.waitingCount }));
}

function watchPasswords(metrics: Metrics, passwords: PasswordHasher): void {
  const about = { name: 'toolgrant_password_hashes', help: 'Passwords that are being hashed, and those that wait for it.', label: 'state' };
  metrics.watch(about, () => ({ ...passwords.load() }));
}
