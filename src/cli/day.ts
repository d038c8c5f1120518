const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const dayMs = 86_400_000;

/**
 * Reads a day, in UTC as all times that we show: `2026-11-24`, `today`, `yesterday`, or the name of a weekday, which is the last one
 * before today. Undefined for anything else.
 */
export function readDay(text: string, now: Date): { since: Date; until: Date } | undefined {
  const begin = beginOf(text.toLowerCase(), Math.floor(now.getTime() / dayMs) * dayMs);
  return begin === undefined ? undefined : { since: new Date(begin), until: new Date(begin + dayMs) };
}

function beginOf(text: string, today: number): number | undefined {
  if (text === 'today') return today;
  if (text === 'yesterday') return today - dayMs;
  const weekday = weekdays.indexOf(text);
  if (weekday >= 0) return today - ((new Date(today).getUTCDay() - weekday + 6) % 7) * dayMs - dayMs;
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const begin = Date.parse(`${text}T00:00:00Z`);
  // There is no 30th of February.
  return Number.isFinite(begin) && new Date(begin).toISOString().startsWith(text) ? begin : undefined;
}
