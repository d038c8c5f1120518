/** The one place where this library touches the outside world unasked: everything else is handed these. */

/** The part of `fetch` that the library uses. */
export type FetchLike = (
  url: string,
  init: {
    readonly method: 'GET' | 'POST';
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

/** The platform's `fetch`, looked up at each call so that a test may fake it. */
export const ambientFetch: FetchLike = (url, init) => globalThis.fetch(url, init);

/** The platform's clock. */
export const ambientNow = (): Date => new Date();

/** A name that nobody guesses and nothing else has. */
export const ambientId = (): string => globalThis.crypto.randomUUID().replaceAll('-', '');

/** Runs something later, unless the process or the runtime has ended before: waiting for it keeps neither alive. */
export function ambientLater(delayMs: number, run: () => void): void {
  AbortSignal.timeout(Math.ceil(delayMs)).addEventListener('abort', run, { once: true });
}
