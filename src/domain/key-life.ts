/** The life of a signing key: `next` (published, waits) → `current` (signs) → `retiring` (published still) → `retired` (withdrawn). */

/** A key, as far as its life is concerned. */
export interface KeyInLife {
  kid: string;
  state: 'next' | 'current' | 'retiring' | 'retired';
  createdAt: Date;
  signsFrom?: Date;
  changesAt?: Date;
}

/** How long the stages last, in milliseconds. */
export interface KeyTerms {
  /** From when a key begins to sign until the next one does. */
  rotationMs: number;
  /** A key is published at least this long before it signs: longer than any reader keeps an older copy of the key set. */
  aheadMs: number;
  /** A key is published this long after it signed last: longer than anything it signed is worth something. */
  afterMs: number;
}

/**
 * What an operator asks for beside the schedule. `rotate`: the next key takes over as soon as readers have it. `withdraw`: the
 * present key is in wrong hands; the next one takes over at once, and what the present one signed is worth nothing any more.
 */
export type KeyRequest = 'rotate' | 'withdraw';

/** What is to be done now, in this order. */
export interface KeyPlan {
  /** Withdrawn for good: not published any more, and nobody can sign with it. */
  retire: readonly string[];
  /** `successor` signs from now on; where it is absent, a new key does. `previous` stays published until `publishedUntil`, or not at all. */
  change?: { previous?: string; successor?: string; publishedUntil?: Date };
  /** A new key is published, to take over then. */
  makeNext?: { changesAt: Date };
  /** The waiting key takes over at another time than it was to. */
  reschedule?: { kid: string; changesAt: Date };
}

/** Decides what the keys of one tenant are due for. The same question twice plans the same; once it is done, nothing. */
export function planKeyLife(keys: readonly KeyInLife[], terms: KeyTerms, { now, request }: { now: Date; request?: KeyRequest }): KeyPlan {
  const current = keys.find(({ state }) => state === 'current');
  const next = keys.find(({ state }) => state === 'next');
  const retire = keys
    .filter(({ state, changesAt }) => state === 'retiring' && changesAt !== undefined && changesAt <= now)
    .map(({ kid }) => kid);
  const afterNow = (ms: number) => new Date(now.getTime() + ms);
  const makeNext = { changesAt: afterNow(terms.rotationMs) };
  if (!current) return { retire, change: next ? { successor: next.kid } : {}, makeNext };
  if (request === 'withdraw') {
    return { retire: [...retire, current.kid], change: { previous: current.kid, ...(next && { successor: next.kid }) }, makeNext };
  }
  const scheduled = new Date((current.signsFrom ?? current.createdAt).getTime() + terms.rotationMs);
  const takesOverAt = request === 'rotate' ? now : earlier(next?.changesAt, scheduled);
  if (!next) return { retire, makeNext: { changesAt: later(takesOverAt, afterNow(terms.aheadMs)) } };
  const readersHaveIt = new Date(next.createdAt.getTime() + terms.aheadMs);
  const changesAt = later(takesOverAt, readersHaveIt);
  if (changesAt > now)
    return changesAt.getTime() === next.changesAt?.getTime() ? { retire } : { retire, reschedule: { kid: next.kid, changesAt } };
  return { retire, change: { previous: current.kid, successor: next.kid, publishedUntil: afterNow(terms.afterMs) }, makeNext };
}

function earlier(one: Date | undefined, other: Date): Date {
  return one && one < other ? one : other;
}

function later(one: Date, other: Date): Date {
  return one > other ? one : other;
}
