/** Quarantine: a client that nobody has looked at yet may only read. What people allowed it beyond that waits until the quarantine ends. */
import type { ClientKind } from './client-trust.ts';
import { parseDuration, spellDuration } from './duration.ts';
import type { Risk } from './risk.ts';
import type { Form } from './tenant-setting-forms.ts';

/** What a tenant does with clients that nobody has verified: nothing, quarantine until somebody does, or for so many seconds. */
export type QuarantineSetting = 'off' | 'until-verified' | { seconds: number };

/** The longest quarantine that ends by itself, in seconds. */
export const maxQuarantineSeconds = 365 * 86_400;

/** How the setting is written: `off`, `until-verified`, or a duration. */
export const quarantineForm: Form<QuarantineSetting> = {
  read: (text) => {
    if (text === 'off' || text === 'until-verified') return { value: text };
    const seconds = parseDuration(text);
    if (seconds === undefined || seconds === 0 || seconds > maxQuarantineSeconds) {
      return { problem: `is ${JSON.stringify(text)}, which is neither off, nor until-verified, nor a duration of at most 365d` };
    }
    return { value: { seconds } };
  },
  spell: (value) => (typeof value === 'object' ? spellDuration(value.seconds) : value),
};

/** What of a client says whether it is in quarantine. */
export interface QuarantinedClient {
  kind: ClientKind;
  /** When it was first seen. */
  createdAt: Date;
  /** When it last became another than it was (see client-change.ts); absent: never. */
  identityChangedAt?: Date;
  verifiedAt?: Date;
  /** When an administrator put it there, and until when; without an end: until it is verified. */
  quarantinedAt?: Date;
  quarantineEndsAt?: Date;
}

/** A quarantine that lasts. */
export interface Quarantine {
  /** Whether an administrator put this client there, or a setting of the tenant all that are new. */
  by: 'administrator' | 'setting';
  /** Absent: until an administrator verifies the client. */
  endsAt?: Date;
}

/** The quarantine a client is in, if it is in one. Those made or verified by an administrator are put there only by hand. */
export function findQuarantine(client: QuarantinedClient, setting: QuarantineSetting, now: Date): Quarantine | undefined {
  const { quarantinedAt, quarantineEndsAt } = client;
  if (quarantinedAt && !quarantineEndsAt) return { by: 'administrator' };
  const byHand = quarantinedAt && quarantineEndsAt && quarantineEndsAt > now ? quarantineEndsAt : undefined;
  const bySetting = client.kind === 'manual' || client.verifiedAt || setting === 'off' ? undefined : endBySetting(client, setting);
  if (bySetting === 'never') return { by: 'setting' };
  if (bySetting && bySetting > now && (!byHand || bySetting > byHand)) return { by: 'setting', endsAt: bySetting };
  return byHand && { by: 'administrator', endsAt: byHand };
}

/** The time is there to notice what a client is, so it runs from when the client became what it is now. */
function endBySetting({ createdAt, identityChangedAt }: QuarantinedClient, setting: Exclude<QuarantineSetting, 'off'>): Date | 'never' {
  if (setting === 'until-verified') return 'never';
  const since = identityChangedAt && identityChangedAt > createdAt ? identityChangedAt : createdAt;
  return new Date(since.getTime() + setting.seconds * 1_000);
}

/**
 * What an administrator's quarantine of some time becomes when its client becomes another one, ended or not: as long once more. One
 * without an end goes on as it is, and where there was none, or a verification ended it, there is none.
 */
export function restartQuarantine(
  { quarantinedAt, quarantineEndsAt }: QuarantinedClient,
  now: Date,
): { quarantinedAt: Date; quarantineEndsAt: Date } | undefined {
  if (!quarantinedAt || !quarantineEndsAt) return undefined;
  const lengthMs = quarantineEndsAt.getTime() - quarantinedAt.getTime();
  return { quarantinedAt: now, quarantineEndsAt: new Date(now.getTime() + lengthMs) };
}

/** Whether a client in quarantine may not use a tool. */
export function isHeldInQuarantine(tool: { risk: Risk }): boolean {
  return tool.risk !== 'read';
}
