/**
 * What happened while a request was answered, for those who watch: a span for the request, and below it one for each statement,
 * password and request to others. Spans carry names and codes of ours alone: no URL, no value, no text of a stranger.
 */
import type { Pool } from 'pg';
import type { GuardedFetch } from './guarded-fetch.ts';
import type { OutboundProfile } from './outbound-address.ts';
import type { PasswordHasher } from './passwords.ts';

/** The tracing of one process. */
export interface Tracing {
  /** Whether anybody gets the spans; where not, none are made, and what makes them is not loaded. */
  isOn: boolean;
  /** Begins the span of a request. Duty of the caller: `end` it. */
  startRequest(about: TracedRequest): RequestSpan;
  /** Notes on the request that is being answered why it fails with us: the error's type and code, never its message. */
  noteFault(error: unknown): void;
  /** The trace that the present work belongs to. */
  traceId(): string | undefined;
  /** From now on, statements are spans of the request that sends them. */
  tracePool(pool: Pool): void;
  /** `profile`: the one it was made with; where strangers say where requests go, spans do not. */
  traceFetch(fetch: GuardedFetch, profile: OutboundProfile): GuardedFetch;
  tracePasswords(passwords: PasswordHasher): PasswordHasher;
  /** Sends what waits to be sent, for at most a few seconds; nothing is kept after. Never throws. */
  close(): Promise<void>;
}

/** What is known when a request comes in. */
export interface TracedRequest {
  method: string;
  /** Of `traceparent`, whoever sent it. */
  caller?: SpanReference | undefined;
  /** Whether the caller's span is the parent of ours; else ours begins a trace of its own and links to it. */
  continuesCaller: boolean;
}

/** A span of somebody else (W3C Trace Context). */
export interface SpanReference {
  traceId: string;
  spanId: string;
  isSampled: boolean;
}

/** The span of one request. */
export interface RequestSpan {
  readonly traceId?: string;
  /** Whatever is begun within belongs to the request, however late it ends. */
  run<Result>(work: () => Result): Result;
  end(facts: RequestFacts): void;
}

/** What is known when a request was answered. */
export interface RequestFacts {
  /** The route's name. */
  route: string;
  status: number;
  requestId: string;
  /** Whether the tenant is reached by https; unknown where there is none. */
  isSecure?: boolean | undefined;
  /** Its slug. */
  tenant?: string | undefined;
  /** The caller left before the answer was out. */
  aborted: boolean;
}

/** Makes no spans, where nobody gets them. */
export const noTracing: Tracing = {
  isOn: false,
  startRequest: () => ({ run: (work) => work(), end: () => {} }),
  noteFault: () => {},
  traceId: () => undefined,
  tracePool: () => {},
  traceFetch: (fetch) => fetch,
  tracePasswords: (passwords) => passwords,
  close: async () => {},
};

/** Reads a `traceparent` header; undefined for what is none. */
export function readTraceparent(header: string | undefined): SpanReference | undefined {
  // Later versions may add parts behind the four that this one has.
  const [, version, traceId = '', spanId = '', flags = '', more] =
    /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(header ?? '') ?? [];
  if (version === undefined || (version === '00' && more !== undefined)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
