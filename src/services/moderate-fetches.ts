/**
 * How often hosts are asked for documents, and on whose behalf. What a stranger makes up must neither hammer a host nor use up what keeps
 * the first document of an honest client within reach: so new documents are counted by caller as well as by host, and a share of what
 * a host is asked for is kept for callers who have hardly asked it for anything that was not there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '../platform/digest.ts';
import { OutboundFailure } from '../platform/guarded-fetch.ts';
import { poolOf, type Store } from '../store/client.ts';
import { createRateCounters, type RateCounters, type RateLimit } from '../store/rate-limits.ts';
import type { DocumentKey } from '../store/remote-documents.ts';
import type { FetchedDocument } from './fetch-document.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A document that is to be asked for. */
export interface WantedDocument {
  key: DocumentKey;
  /** There is a copy of it. Known documents have a budget of their own, that nobody can use up for them. */
  isKnown: boolean;
  /** Groups addresses that belong to one caller. */
  caller: string;
}

/** Of one tenant, one kind of document and one host, except the last. `fruitless` counts by hour what a caller wanted and did not get. */
const budgets = {
  known: { name: 'document-known-host', points: 60, seconds: 60 },
  newOfCaller: { name: 'document-new-caller', points: 5, seconds: 60 },
  newOfHost: { name: 'document-new-host', points: 15, seconds: 60 },
  newOfHostKept: { name: 'document-new-host-kept', points: 5, seconds: 60 },
  fruitless: { name: 'document-fruitless', points: 2, seconds: 3_600 },
  newOfAll: { name: 'document-new', points: 300, seconds: 60 },
} as const satisfies Record<string, RateLimit>;

/** How many new documents one process fetches at a time: in all, so that there is room for known ones; and for one caller. */
const maxNewAtOnce = 12;
const maxNewAtOnceOfCaller = 4;
/** How long the fetch of a caller with several is left alone: a host that is well answers within it. */
const undisturbedMs = 1_000;
const longestWaitMs = 3_000;
const pollMs = 100;

/** Asks for a document where budget and room allow it; undefined when they do not. */
export async function fetchInModeration(
  runtime: Pick<Runtime, 'store' | 'clock'>,
  tenant: Tenant,
  { wanted, fetchIt }: { wanted: WantedDocument; fetchIt(signal?: AbortSignal): Promise<FetchedDocument> },
): Promise<FetchedDocument | undefined> {
  const counters = createRateCounters(poolOf(runtime.store));
  const { kind, url } = wanted.key;
  const ofHost = `${tenant.id}:${sha256(JSON.stringify([kind, new URL(url).hostname]))}`;
  if (wanted.isKnown) return (await counters.take(budgets.known, ofHost)).isWithin ? fetchIt() : undefined;
  const ofCaller = `${tenant.id}:${sha256(JSON.stringify([kind, new URL(url).hostname, wanted.caller]))}`;
  if (!(await admitsNew(counters, tenant, { ofHost, ofCaller }))) return undefined;
  const fetched = await fetchInTurn(runtime, `${tenant.id}:${wanted.caller}`, fetchIt);
  if (!fetched || 'copy' in fetched) await counters.giveBack(budgets.fruitless, ofCaller);
  return fetched;
}

/** The narrowest first: what one refuses is not counted in those that others share. */
async function admitsNew(counters: RateCounters, tenant: Tenant, { ofHost, ofCaller }: { ofHost: string; ofCaller: string }) {
  if (!(await counters.take(budgets.newOfCaller, ofCaller)).isWithin) return false;
  const isHardlyFruitless = (await counters.take(budgets.fruitless, ofCaller)).isWithin;
  const isWithin =
    (await counters.take(budgets.newOfHost, ofHost)).isWithin ||
    (isHardlyFruitless && (await counters.take(budgets.newOfHostKept, ofHost)).isWithin);
  if (isWithin && (await counters.take(budgets.newOfAll, tenant.id)).isWithin) return true;
  await counters.giveBack(budgets.fruitless, ofCaller);
  return false;
}

/** The fetch of a new document. */
interface Newcomer {
  caller: string;
  startedAt: Date;
  giveWay: AbortController;
}

/** By process: those that are under way. */
const newcomers = new WeakMap<Store, Newcomer[]>();

/**
 * Strangers with slow hosts could otherwise take all the room there is for outbound requests, and keep everybody's known documents from
 * being renewed. Undefined when there is no room. Who has none under way gets room from who has several, so that it takes as many
 * callers as there are places to keep another one out.
 */
async function fetchInTurn<Fetched>(
  { store, clock }: Pick<Runtime, 'store' | 'clock'>,
  caller: string,
  fetchIt: (signal: AbortSignal) => Promise<Fetched>,
): Promise<Fetched | undefined> {
  const running = newcomers.get(store) ?? [];
  newcomers.set(store, running);
  const countOf = (one: string) => running.filter((newcomer) => newcomer.caller === one).length;
  const isFull = () => running.length >= maxNewAtOnce || countOf(caller) >= maxNewAtOnceOfCaller;
  for (let waitedMs = 0; isFull(); waitedMs += pollMs) {
    // What is freed is taken at once: others wait as well.
    if (countOf(caller) === 0 && makeRoom(running, countOf, clock.now())) break;
    if (waitedMs >= longestWaitMs) return undefined;
    await sleep(pollMs);
  }
  const newcomer: Newcomer = { caller, startedAt: clock.now(), giveWay: new AbortController() };
  running.push(newcomer);
  try {
    return await fetchIt(newcomer.giveWay.signal);
  } finally {
    const index = running.indexOf(newcomer);
    if (index >= 0) running.splice(index, 1);
  }
}

/** Ends the oldest fetch of whoever has most of them, if it has had its time and is not the only one of its caller; false when there is none. */
function makeRoom(running: Newcomer[], countOf: (caller: string) => number, now: Date): boolean {
  const [oldest] = running
    .filter(({ caller, startedAt }) => countOf(caller) > 1 && now.getTime() - startedAt.getTime() >= undisturbedMs)
    .sort((a, b) => countOf(b.caller) - countOf(a.caller));
  if (!oldest) return false;
  running.splice(running.indexOf(oldest), 1);
  oldest.giveWay.abort(new OutboundFailure('Others were to have their turn.', { reason: 'busy' }));
  return true;
}
