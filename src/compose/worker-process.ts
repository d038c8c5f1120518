/** The program of a worker: serves what the primary process orders, until that one says stop or is gone. */
import { boundHeap } from './bound-heap.ts';
import { openMetrics } from './open-metrics.ts';
import { openTracing } from './open-tracing.ts';
import type { FromWorker, ToWorker, WorkerOrders } from './worker-messages.ts';

/** The ones that a terminal or a service manager sends to all processes: the primary decides what they mean. */
const leftToThePrimary = ['SIGINT', 'SIGHUP'] as const;

boundHeap();
for (const signal of leftToThePrimary) process.on(signal, () => undefined);
// Nobody else would see to a worker whose primary is gone: it ends at once, whatever it is at. Node means to end it by `process.exit`
// when the channel between them closes, which fails when the exit is thrown out of a handler that writes to a pipe without a reader, and
// can hang while it tidies up; so this comes before that, and looks besides.
const end = () => process.kill(process.pid, 'SIGKILL');
process.prependListener('disconnect', end);
const primary = process.ppid;
setInterval(() => (process.ppid === primary ? undefined : end()), 250).unref();
process.once('message', (message) => void work(message));

async function work(message: unknown): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  process.on('message', (next: ToWorker) => (next.toolgrant === 'stop' ? stopped.resolve() : undefined));
  process.on('SIGTERM', () => stopped.resolve());
  const { unpackOrders } = await import('./worker-messages.ts');
  const orders = unpackOrders(message);
  if (!orders) throw new Error('a worker was started without orders');
  try {
    const close = await serve(orders);
    await stopped.promise;
    await close();
    process.exit(0);
  } catch (error) {
    await fail(error, orders);
  }
}

async function serve({ config, sealing, ...orders }: WorkerOrders): Promise<() => Promise<void>> {
  const [{ compose }, { createLogger }] = await Promise.all([import('../compose.ts'), import('../platform/logger.ts')]);
  const log = createLogger({ level: orders.logLevel }).child({ worker: orders.number });
  process.on('uncaughtExceptionMonitor', (error) => log.fatal({ error }, 'the worker ends by a fault'));
  const measured = await openMetrics(orders.secrets, async (metrics) => (await import('./worker-metrics.ts')).shareMetrics(metrics));
  const traced = await openTracing({ config, secrets: orders.secrets, log });
  const composition = await compose({ config, secrets: sealing, databaseUrl: orders.databaseUrl, log, ...measured, ...traced });
  try {
    const listening = await composition.listen(orders.certificate);
    process.on('message', (next: ToWorker) => {
      if (next.toolgrant === 'certificate') listening.useCertificate(next.certificate);
    });
    tell({ toolgrant: 'listening', port: listening.port, addresses: listening.addresses });
    return () => composition.close();
  } catch (error) {
    await composition.close();
    throw error;
  }
}

async function fail(error: unknown, settings: WorkerOrders): Promise<void> {
  const { explainStartError } = await import('./explain-start.ts');
  const problem = explainStartError(error, settings);
  const message = problem?.message ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.send?.({ toolgrant: 'failed', kind: problem ? 'problem' : 'fault', message } satisfies FromWorker, () => process.exit(1));
}

function tell(message: FromWorker): void {
  process.send?.(message);
}
