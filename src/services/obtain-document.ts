/**
 * Documents that strangers publish about themselves: client metadata, and the keys of clients. One cache for all instances, in the
 * database: a fresh copy is used as it is, a stale one is asked for again (once, however many wait, on whichever instance), and when that
 * fails the last good copy goes on for a while. What failed is not asked for again at once, and no host is asked too often.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { randomToken } from '../platform/random.ts';
import type { Store } from '../store/client.ts';
import {
  type DocumentKey,
  evictDocuments,
  findDocument,
  noteDocumentUse,
  returnDocumentLease,
  type StoredDocument,
  settleDocumentTry,
  takeDocumentLease,
} from '../store/remote-documents.ts';
import { type DocumentProblem, fetchDocument } from './fetch-document.ts';
import { fetchInModeration } from './moderate-fetches.ts';
import type { Runtime, Tenant } from './runtime.ts';

export type { DocumentProblem, DocumentProblemReason } from './fetch-document.ts';

/** A document, and what it must be. */
export interface DocumentRequest<Value> extends DocumentKey {
  /** Makes sense of the parsed JSON; what it refuses is no good copy. Two readers of one kind of document must be the same. */
  read(json: unknown): { ok: true; value: Value } | { ok: false; reason: string };
  /** Whether somebody relies on it (its client was allowed something): then it is kept long, and makes room for no other. */
  isReliedOn: boolean;
  /** Groups addresses that belong to whoever causes the request: new documents are counted by caller. */
  caller: string;
  /** A copy does not do, however fresh, when it was fetched before: because something is not in it that should be. */
  notBefore?: Date;
}

/** A document, or why there is none. */
export type DocumentOutcome<Value> =
  | { ok: true; value: Value; fetchedAt: Date /** Why this is an old copy, where it is. */; staleBecause?: DocumentProblem }
  | { ok: false; problem: DocumentProblem };

/** How long the last good copy goes on when there is no new one, in seconds; and since when its host may say that there is none. */
const longestStaleSeconds = 30 * 86_400;
const longestGoneSeconds = 7 * 86_400;

/** How long a failure is remembered, in seconds: shortly where people wait for it, longer where a copy serves meanwhile. */
const retrySeconds = { withoutCopy: 30, withCopy: 300 } as const;

/** How long a document is kept after its last use, in seconds; noted again at most each `useNoted`. */
const keptSeconds = { reliedOn: 120 * 86_400, other: 86_400, useNoted: 3_600 } as const;

/** How many documents of a tenant's that nobody relies on are kept. */
const maxUnrelied = 1_000;

/** Longer than waiting for room and a fetch may take together. */
const leaseMs = 10_000;
const pollMs = 100;

/** Finds a document, asking its host where that is due. Takes as long as a fetch may take, and a little. */
export async function obtainDocument<Value>(
  runtime: Runtime,
  tenant: Tenant,
  request: DocumentRequest<Value>,
): Promise<DocumentOutcome<Value>> {
  const known = await findDocument(runtime.store, tenant.id, request);
  const renewal = isDue(known, request, runtime.clock.now()) ? await renew(runtime, tenant, request) : { document: known };
  await noteUse(runtime, tenant, { request, document: renewal.document });
  return outcomeOf(renewal, request, runtime.clock.now());
}

function isDue(document: StoredDocument | undefined, { notBefore }: { notBefore?: Date }, now: Date): boolean {
  if (!document) return true;
  if (document.retryAt && document.retryAt > now) return false;
  const { copy } = document;
  return !copy || copy.freshUntil <= now || (notBefore !== undefined && copy.fetchedAt < notBefore);
}

/** What renewing came to. `problem` is there when it was not even tried. */
interface Renewal {
  document: StoredDocument | undefined;
  problem?: DocumentProblem;
}

/** Those of one process that wait for one document wait together; not those of another caller, who may be within a budget of his own. */
const flights = new WeakMap<Store, Map<string, Promise<Renewal>>>();

function renew<Value>(runtime: Runtime, tenant: Tenant, request: DocumentRequest<Value>): Promise<Renewal> {
  const running = flights.get(runtime.store) ?? new Map<string, Promise<Renewal>>();
  flights.set(runtime.store, running);
  const name = JSON.stringify([tenant.id, request.kind, request.url, request.notBefore !== undefined, request.caller]);
  const joined = running.get(name);
  if (joined) return joined;
  const flight = renewAlone(runtime, tenant, request).finally(() => running.delete(name));
  running.set(name, flight);
  return flight;
}

/** Asks for it, or waits until another instance has. */
async function renewAlone<Value>(runtime: Runtime, tenant: Tenant, request: DocumentRequest<Value>): Promise<Renewal> {
  const { store, clock } = runtime;
  const key: DocumentKey = { kind: request.kind, url: request.url };
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    const document = await findDocument(store, tenant.id, key);
    const now = clock.now();
    if (!isDue(document, request, now)) return { document };
    if (waitedMs > leaseMs) return { document, problem: busy };
    const lease = randomToken(16);
    const { isReliedOn } = request;
    const take = { key, lease, leaseMs, tries: document?.tries ?? 0, isReliedOn, expiresAt: keptUntil(request, now) };
    if (!document?.isLeased && (await takeDocumentLease(store, tenant.id, take))) {
      return renewUnderLease(runtime, tenant, { request, key, lease, document });
    }
    await sleep(pollMs);
  }
}

const busy: DocumentProblem = { reason: 'busy', detail: 'too many documents are being fetched' };

async function renewUnderLease<Value>(
  runtime: Runtime,
  tenant: Tenant,
  held: { request: DocumentRequest<Value>; key: DocumentKey; lease: string; document: StoredDocument | undefined },
): Promise<Renewal> {
  const { store, clock } = runtime;
  const { request, key, lease, document } = held;
  const fetched = await fetchInModeration(runtime, tenant, {
    wanted: { key, isKnown: document?.copy !== undefined, caller: request.caller },
    fetchIt: (signal) => fetchDocument(runtime, { key, copy: document?.copy, signal }),
  });
  // That we have no room says nothing of the document: it is asked for as soon as there is.
  if (!fetched || ('problem' in fetched && fetched.problem.reason === 'busy')) {
    await returnDocumentLease(store, tenant.id, { key, lease });
    return { document, problem: busy };
  }
  const read = 'json' in fetched ? request.read(fetched.json) : undefined;
  const now = clock.now();
  if ('copy' in fetched && read?.ok) {
    await settleDocumentTry(store, tenant.id, { key, lease, result: { copy: fetched.copy } });
  } else {
    const problem: DocumentProblem =
      'problem' in fetched ? fetched.problem : { reason: 'unfit', detail: read && !read.ok ? read.reason : 'it cannot be read' };
    const isGone = 'problem' in fetched && fetched.isGone;
    const pauseSeconds = document?.copy ? retrySeconds.withCopy : retrySeconds.withoutCopy;
    const retryAt = new Date(now.getTime() + pauseSeconds * 1_000);
    const result = { problem, retryAt, goneSince: isGone ? (document?.goneSince ?? now) : undefined };
    await settleDocumentTry(store, tenant.id, { key, lease, result });
    runtime.log.info({ tenant: tenant.slug, kind: key.kind, url: key.url, ...problem }, 'a document could not be fetched');
  }
  if (!document) await evictDocuments(store, tenant.id, maxUnrelied);
  return { document: await findDocument(store, tenant.id, key) };
}

function keptUntil({ isReliedOn }: { isReliedOn: boolean }, now: Date): Date {
  return new Date(now.getTime() + (isReliedOn ? keptSeconds.reliedOn : keptSeconds.other) * 1_000);
}

async function noteUse<Value>(
  { store, clock }: Runtime,
  tenant: Tenant,
  { request, document }: { request: DocumentRequest<Value>; document: StoredDocument | undefined },
): Promise<void> {
  if (!document) return;
  const isReliedOn = document.isReliedOn || request.isReliedOn;
  const expiresAt = keptUntil({ isReliedOn }, clock.now());
  const isNoted = document.isReliedOn === isReliedOn && expiresAt.getTime() - document.expiresAt.getTime() < keptSeconds.useNoted * 1_000;
  if (!isNoted) await noteDocumentUse(store, tenant.id, { key: { kind: request.kind, url: request.url }, isReliedOn, expiresAt });
}

function outcomeOf<Value>({ document, problem }: Renewal, request: DocumentRequest<Value>, now: Date): DocumentOutcome<Value> {
  const { copy, goneSince } = document ?? {};
  const why = problem ?? (document?.problem as DocumentProblem | undefined) ?? busy;
  if (!copy || isOlderThan(copy.fetchedAt, longestStaleSeconds, now)) return { ok: false, problem: why };
  if (goneSince && isOlderThan(goneSince, longestGoneSeconds, now)) {
    return { ok: false, problem: { reason: 'gone', detail: `its host has said since ${goneSince.toISOString()} that there is none` } };
  }
  const read = request.read(JSON.parse(copy.body));
  if (!read.ok) return { ok: false, problem: { reason: 'unfit', detail: read.reason } };
  return { ok: true, value: read.value, fetchedAt: copy.fetchedAt, ...(copy.freshUntil <= now && { staleBecause: why }) };
}

function isOlderThan(at: Date, seconds: number, now: Date): boolean {
  return now.getTime() - at.getTime() > seconds * 1_000;
}
