/** Time, as everything outside this room sees it. */
export interface Clock {
  now(): Date;
}

/**
 * The machine's time. It asks the ambient `Date` on every call, because the protocol engine does the same:
 * a test that moves time moves both, by replacing the global `Date`.
 */
export const systemClock: Clock = { now: () => new Date() };
