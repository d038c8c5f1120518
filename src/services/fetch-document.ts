import { freshSeconds } from '../domain/freshness.ts';
import { OutboundFailure } from '../platform/guarded-fetch.ts';
import type { DocumentCopy, DocumentKey } from '../store/remote-documents.ts';
import type { Runtime } from './runtime.ts';

/** Why a document cannot be had. */
export type DocumentProblemReason =
  /** Its host has no address that strangers' documents are fetched from; which ones it has is nobody's business. */
  | 'no-public-address'
  /** No answer: connection, TLS, time. */
  | 'no-answer'
  /** An answer that is not 200. */
  | 'status'
  | 'redirect'
  | 'too-large'
  /** Another type of content, or no JSON. */
  | 'not-json'
  /** JSON, but not what it should be. */
  | 'unfit'
  /** Its host has said for days that there is none. */
  | 'gone'
  /** It was not asked for: too many requests for documents at the moment. */
  | 'busy';

/** Why a document cannot be had; `detail` is a clause for the log, which may be shown unless it is about addresses. */
export interface DocumentProblem {
  reason: DocumentProblemReason;
  detail: string;
}

/** What asking came to. */
export type FetchedDocument = { copy: DocumentCopy; json: unknown } | { problem: DocumentProblem; isGone: boolean };

/** What is accepted, by the kind of document. Both are JSON. */
const forms = {
  'client-metadata': { maxBytes: 5 * 1_024, accept: 'application/json' },
  jwks: { maxBytes: 32 * 1_024, accept: 'application/jwk-set+json, application/json' },
} as const satisfies Record<DocumentKey['kind'], { maxBytes: number; accept: string }>;

/** How long a copy is fresh, whatever its host says; in seconds. */
const freshness = { least: 60, unsaid: 600, most: 86_400 } as const;

/** Asks for a document, once, as anybody would: nothing goes along but its URL, and which copy we have. Never throws for what a host can do. */
export async function fetchDocument(
  { strangers, clock }: Pick<Runtime, 'strangers' | 'clock'>,
  { key, copy, signal }: { key: DocumentKey; copy: DocumentCopy | undefined; signal?: AbortSignal | undefined },
): Promise<FetchedDocument> {
  const { accept, maxBytes } = forms[key.kind];
  try {
    const response = await strangers(key.url, { headers: { accept, ...conditionsOf(copy) }, ...(signal && { signal }) });
    const body = response.status === 304 && copy ? copy.body : await readBody(response, maxBytes);
    if (typeof body !== 'string') return body;
    const now = clock.now();
    const [etag, lastModified] = [validatorOf(response, 'etag'), validatorOf(response, 'last-modified')];
    const { fetchedAt: _, freshUntil: __, ...before } = response.status === 304 && copy ? copy : { fetchedAt: now, freshUntil: now };
    const freshUntil = new Date(now.getTime() + freshSeconds(response.headers, now, freshness) * 1_000);
    return {
      copy: {
        ...before,
        body,
        ...(etag !== undefined && { etag }),
        ...(lastModified !== undefined && { lastModified }),
        fetchedAt: now,
        freshUntil,
      },
      json: JSON.parse(body),
    };
  } catch (error) {
    if (error instanceof OutboundFailure) return failed(problemOf(error));
    if (error instanceof SyntaxError || error instanceof NotText) return failed({ reason: 'not-json', detail: 'it is no JSON in UTF-8' });
    throw error;
  }
}

function conditionsOf(copy: DocumentCopy | undefined): Record<string, string> {
  return {
    ...(copy?.etag !== undefined && { 'if-none-match': copy.etag }),
    ...(copy?.lastModified !== undefined && { 'if-modified-since': copy.lastModified }),
  };
}

/** It is sent back as it came, and kept until then. */
function validatorOf(response: Response, header: 'etag' | 'last-modified'): string | undefined {
  const value = response.headers.get(header);
  return value !== null && /^[\x20-\x7e]{1,256}$/.test(value) ? value : undefined;
}

async function readBody(response: Response, maxBytes: number): Promise<string | FetchedDocument> {
  const refuse = async (problem: DocumentProblem, isGone = false): Promise<FetchedDocument> => {
    await response.body?.cancel();
    return { problem, isGone };
  };
  const { status, headers } = response;
  if (status !== 200)
    return refuse({ reason: 'status', detail: `it answered with the status ${status}` }, status === 404 || status === 410);
  const type = headers.get('content-type') ?? '';
  if (!/^application\/(?:[\w.-]+\+)?json *(?:;|$)/i.test(type))
    return refuse({ reason: 'not-json', detail: 'its content type is not JSON' });
  const tooLarge: DocumentProblem = { reason: 'too-large', detail: `it has more than ${maxBytes} bytes` };
  if (Number(headers.get('content-length') ?? 0) > maxBytes) return refuse(tooLarge);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > maxBytes) return failed(tooLarge);
    chunks.push(chunk);
  }
  return decode(Buffer.concat(chunks));
}

class NotText extends Error {}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new NotText('not UTF-8', { cause });
  }
}

function failed(problem: DocumentProblem): FetchedDocument {
  return { problem, isGone: false };
}

function problemOf(failure: OutboundFailure): DocumentProblem {
  const detail = failure.message.replace(/\.$/, '');
  switch (failure.reason) {
    case 'url-not-allowed':
    case 'address-not-allowed':
    case 'name-not-found':
      return { reason: 'no-public-address', detail };
    case 'unreachable':
    case 'timeout':
      return { reason: 'no-answer', detail };
    case 'redirect':
      return { reason: 'redirect', detail: 'it answered with a redirect' };
    case 'too-large':
      return { reason: 'too-large', detail };
    case 'busy':
      return { reason: 'busy', detail };
  }
}
