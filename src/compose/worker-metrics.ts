/**
 * One text of metrics for several processes: whichever worker is asked asks the primary, which asks all workers, adds its own, and
 * answers. A worker that does not answer in time is left out.
 */
import { addUp, type MetricsSnapshot, type ProcessMetrics } from '../platform/prometheus.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

const patienceMs = 3_000;

/** The primary's end of a worker's line. */
export interface WorkerLine {
  send(message: ToWorker): void;
  onMessage(listener: (message: FromWorker) => void): () => void;
}

/** In the primary: reads what all processes measured. */
export function createMetricsReader(own: ProcessMetrics, lines: () => readonly WorkerLine[]): () => Promise<string> {
  let lastId = 0;
  return async () => {
    lastId += 1;
    const id = lastId;
    const theirs = await Promise.all(lines().map((line) => measure(line, id)));
    return addUp([await own.snapshot(), ...theirs.filter((snapshot) => snapshot !== undefined)]);
  };
}

function measure(line: WorkerLine, id: number): Promise<MetricsSnapshot | undefined> {
  return new Promise((resolve) => {
    const end = (snapshot?: MetricsSnapshot) => {
      clearTimeout(timer);
      stopListening();
      resolve(snapshot);
    };
    const timer = setTimeout(end, patienceMs);
    const stopListening = line.onMessage((message) => {
      if (message.toolgrant === 'measured' && message.id === id) end(message.snapshot);
    });
    line.send({ toolgrant: 'measure', id });
  });
}

/** In a worker: answers the primary, and reads through it what all processes measured. */
export function shareMetrics(own: ProcessMetrics): () => Promise<string> {
  const tell = (message: FromWorker) => void process.send?.(message);
  const reading = new Map<number, (text: string) => void>();
  let lastId = 0;
  process.on('message', (message: ToWorker) => {
    if (message.toolgrant === 'measure') void own.snapshot().then((snapshot) => tell({ toolgrant: 'measured', id: message.id, snapshot }));
    if (message.toolgrant === 'metrics') reading.get(message.id)?.(message.text);
  });
  return () => {
    lastId += 1;
    const id = lastId;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => reject(new Error('the primary process did not say what was measured')), 2 * patienceMs);
    reading.set(id, resolve);
    tell({ toolgrant: 'read-metrics', id });
    return promise.finally(() => {
      clearTimeout(timer);
      reading.delete(id);
    });
  };
}
