/** Our plain words for what the organisation that runs this site lets people allow. */
import { type Permission, termOf } from '../../domain/policy.ts';

/** A span as rules have it, exactly: `15 minutes`, `8 hours`, `30 days`. */
export function exactSpan(seconds: number): string {
  const [size, unit] = ([86_400, 3_600, 60] as const)
    .map((each, index) => [each, ['day', 'hour', 'minute'][index] ?? ''] as const)
    .find(([each]) => seconds % each === 0) ?? [1, 'second'];
  const count = seconds / size;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/**
 * What limits a thing that may be allowed: for how long, where that is less than `most` (the longest that the page offers anything for, in
 * seconds), and whether it takes a sign-in now.
 */
export function limitWords(permission: Permission, at: { now: Date; signedInAt?: Date | undefined; most?: number | undefined }): string[] {
  if (permission.kind !== 'allowed') return [];
  const { now, signedInAt, most } = at;
  const term = termOf(permission.by, { decidedAt: now, ...(signedInAt && { signedInAt }) });
  if (term.kind === 'needs-sign-in') return ['takes signing in again'];
  const seconds = term.endsAt && (term.endsAt.getTime() - now.getTime()) / 1_000;
  return seconds === undefined || seconds === most ? [] : [`for at most ${exactSpan(seconds)}`];
}

/** For how many seconds a thing may be allowed at most, by whichever rule; undefined: without end. */
export function mostSeconds(permission: Permission): number | undefined {
  if (permission.kind !== 'allowed') return 0;
  const all = permission.by.map(({ forAtMostSeconds }) => forAtMostSeconds);
  return all.includes(undefined) ? undefined : Math.max(...all.map((seconds) => seconds ?? 0));
}
