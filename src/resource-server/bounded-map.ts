/** Settings of a {@link BoundedMap}. */
export interface BoundedMapOptions<V> {
  /** The largest sum of weights that is kept. */
  readonly maxWeight: number;
  /** What one value costs. Default: 1, so that `maxWeight` is a number of entries. */
  readonly weigh?: (value: V) => number;
}

/**
 * A map that forgets its oldest entries rather than grow without end. Reading does not renew an
 * entry: reads are the hot path, and everything kept here can be fetched again.
 */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #maxWeight: number;
  readonly #weigh: (value: V) => number;
  #weight = 0;
  /** Stands before the oldest entry. Begun anew each time, it would walk over all that was deleted before it. */
  #oldest: IterableIterator<K> | undefined;

  constructor(options: BoundedMapOptions<V>) {
    this.#maxWeight = options.maxWeight;
    this.#weigh = options.weigh ?? (() => 1);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** Keeps the value as the newest entry; one that is heavier than the whole map is not kept. */
  set(key: K, value: V): void {
    this.delete(key);
    const weight = this.#weigh(value);
    if (weight > this.#maxWeight) return;
    this.#entries.set(key, value);
    this.#weight += weight;
    while (this.#weight > this.#maxWeight) this.#deleteOldest();
  }

  delete(key: K): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#weight -= this.#weigh(value);
  }
  #deleteOldest(): void {
    this.#oldest ??= this.#entries.keys();
    const { done, value } = this.#oldest.next();
    // An iterator that came to the end stays there, whatever is added afterwards.
    if (done) this.#oldest = undefined;
    else this.delete(value);
  }
}
