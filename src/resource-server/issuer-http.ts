import type { FetchLike } from './ambient.ts';
import { readAtMost } from './bounded-read.ts';

/** Asks the issuer, within bounds: whatever it answers, memory and time stay limited. */
export interface IssuerHttp {
  /** The bytes of a 200 answer. Throws on every other status, redirects included. */
  get(url: string, options: GetOptions): Promise<Uint8Array>;
  /** The status and bytes of the answer to a POST, and its `Retry-After` where that is a number of seconds. */
  post(url: string, options: PostOptions): Promise<{ status: number; bytes: Uint8Array; retryAfterSeconds?: number }>;
}

export interface GetOptions {
  readonly accept: string;
  readonly maxBytes: number;
}

export interface PostOptions {
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Record<string, string>;
  readonly maxBytes: number;
}

/** Makes an {@link IssuerHttp} over a `fetch`; each request is given `timeoutMs`. */
export function createIssuerHttp(fetch: FetchLike, timeoutMs: number): IssuerHttp {
  return {
    async get(url, options) {
      const response = await fetch(url, {
        method: 'GET',
        headers: { accept: options.accept },
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new Error(`${url} answered ${response.status}.`);
      }
      return readBounded(response, options.maxBytes);
    },

    async post(url, options) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...options.headers, 'content-type': options.contentType, accept: 'application/json' },
        body: options.body,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const retryAfter = response.headers.get('retry-after') ?? '';
      return {
        status: response.status,
        bytes: await readBounded(response, options.maxBytes),
        ...(/^\d{1,6}$/.test(retryAfter) && { retryAfterSeconds: Number(retryAfter) }),
      };
    },
  };
}

/** Reads a stream or response body to its end; throws as soon as it is longer than `maxBytes`. */
export async function readBounded(source: { readonly body: ReadableStream<Uint8Array> | null }, maxBytes: number): Promise<Uint8Array> {
  const bytes = await readAtMost(source, maxBytes);
  if (bytes === undefined) throw new Error(`The answer is longer than ${maxBytes} bytes.`);
  return bytes;
}

/** Parses UTF-8 JSON that must be an object. */
export function parseJsonObject(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('The answer is not a JSON object.');
  }
  return value as Record<string, unknown>;
}
