/**
 * Wiring: one issuer with all its tenants, built of settings, secrets and a database that is there. Nothing is ambient: several can stand in one
 * process and on one database. It decides nothing; `compose/` holds the steps of a start. `cli`, tests and benchmarks call it.
 */
import type { RequestListener } from 'node:http';
import { type OpenRuntime, openRuntime, type RuntimeOptions } from './compose/open-runtime.ts';
import { type CertificatePair, readCertificatePair } from './config/certificate.ts';
import { createListener } from './http/app.ts';
import { buildSite, type SharedParts } from './http/build-site.ts';
import type { MetricsAccess } from './http/documents/metrics.ts';
import { type Listening, listen } from './http/server.ts';
import { createSites } from './http/sites.ts';
import { createRenderer } from './http/views/render.ts';
import { countRefusals, createAttemptLimits, noAttemptLimits } from './services/limit-attempts.ts';
import { createStatusListPublisher } from './services/publish-status-list.ts';
import { requireKnownSecrets } from './services/reseal-secrets.ts';
import { openTenantDirectory } from './services/tenant-directory.ts';

/** An issuer that can listen. */
export interface Composition extends Omit<OpenRuntime, 'counters'> {
  /** Answers requests. */
  handle: RequestListener;
  /** Listens where the settings say, with that certificate or the one they name; rejects when a port is taken. Once. */
  listen(certificate?: CertificatePair): Promise<Listening>;
  /** Lets requests under way finish, at most `deadlineMs` (default 10 s), and closes everything but the database. Safe to call twice. */
  close(deadlineMs?: number): Promise<void>;
}

/** What an issuer is built of. */
export interface CompositionOptions extends RuntimeOptions {
  /** Who may read `/metrics`, and what is there; absent: nobody. */
  metricsAccess?: MetricsAccess;
}

const defaultDrainMs = 10_000;

/** Builds an issuer. Throws `CannotDecrypt` when its signing keys cannot be opened: one that cannot sign must not start. */
export async function compose(options: CompositionOptions): Promise<Composition> {
  const { config, metricsAccess } = options;
  const { counters, ...opened } = await openRuntime(options);
  const { runtime, tenant } = opened;
  let listening: Listening | undefined;
  let closed: Promise<void> | undefined;
  try {
    const render = createRenderer();
    const isDraining = () => listening?.isDraining() ?? false;
    const shared: SharedParts = {
      runtime,
      render,
      statusLists: createStatusListPublisher(runtime),
      limits: config.rateLimits === 'on' ? countRefusals(createAttemptLimits(counters), runtime.metrics) : noAttemptLimits,
      isDraining,
      settingsOf: ({ id }) => ({
        ...(id === tenant.id && config.defaultResource !== undefined && { defaultResource: config.defaultResource }),
      }),
    };
    const sites = createSites({ build: (of) => buildSite(shared, of), maxKept: config.maxTenantsInMemory });
    await requireKnownSecrets(runtime);
    const directory = await openTenantDirectory(runtime, tenant);
    // The others are made when they are asked for; one that cannot sign at its base must not start at all.
    await sites.use(tenant, () => undefined);
    runtime.metrics.watch({ name: 'toolgrant_tenants_in_memory', help: 'Tenants that are ready to be served.' }, () => sites.size());
    const handle = createListener({
      runtime,
      root: tenant,
      directory,
      sites,
      render,
      trustedProxies: config.trustedProxies,
      isDraining,
      ...(metricsAccess && { metrics: metricsAccess }),
    });
    const drainAndClose = async (deadlineMs: number) => {
      await listening?.drain(deadlineMs);
      sites.clear();
      await opened.close();
    };
    return {
      ...opened,
      handle,
      listen: async (certificate = config.tls && readCertificatePair(config.tls)) => {
        listening = await listen(handle, { ...config.listen, ...(certificate && { tls: certificate }) });
        return listening;
      },
      close: (deadlineMs = defaultDrainMs) => {
        closed ??= drainAndClose(deadlineMs);
        return closed;
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}
