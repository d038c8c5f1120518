/** When a server's tools are read again. Pure; `chance` is from 0 to 1, so that many servers do not all come at once. */

/** The longest that a server is left alone, as a multiple of the interval, however often its tools could not be read. */
const longestBackOff = 30;

/** After `failures` in a row: the interval, then twice as long, and so on; a tenth earlier or later. */
export function nextReadingAt(now: Date, { seconds, failures, chance }: { seconds: number; failures: number; chance: number }): Date {
  const factor = Math.min(2 ** Math.max(0, failures - 1), longestBackOff);
  return new Date(now.getTime() + seconds * factor * (0.9 + 0.2 * chance) * 1_000);
}
