/**
 * The primary's side of several processes on one port. It takes connections and deals them out in turn (`node:cluster`), so that
 * few long-lived connections are shared evenly too, a port in use is an error as it is without workers, and a worker that ends
 * takes no waiting connection with it. It serves nothing itself.
 */
import cluster, { type Worker } from 'node:cluster';
import { getCompileCacheDir } from 'node:module';
import { dirname, extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CertificatePair } from '../config/certificate.ts';
import type { Logger } from '../platform/logger.ts';
import type { ProcessMetrics } from '../platform/prometheus.ts';
import type { LogOutput } from './process-log.ts';
import { StartProblem } from './start-problem.ts';
import { type FromWorker, packOrders, type ToWorker, type WorkerOrders } from './worker-messages.ts';
import { createMetricsReader, type WorkerLine } from './worker-metrics.ts';

/** Workers that serve. */
export interface Workers {
  port: number;
  addresses: readonly string[];
  /** For new connections, of workers that are started later too. */
  useCertificate(pair: CertificatePair): void;
  /** Lets all of them finish what is under way; ends those that do not in time. Safe to call twice. */
  stop(): Promise<void>;
}

/** What is started. */
export interface WorkersRequest {
  count: number;
  orders: Omit<WorkerOrders, 'number'>;
  log: Logger;
  /** This process's own measurements; absent: nobody reads any. */
  metrics?: ProcessMetrics;
  /** Is given the lines of the workers' logs, and what they write to standard error. */
  output: LogOutput;
}

const shortestPauseMs = 100;
const longestPauseMs = 10_000;
/** A worker that ran this long is not in a loop of failing. */
const calmMs = 60_000;
/** What a worker is given to end, beside its own deadline and the delay before it. */
const endGraceMs = 20_000;

/**
 * What can be said only when a process is started; what this process was told comes after it, and counts. Node lets the part of the
 * heap that new objects are made in grow to 128 MB, and has four threads beside each process: one looks through the rest of the heap,
 * and one compiles, which is enough where each core has its worker.
 */
const heapBounds = ['--max-semi-space-size=8', '--v8-pool-size=2', '--concurrent-marking-max-worker-num=1'];

/**
 * Starts the first worker, then the others; a failure of the first is everybody's and is told once. From then on a worker that
 * ends is started again, after a pause that grows while it goes on failing. Throws `StartProblem`, or whatever kept one from serving.
 */
export async function startWorkers({ count, orders, ...request }: WorkersRequest): Promise<Workers> {
  const { log } = request;
  const stopping = new AbortController();
  const running = new Set<RunningWorker>();
  /** Those of them that listen. */
  const serving = new Set<RunningWorker>();
  let { certificate } = orders;
  cluster.setupPrimary({
    // The same file type as this one: sources, or what they were built to.
    exec: fileURLToPath(new URL(`./worker-process${extname(import.meta.url)}`, import.meta.url)),
    args: [],
    execArgv: [...heapBounds, ...process.execArgv],
    silent: true,
  });
  const readMetrics = request.metrics && createMetricsReader(request.metrics, () => [...serving]);
  const launch = (number: number): RunningWorker => {
    const given = certificate;
    const worker = launchWorker({ ...orders, ...(given && { certificate: given }), number }, request);
    running.add(worker);
    worker.onMessage((message) => {
      if (message.toolgrant !== 'read-metrics') return;
      const { id } = message;
      void readMetrics?.().then((text) => worker.send({ toolgrant: 'metrics', id, text }));
    });
    void worker.ended.then(() => running.delete(worker) && serving.delete(worker));
    worker.listening.then(
      () => serving.add(worker),
      () => undefined,
    );
    // One that was replaced while the worker started.
    const catchUp = () => (certificate && certificate !== given ? worker.send({ toolgrant: 'certificate', certificate }) : undefined);
    worker.listening.then(catchUp, () => undefined);
    return worker;
  };
  const stop = async () => {
    stopping.abort();
    const all = [...running];
    for (const worker of all) worker.stop();
    const guard = setTimeout(() => {
      for (const worker of running) worker.kill();
    }, orders.config.listen.shutdownDelayMs + endGraceMs);
    await Promise.all(all.map((worker) => worker.ended));
    clearTimeout(guard);
  };
  try {
    const first = launch(1);
    const listening = await first.listening;
    const others = Array.from({ length: count - 1 }, (_, index) => launch(index + 2));
    await Promise.all(others.map((worker) => worker.listening));
    for (const worker of [first, ...others]) void keepRunning(worker, { launch, log, stopping: stopping.signal });
    return {
      ...listening,
      stop,
      useCertificate: (pair) => {
        certificate = pair;
        for (const worker of running) worker.send({ toolgrant: 'certificate', certificate: pair });
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface RunningWorker extends WorkerLine {
  number: number;
  /** Rejects when it ends before it listens. */
  listening: Promise<{ port: number; addresses: readonly string[] }>;
  /** Settles when its process is gone. */
  ended: Promise<{ code: number | null; signal: string | null }>;
  stop(): void;
  kill(): void;
}

function launchWorker(orders: WorkerOrders, { output }: Pick<WorkersRequest, 'output'>): RunningWorker {
  const cache = getCompileCacheDir();
  const worker = cluster.fork(cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) });
  const listening = Promise.withResolvers<{ port: number; addresses: readonly string[] }>();
  worker.on('message', (message: FromWorker) => {
    if (message.toolgrant === 'listening') listening.resolve({ port: message.port, addresses: message.addresses });
    if (message.toolgrant === 'failed')
      listening.reject(message.kind === 'problem' ? new StartProblem(message.message) : new Error(message.message));
  });
  const passing = [passLines(worker, 'stdout', output.log), passLines(worker, 'stderr', output.error)];
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    const end = async (code: number | null, signal: string | null) => {
      await Promise.all(passing);
      listening.reject(new Error(`worker ${orders.number} ended (${signal ?? code}) before it served`));
      resolve({ code, signal });
    };
    worker.once('exit', (code, signal) => void end(code, signal));
    worker.once('error', () => worker.process.pid ?? void end(null, 'not started'));
  });
  // A worker that is on its way out may take no message any more; its end is seen above.
  const send = (message: ToWorker) => (worker.isConnected() ? void worker.send(message, () => undefined) : undefined);
  send(packOrders(orders));
  return {
    number: orders.number,
    listening: listening.promise,
    ended,
    send,
    onMessage: (listener) => {
      worker.on('message', listener);
      return () => void worker.off('message', listener);
    },
    stop: () => send({ toolgrant: 'stop' }),
    kill: () => void worker.process.kill('SIGKILL'),
  };
}

/** Hands on whole lines only: what several processes write is not mixed. A last one without an end gets one. */
function passLines(worker: Worker, name: 'stdout' | 'stderr', onLines: (text: string) => void): Promise<void> {
  const stream = worker.process[name];
  if (!stream) return Promise.resolve();
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const text = rest + chunk;
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    if (end > 0) onLines(text.slice(0, end));
  });
  return new Promise((resolve) => {
    stream.once('close', () => {
      if (rest !== '') onLines(`${rest}\n`);
      resolve();
    });
  });
}

interface Supervision {
  launch(number: number): RunningWorker;
  log: Logger;
  stopping: AbortSignal;
}

async function keepRunning(first: RunningWorker, { launch, log, stopping }: Supervision): Promise<void> {
  let worker = first;
  let servingSince = performance.now();
  for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const { code, signal } = await worker.ended;
    if (stopping.aborted) return;
    const { number } = worker;
    if (performance.now() - servingSince > calmMs) pauseMs = shortestPauseMs;
    // One that was sent SIGTERM by an operator finished what it had, and ended in order.
    if (code === 0) log.info({ worker: number }, 'a worker was told to stop; another takes its place');
    else log.error({ worker: number, exitCode: code, signal, pauseMs }, 'a worker ended by itself; it is started again');
    await sleep(pauseMs, undefined, { signal: stopping, ref: false }).catch(() => undefined);
    if (stopping.aborted) return;
    worker = launch(number);
    servingSince = performance.now();
    try {
      await worker.listening;
      log.info({ worker: number }, 'a worker serves again');
    } catch (error) {
      if (!stopping.aborted) log.error({ worker: number, error }, 'a worker could not start');
    }
  }
}
