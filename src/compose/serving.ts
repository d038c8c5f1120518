/** Serving, by this process alone or by workers of it: the rest of a start need not know which. */
import { availableParallelism } from 'node:os';
import type { CertificatePair } from '../config/certificate.ts';
import type { Config, Secrets } from '../config/config.ts';
import type { Logger, LogLevel } from '../platform/logger.ts';
import { openMetrics } from './open-metrics.ts';
import type { OpenRuntime, SealingSecrets } from './open-runtime.ts';
import { openTracing } from './open-tracing.ts';
import type { LogOutput } from './process-log.ts';

/** What serving is prepared with. The database has the schema of this version. */
export interface ServingRequest {
  config: Config;
  secrets: Secrets;
  sealing: SealingSecrets;
  databaseUrl: string;
  log: Logger;
  output: LogOutput;
}

/** What serves. */
export interface ServedPort {
  port: number;
  addresses: readonly string[];
  /** Processes that serve. */
  workers: number;
  /** For new connections. */
  useCertificate(pair: CertificatePair): void;
}

/** An issuer that can listen, with services for what is done once beside it. */
export interface Serving extends Omit<OpenRuntime, 'counters'> {
  /** Once. Throws when a port is taken. */
  listen(certificate?: CertificatePair): Promise<ServedPort>;
  /** Lets requests under way finish, and closes everything but the database. Safe to call twice. */
  close(): Promise<void>;
}

/** Throws what keeps an issuer from serving. */
type PrepareServing = (request: ServingRequest) => Promise<Serving>;

/** Connections of a primary process, which serves nothing: background work and the first link. */
const primaryConnections = 3;

/** How many processes a setting means; `auto`: as many as there are cores in this machine, or in the share of it that we may use. */
function countWorkers(workers: Config['workers']): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

/** The most connections to the database that all processes hold together. */
export function connectionsOf({ workers, database }: Config): number {
  const count = countWorkers(workers);
  return count === 1 ? database.maxConnections : count * database.maxConnections + primaryConnections;
}

/** Loads what the settings need for it. */
export async function loadServing({ workers }: Config): Promise<PrepareServing> {
  const count = countWorkers(workers);
  return count === 1 ? serveAlone(await import('../compose.ts')) : serveByWorkers(count);
}

function serveAlone({ compose }: typeof import('../compose.ts')): PrepareServing {
  return async ({ sealing, secrets, ...request }) => {
    const watched = { ...(await openMetrics(secrets)), ...(await openTracing({ ...request, secrets })) };
    const composition = await compose({ ...request, secrets: sealing, ...watched });
    const listen = async (certificate?: CertificatePair) => ({ ...(await composition.listen(certificate)), workers: 1 });
    return { ...composition, listen, close: () => composition.close() };
  };
}

async function serveByWorkers(count: number): Promise<PrepareServing> {
  const [{ openRuntime }, { startWorkers }] = await Promise.all([import('./open-runtime.ts'), import('./workers.ts')]);
  return async ({ config, secrets, sealing, databaseUrl, log, output }) => {
    const database = { ...config.database, maxConnections: primaryConnections };
    const { metrics } = await openMetrics(secrets);
    const opened = await openRuntime({ config: { ...config, database }, secrets: sealing, databaseUrl, log, ...(metrics && { metrics }) });
    let stopWorkers = async () => {};
    const listen = async (certificate?: CertificatePair) => {
      const orders = { config, secrets, sealing, databaseUrl, logLevel: log.level as LogLevel, ...(certificate && { certificate }) };
      const workers = await startWorkers({ count, orders, log, output, ...(metrics && { metrics }) });
      stopWorkers = workers.stop;
      return { ...workers, workers: count };
    };
    const close = async () => {
      await stopWorkers();
      await opened.close();
    };
    return { ...opened, listen, close };
  };
}
