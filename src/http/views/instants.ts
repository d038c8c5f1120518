/** Instants in words. Pages do not know the reader's time zone without script, so times of day name theirs: UTC. */

const monthName = new Intl.DateTimeFormat('en-GB', { month: 'long', timeZone: 'UTC' });
const months = Array.from({ length: 12 }, (_, month) => monthName.format(new Date(Date.UTC(2026, month, 1))));

/** By hand: a page has thousands of them, and a formatter takes longer than all else about a line. */
const day = {
  format: (at: Date) => `${at.getUTCDate()} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`,
};
const time = {
  format: (at: Date) => `${twoDigits(at.getUTCHours())}:${twoDigits(at.getUTCMinutes())}`,
};

function twoDigits(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}

const nearSeconds = 2 * 86_400;

/** A date; with the time of day where it is at most two days from `now`. */
export function inWords(instant: Date, now: Date): string {
  const isNear = Math.abs(instant.getTime() - now.getTime()) <= nearSeconds * 1_000;
  return isNear ? `${day.format(instant)}, ${time.format(instant)} UTC` : day.format(instant);
}

/** A span of time, roundly: `15 seconds`, `15 minutes`. */
export function spanInWords(seconds: number): string {
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? '1 minute' : `${minutes} minutes`;
}

/** A day in UTC: `Today`, `Yesterday, 26 November 2026`, or its date. */
export function dayInWords(date: Date, now: Date): string {
  const ago = Math.floor(now.getTime() / 86_400_000) - Math.floor(date.getTime() / 86_400_000);
  if (ago === 0) return `Today, ${day.format(date)}`;
  return ago === 1 ? `Yesterday, ${day.format(date)}` : day.format(date);
}

/** A time of day. */
export function timeInWords(instant: Date): string {
  return `${time.format(instant)} UTC`;
}

/** How often: `once`, `twice`, `14 times`. */
export function timesInWords(count: number): string {
  if (count === 1) return 'once';
  return count === 2 ? 'twice' : `${count.toLocaleString('en')} times`;
}
