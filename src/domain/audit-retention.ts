/** How long audit events are kept. */
import { parseDuration, spellDuration } from './duration.ts';
import type { Form } from './tenant-setting-forms.ts';

/** What a tenant says about it: as the installation does, or so many seconds. */
export type AuditRetention = 'installation' | { seconds: number };

/** Nobody keeps the trail for a shorter time than this, so that nobody who takes over an owner can make a recent month go as if by rule. */
export const shortestRetentionSeconds = 30 * 86_400;

const longestRetentionSeconds = 36_500 * 86_400;

/** How the setting is written. */
export const auditRetentionForm: Form<AuditRetention> = {
  read: (text) => {
    if (text === 'installation') return { value: text };
    const seconds = parseDuration(text);
    if (seconds === undefined || seconds < shortestRetentionSeconds || seconds > longestRetentionSeconds) {
      return { problem: `is ${JSON.stringify(text)}, which is neither installation nor a duration from 30d to 36500d` };
    }
    return { value: { seconds } };
  },
  spell: (value) => (value === 'installation' ? value : spellDuration(value.seconds)),
};
