/** How long something fetched from the issuer serves, judged by its age when it is needed. */
export interface KeptDocumentOptions<T> {
  readonly load: () => Promise<T>;
  readonly now: () => Date;
  /** Up to this age it is used without asking again. */
  readonly freshSeconds: number;
  /** Up to this age it is still used when asking again fails. */
  readonly usableSeconds: number;
  /** After a failure, how long nobody asks again. */
  readonly retrySeconds: number;
}

/**
 * One document of the issuer, fetched when it is needed and too old. There are no timers, because
 * edge runtimes have none; any number of callers share one fetch.
 */
export interface KeptDocument<T> {
  /** The document when it is fresh, without waiting; undefined means: call `get`. */
  peek(): T | undefined;
  /** The document, fetched first when it is not fresh. Rejects when there is none that is usable. */
  get(): Promise<T>;
  /** Fetches again unless that was tried within `minIntervalSeconds`. Rejects when it fails or failed. */
  refresh(minIntervalSeconds: number): Promise<T>;
}

/** Makes a {@link KeptDocument}. Nothing is fetched until it is needed. */
export function keepDocument<T>(options: KeptDocumentOptions<T>): KeptDocument<T> {
  let kept: { readonly value: T; readonly fetchedAtMs: number } | undefined;
  let failed: { readonly error: unknown; readonly atMs: number } | undefined;
  let triedAtMs: number | undefined;
  let loading: Promise<T> | undefined;

  const nowMs = (): number => options.now().getTime();
  // A clock that was set back says nothing about an age; taken for young, a revoked token would count until it caught up.
  function isYounger(sinceMs: number, seconds: number): boolean {
    const ageMs = nowMs() - sinceMs;
    return ageMs >= 0 && ageMs <= seconds * 1000;
  }

  function load(): Promise<T> {
    loading ??= start().finally(() => {
      loading = undefined;
    });
    return loading;
  }

  async function start(): Promise<T> {
    // The age counts from before the request: what changed while it travelled may not be in it.
    const startedAtMs = nowMs();
    triedAtMs = startedAtMs;
    try {
      const value = await options.load();
      kept = { value, fetchedAtMs: startedAtMs };
      failed = undefined;
      return value;
    } catch (error) {
      failed = { error, atMs: nowMs() };
      throw error;
    }
  }

  function peek(): T | undefined {
    if (kept === undefined || !isYounger(kept.fetchedAtMs, options.freshSeconds)) return undefined;
    return kept.value;
  }

  async function get(): Promise<T> {
    const fresh = peek();
    if (fresh !== undefined) return fresh;
    try {
      if (failed !== undefined && isYounger(failed.atMs, options.retrySeconds)) throw failed.error;
      return await load();
    } catch (error) {
      if (kept !== undefined && Math.abs(nowMs() - kept.fetchedAtMs) <= options.usableSeconds * 1000) return kept.value;
      throw error;
    }
  }

  async function refresh(minIntervalSeconds: number): Promise<T> {
    if (loading !== undefined) return loading;
    if (triedAtMs === undefined || !isYounger(triedAtMs, minIntervalSeconds)) return load();
    if (failed !== undefined) throw failed.error;
    return get();
  }

  return { peek, get, refresh };
}
