/** The ends that a page offers. */
import { type ConsentDuration, type ConsentTerms, consentDurations, consentExpiry, defaultConsentDuration } from '../../domain/consent.ts';
import type { ChoiceContext } from './contexts.ts';
import { inWords } from './instants.ts';
import { exactSpan } from './policy-words.ts';

const labels: Readonly<Record<ConsentDuration, string>> = {
  '1h': '1 hour',
  '1d': '1 day',
  '30d': '30 days',
  'until-revoked': 'I revoke it',
};

/** What may be offered: `most` is the longest, in seconds, that anything on the page may be allowed for; undefined: without end. */
interface Bounds {
  standing?: Pick<ConsentTerms, 'expiresAt'> | undefined;
  most: number | undefined;
}

/** The durations that make a difference: those within `most`, and the first beyond it, which ends with it. */
export function offeredDurations(most: number | undefined): ConsentDuration[] {
  const all = Object.keys(consentDurations) as ConsentDuration[];
  if (most === undefined) return all;
  const within = all.filter((duration) => (consentDurations[duration] ?? Number.POSITIVE_INFINITY) <= most);
  const isExact = within.some((duration) => consentDurations[duration] === most);
  return isExact ? within : all.slice(0, within.length + 1);
}

/** What is chosen where the person has not: what stands; at first the default, or the longest that may be. */
export function firstDuration({ standing, most }: Bounds): ConsentDuration | 'unchanged' {
  if (standing) return 'unchanged';
  const offered = offeredDurations(most);
  return offered.includes(defaultConsentDuration) ? defaultConsentDuration : (offered.at(-1) ?? defaultConsentDuration);
}

/** The options of the field. */
export function durationOptions(
  { standing, most }: Bounds,
  { chosen, now }: { chosen: ConsentDuration | 'unchanged'; now: Date },
): ChoiceContext['durations'] {
  const offered = offeredDurations(most).map((value) => {
    const seconds = consentDurations[value];
    const isCut = most !== undefined && (seconds === undefined || seconds > most);
    const end = isCut ? new Date(now.getTime() + most * 1_000) : consentExpiry(value, now);
    const label = isCut ? `${exactSpan(most)}, the most your organisation allows` : labels[value];
    return { value, label: end ? `${inWords(end, now)} (${label})` : label, selected: value === chosen };
  });
  if (!standing) return offered;
  const end = standing.expiresAt ? inWords(standing.expiresAt, now) : 'I revoke it';
  return [{ value: 'unchanged', label: `${end} (as it is)`, selected: chosen === 'unchanged' }, ...offered];
}
