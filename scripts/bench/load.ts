/**
 * The load generator: a fixed number of keep-alive connections, each of which sends its next request as soon as the last one
 * is answered. It says how many requests were answered and how long they took; it does not know what they mean.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Dispatcher } from 'undici';
import { percentile } from './statistics.ts';

/** One request. */
export interface LoadRequest {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** What one connection sends. */
export interface Lane {
  /** The status that counts as an answer; another one is a failure. */
  expectedStatus: number;
  /** The next request; undefined when there is nothing left to send. */
  next(): LoadRequest | undefined;
  /** Is given the body of an expected answer, where the next request depends on it. */
  answered?(body: string): void;
}

/** What was seen in the measured time. */
export interface LoadResult {
  requests: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  failures: number;
  /** Status and body of the first failure. */
  firstFailure?: string;
}

/** How long, and who is told when the measured time begins and ends. */
export interface LoadTiming {
  warmUpMs: number;
  measuredMs: number;
  onBegin?: () => void;
  onEnd?: () => void;
}

/** Sends the lanes' requests to one origin, and returns when all that were sent are answered. */
export async function runLoad(origin: string, lanes: readonly Lane[], timing: LoadTiming): Promise<LoadResult> {
  const run = new Run();
  const clients = lanes.map(() => new Client(origin, { pipelining: 1, keepAliveTimeout: 60_000, headersTimeout: 30_000 }));
  try {
    const done = Promise.all(lanes.map((lane, place) => new Sender(run, lane, clients[place] as Client).start()));
    await waitUnlessDone(timing.warmUpMs, done);
    timing.onBegin?.();
    run.begin();
    await waitUnlessDone(timing.measuredMs, done);
    run.end();
    timing.onEnd?.();
    await done;
    return run.result();
  } finally {
    await Promise.all(clients.map((client) => client.destroy()));
  }
}

async function waitUnlessDone(delayMs: number, done: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([sleep(delayMs, undefined, { signal: timer.signal }).catch(() => undefined), done]);
  timer.abort();
}

/** What all connections of one measurement share. */
class Run {
  readonly #latenciesMs: number[] = [];
  #beganAt = Number.NaN;
  #endedAt = Number.NaN;
  #failures = 0;
  #firstFailure: string | undefined;
  isEnded = false;

  begin(): void {
    this.#beganAt = performance.now();
  }

  end(): void {
    this.#endedAt = performance.now();
    this.isEnded = true;
  }

  /** An expected answer came; it counts when it came within the measured time. */
  answered(sentAt: number): void {
    if (this.isEnded || Number.isNaN(this.#beganAt)) return;
    this.#latenciesMs.push(performance.now() - sentAt);
  }

  failed(what: string): void {
    this.#failures += 1;
    this.#firstFailure ??= what;
  }

  result(): LoadResult {
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    return {
      requests: sorted.length,
      seconds: (this.#endedAt - this.#beganAt) / 1_000,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      failures: this.#failures,
      ...(this.#firstFailure !== undefined && { firstFailure: this.#firstFailure }),
    };
  }
}

/** One connection. Callbacks rather than promises: the generator must stay cheaper than what it measures. */
class Sender implements Dispatcher.DispatchHandler {
  readonly #run: Run;
  readonly #lane: Lane;
  readonly #client: Client;
  readonly #finished = Promise.withResolvers<void>();
  #sentAt = 0;
  #status = 0;
  #chunks: Buffer[] = [];

  constructor(run: Run, lane: Lane, client: Client) {
    this.#run = run;
    this.#lane = lane;
    this.#client = client;
  }

  start(): Promise<void> {
    this.#send();
    return this.#finished.promise;
  }

  #send(): void {
    const request = this.#run.isEnded ? undefined : this.#lane.next();
    if (!request) {
      this.#finished.resolve();
      return;
    }
    this.#sentAt = performance.now();
    this.#chunks = [];
    this.#client.dispatch(request, this);
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const { expectedStatus } = this.#lane;
    if (this.#status === expectedStatus) {
      this.#run.answered(this.#sentAt);
      this.#lane.answered?.(this.#body());
    } else {
      this.#run.failed(`${this.#status}: ${this.#body().slice(0, 500)}`);
    }
    this.#send();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#run.failed(error.message);
    // A server that is gone fails every request at once; the pause keeps the loop from spinning.
    void sleep(50).then(() => this.#send());
  }

  #body(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}
