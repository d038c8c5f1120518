/**
 * Spans by OpenTelemetry, sent by OTLP over HTTP. Loaded only where the settings name who gets them. Nothing is registered globally;
 * the queue is bounded, and what does not fit or does not arrive is thrown away: serving never waits for it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { type Attributes, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from '../logger.ts';
import { randomId } from '../random.ts';
import type { RequestFacts, SpanReference, TracedRequest, Tracing } from '../tracing.ts';
import { errorType, type OpenPart, type StartPart } from './parts.ts';
import { tracePool } from './trace-database.ts';
import { traceFetch } from './trace-outbound.ts';
import { tracePasswords } from './trace-passwords.ts';
import { watchExports } from './watch-exports.ts';

/** Who gets the spans, and how many. */
export interface OpenTelemetryOptions {
  /** The base of a collector's OTLP/HTTP; `/v1/traces` is below it. */
  endpoint: string;
  /** Sent along, for collectors that want to know who sends. */
  headers: Readonly<Record<string, string>>;
  serviceName: string;
  /** The product's. */
  version: string;
  /** Of the requests that begin a trace, from 0 to 1. */
  share: number;
  log: Logger;
}

/** Spans that wait to be sent; beyond it, the newest are thrown away. */
const maxQueued = 4_096;
const sendEveryMs = 2_000;
/** For one try to send, and for the last one on the way out. */
const sendTimeoutMs = 3_000;

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);

/** What is active: the span that new parts are below, and the request that all of them are about. */
interface Active {
  span: Span;
  request: TracedFate;
}

interface TracedFate {
  span: Span;
  /** The type of what went wrong with us. */
  fault?: string;
}

/** Makes the tracing of a process. */
export function createTracing(options: OpenTelemetryOptions): Tracing {
  const { provider, stop } = openProvider(options);
  const tracer = provider.getTracer('toolgrant', options.version);
  const active = new AsyncLocalStorage<Active>();
  const startPart: StartPart = (name, { kind, attributes }) => {
    const around = active.getStore();
    if (!around?.span.isRecording()) return undefined;
    const about = { kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL, ...(attributes && { attributes: { ...attributes } }) };
    const span = tracer.startSpan(name, about, trace.setSpan(ROOT_CONTEXT, around.span));
    return openPart(span, (work) => active.run({ span, request: around.request }, work));
  };
  return {
    isOn: true,
    startRequest: (about) => {
      const span = startRequestSpan(tracer, about);
      const request: TracedFate = { span };
      return {
        traceId: span.spanContext().traceId,
        run: (work) => active.run({ span, request }, work),
        end: (facts) => endRequest(request, about.method, facts),
      };
    },
    noteFault: (error) => {
      const request = active.getStore()?.request;
      if (request) request.fault = errorType(error);
    },
    traceId: () => active.getStore()?.span.spanContext().traceId,
    tracePool: (pool) => tracePool(pool, startPart),
    traceFetch: (fetch, profile) => traceFetch(fetch, startPart, { tellsHost: profile === 'admin' }),
    tracePasswords: (passwords) => tracePasswords(passwords, startPart),
    close: stop,
  };
}

function openProvider(options: OpenTelemetryOptions): { provider: TracerProvider; stop: () => Promise<void> } {
  const { endpoint, headers, serviceName, version, share, log } = options;
  const agent = new (endpoint.startsWith('https:') ? TlsAgent : Agent)({ keepAlive: true });
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: { ...headers },
    timeoutMillis: sendTimeoutMs,
    concurrencyLimit: 4,
    httpAgentOptions: () => agent,
    userAgent: `toolgrant/${version}`,
  });
  const described = { 'service.name': serviceName, 'service.version': version, 'service.instance.id': randomId('prc_') };
  const provider = new TracerProvider({
    resource: defaultResource().merge(resourceFromAttributes(described)),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: watchExports(exporter, log),
        maxQueueSize: maxQueued,
        scheduledDelayMillis: sendEveryMs,
        exportTimeoutMillis: sendTimeoutMs + 1_000,
      }),
    ],
  });
  const stop = async () => {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, sendTimeoutMs);
    // What went wrong was logged when it did.
    await Promise.race([provider.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
    // A collector that neither answers nor hangs up would keep the process.
    agent.destroy();
  };
  return { provider, stop };
}

function startRequestSpan(tracer: Tracer, { method, caller, continuesCaller }: TracedRequest): Span {
  const theirs = caller && spanContextOf(caller);
  const isParent = theirs !== undefined && continuesCaller;
  return tracer.startSpan(
    closedMethod(method),
    {
      kind: SpanKind.SERVER,
      attributes: { 'http.request.method': closedMethod(method) },
      ...(theirs && !isParent && { links: [{ context: theirs }] }),
    },
    isParent ? trace.setSpanContext(ROOT_CONTEXT, theirs) : ROOT_CONTEXT,
  );
}

/** Without `tracestate`: it is text of whoever sent it. */
function spanContextOf({ traceId, spanId, isSampled }: SpanReference) {
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
}

function closedMethod(method: string): string {
  return methods.has(method) ? method : '_OTHER';
}

function endRequest({ span, fault }: TracedFate, method: string, facts: RequestFacts): void {
  const { route, status, requestId, isSecure, tenant, aborted } = facts;
  const attributes: Attributes = {
    'http.route': route,
    'http.response.status_code': status,
    'toolgrant.request_id': requestId,
    ...(isSecure !== undefined && { 'url.scheme': isSecure ? 'https' : 'http' }),
    ...(tenant !== undefined && { 'toolgrant.tenant': tenant }),
    ...(aborted && { 'toolgrant.aborted': true }),
  };
  span.updateName(`${closedMethod(method)} ${route}`);
  span.setAttributes(attributes);
  if (status >= 500) {
    if (fault !== undefined) span.addEvent('exception', { 'exception.type': fault });
    span.setAttribute('error.type', fault ?? String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

function openPart(span: Span, run: OpenPart['run']): OpenPart {
  return {
    run,
    end: ({ error, attributes } = {}) => {
      if (attributes) span.setAttributes(attributes);
      if (error !== undefined) {
        span.setAttribute('error.type', errorType(error));
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}
