import { type CertificatePair, readCertificatePair } from '../config/certificate.ts';
import type { Config, Secrets } from '../config/config.ts';
import type { Logger } from '../platform/logger.ts';
import { type IssuedLink, issueFirstAdminLink } from '../services/issue-link.ts';
import { hasAdmin } from '../services/list-users.ts';
import { removeDemo } from '../services/remove-demo.ts';
import type { Runtime } from '../services/runtime.ts';
import { readSealLagSeconds } from '../services/seal-audit-events.ts';
import { readSweepLagSeconds } from '../services/sweep-expired.ts';
import { auditSinks } from './audit-sinks.ts';
import { awaitDatabase } from './await-database.ts';
import { explainStartError } from './explain-start.ts';
import { obtainSealingSecrets } from './obtain-secrets.ts';
import { openDatabase } from './open-database.ts';
import type { OpenRuntime } from './open-runtime.ts';
import type { LogOutput } from './process-log.ts';
import { resealInBackground } from './reseal-in-background.ts';
import { sealInBackground } from './seal-in-background.ts';
import { connectionsOf, loadServing } from './serving.ts';
import type { RunningDemo } from './start-demo.ts';
import { streamInBackground } from './stream-in-background.ts';
import { type Sweeping, sweepInBackground } from './sweep-in-background.ts';
import { syncInBackground } from './sync-in-background.ts';
import { watchCertificate } from './watch-certificate.ts';

/** An issuer that serves. */
export interface RunningIssuer {
  issuer: string;
  demo?: RunningDemo;
  hasAdmin(): Promise<boolean>;
  /** A link for the first administrator; undefined when there is one. To be shown to whoever started us, and to nobody else. */
  issueFirstAdminLink(): Promise<IssuedLink | undefined>;
  /** Lets requests under way finish, then ends everything that was started; safe to call twice. */
  stop(): Promise<void>;
}

/** What `serve` is started with. */
export interface IssuerRequest {
  config: Config;
  secrets: Secrets;
  log: Logger;
  /** Where the logs of workers go. */
  output: LogOutput;
  /** Settles when the process is asked to stop: a start that waits for its database gives up then. Default: never. */
  stopRequested?: Promise<void>;
}

/**
 * Starts what the settings say: database, issuer, demo. Whatever was started is ended again when a later step fails.
 * What is there once, however many processes serve, belongs to this one: database, demo, sweeping, certificate files.
 * Throws `StartProblem` for everything that an operator can mend.
 */
export async function startIssuer(request: IssuerRequest): Promise<RunningIssuer> {
  const started = new AsyncDisposableStack();
  try {
    const running = await startAll(request, started);
    return { ...running, stop: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw explainStartError(error, request) ?? error;
  }
}

/** `started` ends things in the reverse order: first nobody new comes in, last the database goes. */
async function startAll(request: IssuerRequest, started: AsyncDisposableStack): Promise<Omit<RunningIssuer, 'stop'>> {
  const { config, secrets, log } = request;
  const connections = connectionsOf(config);
  const open = () => openDatabase({ config, secrets, purpose: 'issuer', connections, onNotice: (text) => log.warn(text) });
  const { stopRequested = new Promise<void>(() => undefined) } = request;
  const opening = awaitDatabase(open, { config, log, stopRequested });
  // The engine and its pages are loaded while the database starts.
  const loading = Promise.all([loadServing(config), config.demo && import('./start-demo.ts')]);
  loading.catch(() => undefined); // seen below, once the database is one that will be stopped
  const { database, leave } = await opening;
  started.defer(leave);
  started.defer(() => database.stop());
  const [prepareServing, demonstration] = await loading;
  const sealing = await obtainSealingSecrets({ config, secrets });
  const serving = await prepareServing({ ...request, sealing, databaseUrl: database.url });
  started.defer(() => serving.close());
  const { runtime, tenant } = serving;
  if (!config.demo && (await removeDemo(runtime, tenant))) {
    log.warn('the demo account and the credentials of the demo server are removed, because this start is without --demo');
  }
  const certificate = config.tls && readCertificatePair(config.tls);
  await leave();
  const listening = await serving.listen(certificate);
  if (certificate) keepCertificate({ ...request, runtime }, { served: certificate, onChange: listening.useCertificate, started });
  const demo = config.demo && (await demonstration?.startDemo(serving, config.demo));
  if (demo) started.defer(() => demo.stop());
  const sweeping = sweepInBackground(runtime);
  started.defer(() => sweeping.stop());
  watchSweeping(runtime, sweeping);
  const sealingTrail = sealInBackground(runtime);
  started.defer(() => sealingTrail.stop());
  const reading = syncInBackground(runtime, { fetch: serving.fetch });
  started.defer(() => reading.stop());
  const readings = {
    name: 'toolgrant_catalogue_readings',
    help: 'Tool lists of servers that were read when due, by outcome.',
    label: 'outcome',
  };
  runtime.metrics.watch(readings, () => ({ ...reading.progress }));
  const streaming = streamInBackground(runtime, auditSinks({ config, secrets, send: serving.fetch }));
  started.defer(() => streaming.stop());
  if (sealing.previousKeyEncryptionKey) {
    const resealing = resealInBackground(runtime, log);
    started.defer(() => resealing.stop());
  }
  const { addresses, port, workers } = listening;
  log.info({ issuer: tenant.issuer, addresses, port, ...(workers > 1 && { workers }), database: config.database.kind }, 'listening');
  return {
    issuer: tenant.issuer,
    ...(demo && { demo }),
    hasAdmin: () => hasAdmin(runtime, tenant),
    issueFirstAdminLink: () => issueFirstAdminLink(runtime, tenant, { actorType: 'issuer' }),
  };
}

function keepCertificate(
  { config, log, runtime }: Pick<IssuerRequest, 'config' | 'log'> & Pick<OpenRuntime, 'runtime'>,
  use: { served: CertificatePair; onChange: (pair: CertificatePair) => void; started: AsyncDisposableStack },
): void {
  if (!config.tls) return;
  const watch = watchCertificate({ paths: config.tls, log, clock: runtime.clock, served: use.served, onChange: use.onChange });
  use.started.defer(() => watch.stop());
}

function watchSweeping(runtime: Runtime, { progress }: Sweeping): void {
  const { metrics } = runtime;
  const removed = { name: 'toolgrant_removed_rows', help: 'Rows that clean-up removed since the start, by what they were.', label: 'kind' };
  metrics.watch(removed, () => progress.removed);
  const lag = { name: 'toolgrant_removal_lag_seconds', help: 'For how long the oldest expired row waits for clean-up; 0 when none does.' };
  metrics.watch(lag, () => readSweepLagSeconds(runtime));
  const unsealed = {
    name: 'toolgrant_audit_unsealed_seconds',
    help: 'For how long the oldest audit event waits for its seal; 0 when none does.',
  };
  metrics.watch(unsealed, () => readSealLagSeconds(runtime));
}
