/** Durations as people write them: a number and a unit. */
const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Reads `30s`, `15m`, `12h`, `30d`; in seconds. Undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const parts = /^(\d{1,6})([smhd])$/.exec(text);
  return parts ? Number(parts[1]) * unitSeconds[parts[2] as keyof typeof unitSeconds] : undefined;
}

/** Writes seconds in the largest unit that leaves no rest. */
export function spellDuration(seconds: number): string {
  const [unit, size] = (['d', 'h', 'm'] as const)
    .map((one) => [one, unitSeconds[one]] as const)
    .find(([, each]) => seconds % each === 0) ?? ['s', 1];
  return `${seconds / size}${unit}`;
}
