import { deleteExpiredRows } from '../store/expired-rows.ts';
import { freeIndices } from '../store/status.ts';
import type { Runtime } from './runtime.ts';

/** Rows stay this long after their end, so that clocks that differ a little never make a living row vanish. In seconds. */
const keptAfterEndSeconds = 300;

/**
 * The oldest copy of a status list that a resource server may still go by, in seconds: the library's bound for going on
 * without the issuer, with room for slower ones.
 */
const longestAcceptedListAgeSeconds = 3_600;

/**
 * Removes one batch of what is over, for all tenants; returns how many rows went, so that the caller goes on while there are
 * more. Nothing depends on it: what has expired is refused whether its row is there or not.
 */
export async function sweepExpired(runtime: Runtime): Promise<number> {
  const nowMs = runtime.clock.now().getTime();
  const removed = await deleteExpiredRows(runtime.store, new Date(nowMs - keptAfterEndSeconds * 1_000));
  const tokensAndListsGone = runtime.lifetimes.accessTokenSeconds + longestAcceptedListAgeSeconds;
  return removed + (await freeIndices(runtime.store, new Date(nowMs - tokensAndListsGone * 1_000)));
}
