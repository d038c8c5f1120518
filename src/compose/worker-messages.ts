/** What the primary process and its workers tell one another. Both pass over messages of any other shape. */
import type { CertificatePair } from '../config/certificate.ts';
import type { Config, Secrets } from '../config/config.ts';
import { Secret } from '../config/secret.ts';
import type { LogLevel } from '../platform/logger.ts';
import type { MetricsSnapshot } from '../platform/prometheus.ts';
import type { SealingSecrets } from './open-runtime.ts';

/** All that a worker is built of: nothing is read twice, so all workers are alike, whenever they start. */
export interface WorkerOrders {
  /** From 1 on; one that is started again keeps it. */
  number: number;
  config: Config;
  secrets: Secrets;
  sealing: SealingSecrets;
  databaseUrl: string;
  certificate?: CertificatePair;
  logLevel: LogLevel;
}

/** To a worker. */
export type ToWorker =
  | { toolgrant: 'serve'; orders: unknown }
  | { toolgrant: 'certificate'; certificate: CertificatePair }
  | { toolgrant: 'stop' }
  | { toolgrant: 'measure'; id: number }
  | { toolgrant: 'metrics'; id: number; text: string };

/** From a worker. `problem`: what an operator can mend, else a fault of ours. */
export type FromWorker =
  | { toolgrant: 'listening'; port: number; addresses: readonly string[] }
  | { toolgrant: 'failed'; message: string; kind: 'problem' | 'fault' }
  | { toolgrant: 'read-metrics'; id: number }
  | { toolgrant: 'measured'; id: number; snapshot: MetricsSnapshot };

/** Orders as they travel: secrets open, through a pipe that only the two processes hold. */
export function packOrders({ secrets, sealing, ...rest }: WorkerOrders): ToWorker {
  return { toolgrant: 'serve', orders: { ...rest, secrets: reveal(secrets), sealing: reveal(sealing) } };
}

/** Orders as they arrive; undefined for any other message. */
export function unpackOrders(message: unknown): WorkerOrders | undefined {
  const { toolgrant, orders } = (message ?? {}) as { toolgrant?: unknown; orders?: Packed };
  if (toolgrant !== 'serve' || !orders) return undefined;
  return { ...orders, secrets: wrap(orders.secrets) as Secrets, sealing: wrap(orders.sealing) as unknown as SealingSecrets };
}

type Open = Readonly<Record<string, string | readonly string[]>>;
type Packed = Omit<WorkerOrders, 'secrets' | 'sealing'> & { secrets: Open; sealing: Open };

function reveal(secrets: object): Open {
  const open = (value: Secret | readonly Secret[]) => (value instanceof Secret ? value.reveal() : value.map((one) => one.reveal()));
  return Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, open(value as Secret)]));
}

function wrap(open: Open): Record<string, Secret | Secret[]> {
  const close = (value: string | readonly string[]) =>
    typeof value === 'string' ? new Secret(value) : value.map((one) => new Secret(one));
  return Object.fromEntries(Object.entries(open).map(([name, value]) => [name, close(value)]));
}
