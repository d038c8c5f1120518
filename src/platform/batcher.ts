import { AsyncResource } from 'node:async_hooks';

/** How calls are gathered. */
export interface BatcherOptions<Item, Result> {
  /** Does the work for all of them at once; the results in the order of the items. It runs in the context of none, or of any. */
  run: (items: readonly Item[], contexts: readonly AsyncResource[]) => Promise<readonly Result[]>;
  /** The most that go together. */
  maxItems: number;
  /** So many runs at a time; while they last, what comes waits and goes together. */
  maxRuns: number;
  /** Longest that anything is held for that reason, in milliseconds: after it one run more is begun. */
  maxHoldMs: number;
  /** Whether a run that failed with this has done nothing for anyone, and the reason may be one item alone: then each is run by itself. */
  mayBeOfOne: (error: unknown) => boolean;
}

interface Waiting<Item, Result> {
  item: Item;
  /** What its caller is doing. */
  context: AsyncResource;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Makes one call of those that come in the same turn of the event loop, or while enough are under way, so that what each costs beside
 * its own work is shared. A single one goes at the end of its turn; nothing waits for others to come. What is wrong with one item is
 * the caller's of that item alone to hear.
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #runs = 0;
  #isDue = false;
  #hold: NodeJS.Timeout | undefined;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  /** Resolves with what came out for this item. */
  add(item: Item): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#waiting.push({ item, context: new AsyncResource('batched'), resolve, reject });
    if (!this.#isDue) {
      this.#isDue = true;
      setImmediate(() => {
        this.#isDue = false;
        this.#begin();
      });
    }
    return promise;
  }

  #begin(): void {
    const { maxItems, maxRuns, maxHoldMs } = this.#options;
    while (this.#waiting.length >= maxItems || (this.#waiting.length > 0 && this.#runs < maxRuns)) void this.#run(maxItems);
    if (this.#waiting.length === 0) return;
    this.#hold ??= setTimeout(() => {
      this.#hold = undefined;
      if (this.#waiting.length > 0) void this.#run(maxItems);
    }, maxHoldMs);
  }

  async #run(maxItems: number): Promise<void> {
    const batch = this.#waiting.splice(0, maxItems);
    if (this.#waiting.length === 0 && this.#hold) {
      clearTimeout(this.#hold);
      this.#hold = undefined;
    }
    this.#runs += 1;
    try {
      await this.#settle(batch);
    } finally {
      this.#runs -= 1;
      if (this.#waiting.length > 0) this.#begin();
    }
  }

  async #settle(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const { run, mayBeOfOne } = this.#options;
    try {
      const [items, contexts] = [batch.map(({ item }) => item), batch.map(({ context }) => context)];
      const results = await run(items, contexts);
      for (const [place, { resolve }] of batch.entries()) resolve(results[place] as Result);
    } catch (error) {
      if (batch.length > 1 && mayBeOfOne(error)) await Promise.all(batch.map((one) => this.#settle([one])));
      else for (const { reject } of batch) reject(error);
    }
  }
}
