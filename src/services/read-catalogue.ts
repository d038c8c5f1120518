/**
 * Reads the catalogue of an MCP server with the official client: `tools/list`, all pages, old revisions of the protocol and new.
 * The server is a stranger: requests go through the guarded fetch, and pages, tools, bytes and time are bounded here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientCapabilities, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { catalogueBounds, type ReadTools, readTools } from '../domain/read-tools.ts';
import { type GuardedFetch, OutboundFailure } from '../platform/guarded-fetch.ts';

/** Why a catalogue could not be read. */
export interface CatalogueProblem {
  reason: /** No answer: name, address, connection, TLS, time. */
    | 'unreachable'
    /** It may not be asked: its address is one that requests are not sent to. */
    | 'not-allowed'
    /** It wants other credentials than it was given. */
    | 'unauthorized'
    /** It answers, but not as an MCP server does. */
    | 'not-mcp'
    /** More pages, tools or bytes than any catalogue needs. */
    | 'too-large';
  /** For the operator: what happened, in a clause without an end. May hold the server's own words. */
  detail: string;
}

/** A catalogue, or why it could not be read. */
export type CatalogueReading = { ok: true; catalogue: ReadTools } | { ok: false; problem: CatalogueProblem };

/** How a server is asked. */
export interface CatalogueRequest {
  resource: string;
  fetch: GuardedFetch;
  /** Sent along with every request. */
  headers?: Readonly<Record<string, string>>;
  /** Makes a token to show to a server that answers 401. Not asked where `headers` has an `authorization`. */
  issueToken?: () => Promise<string>;
  /** Gives up. */
  signal?: AbortSignal;
}

const bounds = { maxPages: 200, maxBytes: 32 * 1024 * 1024, totalMs: 60_000, requestMs: 20_000, goodbyeMs: 1_000 } as const;

type Sdk = typeof import('@modelcontextprotocol/client');

/** The official client is a tenth of everything that would be loaded at the start; most processes never read a catalogue. */
const loadSdk = (): Promise<Sdk> => import('@modelcontextprotocol/client');

/**
 * Everything that a client can say it is able to do: servers list some tools only to clients that could serve them, and what is not
 * in the catalogue nobody can allow. The reader calls no tool, so that nothing of it is ever asked for; what is, gets an error.
 */
const capabilities: ClientCapabilities = {
  roots: {},
  sampling: { tools: {}, context: {} },
  elicitation: { form: {}, url: {} },
  tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
};

/** Reads a catalogue: first as anybody, and if the server wants a token, once more with one. */
export async function readCatalogue(request: CatalogueRequest): Promise<CatalogueReading> {
  const timeout = AbortSignal.timeout(bounds.totalMs);
  const deadline = request.signal ? AbortSignal.any([timeout, request.signal]) : timeout;
  const hasOwn = Object.keys(request.headers ?? {}).some((name) => name.toLowerCase() === 'authorization');
  const first = await tryToRead(request, { deadline });
  const { issueToken } = request;
  if (first.ok || first.problem.reason !== 'unauthorized' || hasOwn || !issueToken) return first;
  return tryToRead(request, { deadline, issueToken });
}

/** Leaves the reading with what is wrong. */
class Unreadable extends Error {
  readonly reason: CatalogueProblem['reason'];
  constructor(reason: CatalogueProblem['reason'], detail: string) {
    super(detail);
    this.reason = reason;
  }
}

async function tryToRead(
  request: CatalogueRequest,
  { deadline, issueToken }: { deadline: AbortSignal; issueToken?: () => Promise<string> },
): Promise<CatalogueReading> {
  const sdk = await loadSdk();
  const watch = watchAnswers(request.fetch, deadline);
  const client = new sdk.Client({ name: 'toolgrant', version: '1' }, { capabilities, versionNegotiation: { mode: 'auto' } });
  // What goes wrong reaches us through the request that it concerns.
  client.onerror = () => undefined;
  const transport = new sdk.StreamableHTTPClientTransport(new URL(request.resource), {
    fetch: watch.fetch,
    requestInit: { headers: { ...request.headers } },
    reconnectionOptions: { maxRetries: 0, initialReconnectionDelay: 1_000, maxReconnectionDelay: 1_000, reconnectionDelayGrowFactor: 1 },
    ...(issueToken && { authProvider: { token: issueToken } }),
  });
  try {
    const options = { signal: deadline, timeout: bounds.requestMs, maxTotalTimeout: bounds.requestMs };
    await client.connect(transport, options);
    const entries = client.getServerCapabilities()?.tools ? await readPages(client, options) : [];
    await sayGoodbye(transport);
    return { ok: true, catalogue: readTools(entries) };
  } catch (error) {
    return { ok: false, problem: explain(error, { sdk, watch, deadline }) };
  } finally {
    await client.close().catch(() => undefined); // it may never have opened
  }
}

/** Servers of older revisions keep a session until they are told. Whether they hear it changes nothing, so nobody waits for long. */
async function sayGoodbye(transport: StreamableHTTPClientTransport): Promise<void> {
  if (transport.sessionId === undefined) return;
  const waited = new AbortController();
  const told = transport.terminateSession().catch(() => undefined);
  await Promise.race([told, sleep(bounds.goodbyeMs, undefined, { signal: waited.signal }).catch(() => undefined)]);
  waited.abort();
}

async function readPages(client: Client, options: { signal: AbortSignal; timeout: number }): Promise<unknown[]> {
  const entries: unknown[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < bounds.maxPages; page += 1) {
    const result = await client.request({ method: 'tools/list', ...(cursor !== undefined && { params: { cursor } }) }, options);
    if (entries.length + result.tools.length > catalogueBounds.maxTools) {
      throw new Unreadable('too-large', `it lists more than ${catalogueBounds.maxTools} tools`);
    }
    entries.push(...result.tools);
    cursor = result.nextCursor;
    if (cursor === undefined || cursor === '') return entries;
    if (seen.has(cursor)) throw new Unreadable('not-mcp', 'its list of tools goes round in a circle');
    seen.add(cursor);
  }
  throw new Unreadable('too-large', `its list of tools has more than ${bounds.maxPages} pages`);
}

/** What the answers told, whatever the client made of them. */
interface AnswerWatch {
  fetch: (input: string | URL, init?: RequestInit) => Promise<Response>;
  isUnauthorized: boolean;
  failure?: OutboundFailure | Unreadable;
}

function watchAnswers(guarded: GuardedFetch, deadline: AbortSignal): AnswerWatch {
  let bytesLeft = bounds.maxBytes;
  const watch: AnswerWatch = {
    isUnauthorized: false,
    fetch: async (input, init = {}) => {
      const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline;
      try {
        const response = await guarded(input, { ...init, signal });
        watch.isUnauthorized ||= response.status === 401;
        return count(response);
      } catch (error) {
        if (error instanceof OutboundFailure) watch.failure ??= error;
        throw error;
      }
    },
  };
  const count = (response: Response): Response => {
    if (!response.body) return response;
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytesLeft -= chunk.byteLength;
        if (bytesLeft >= 0) return controller.enqueue(chunk);
        watch.failure ??= new Unreadable('too-large', `its list of tools has more than ${bounds.maxBytes} bytes`);
        controller.error(watch.failure);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(counter), { status, statusText, headers });
  };
  return watch;
}

function explain(error: unknown, { sdk, watch, deadline }: { sdk: Sdk; watch: AnswerWatch; deadline: AbortSignal }): CatalogueProblem {
  const failure = error instanceof Unreadable || error instanceof OutboundFailure ? error : watch.failure;
  if (failure instanceof Unreadable) return { reason: failure.reason, detail: failure.message };
  if (failure) return explainOutbound(failure);
  if (watch.isUnauthorized) return { reason: 'unauthorized', detail: 'it answered 401' };
  if (deadline.aborted) return { reason: 'unreachable', detail: `it took more than ${bounds.totalMs / 1_000} seconds` };
  if (error instanceof sdk.SdkHttpError) return { reason: 'not-mcp', detail: `it answered ${error.status}` };
  if (error instanceof sdk.ProtocolError)
    return { reason: 'not-mcp', detail: `it answered with the error ${error.code}: ${error.message.slice(0, 200)}` };
  return { reason: 'not-mcp', detail: (error instanceof Error ? error.message : String(error)).slice(0, 200) };
}

function explainOutbound(failure: OutboundFailure): CatalogueProblem {
  const detail = failure.message.replace(/\.$/, '');
  switch (failure.reason) {
    case 'url-not-allowed':
    case 'address-not-allowed':
      return { reason: 'not-allowed', detail };
    case 'too-large':
      return { reason: 'too-large', detail };
    case 'redirect':
      return { reason: 'not-mcp', detail: `${detail}${failure.location === undefined ? '' : ` to ${failure.location.slice(0, 200)}`}` };
    case 'name-not-found':
    case 'unreachable':
    case 'timeout':
    case 'busy':
      return { reason: 'unreachable', detail };
  }
}
