/** The page of one tool of a consent, and the ends that it offers. */
import { type ConsentDuration, consentDurations, consentExpiry } from '../../domain/consent.ts';
import type { AgentContext, PageFrame } from './frame-contexts.ts';
import { inWords } from './instants.ts';

/** Until when one tool of a consent is allowed. */
export interface ToolTimeContext extends PageFrame {
  formToken: string;
  action: string;
  /** Where everything else is changed. */
  change: string;
  agent: AgentContext;
  server: { name: string; resource: string };
  tool: string;
  /** Which version of the consent the page shows: comes back with the form. */
  version: string;
  until: string;
  /** What it can be: `until` is absent where that is without end. */
  times: readonly { value: string; label: string; until?: string }[];
  effectWithin: string;
  /** Why nothing was changed when the page was posted. */
  problem?: string;
}

const labels: Readonly<Record<Exclude<ConsentDuration, 'until-revoked'>, string>> = {
  '1h': '1 hour',
  '1d': '1 day',
  '30d': '30 days',
};

/** The times that end before `latest` (undefined: there is no such bound), and the one that lasts until then. `consentEnd`: when the rest ends. */
export function toolTimeOptions(bounds: { now: Date; latest: Date | undefined; consentEnd: Date | undefined }): ToolTimeContext['times'] {
  const { now, latest, consentEnd } = bounds;
  const shorter = (Object.keys(consentDurations) as ConsentDuration[]).flatMap((value) => {
    const end = consentExpiry(value, now);
    if (value === 'until-revoked' || !end || (latest && end >= latest)) return [];
    return [{ value, label: labels[value], until: inWords(end, now) }];
  });
  return [...shorter, { value: 'until-revoked', ...longest(latest, consentEnd), ...(latest && { until: inWords(latest, now) }) }];
}

function longest(latest: Date | undefined, consentEnd: Date | undefined): { label: string } {
  if (!latest) return { label: 'Until I revoke it' };
  return { label: latest.getTime() === consentEnd?.getTime() ? 'As long as the rest' : 'As long as your organisation allows' };
}
