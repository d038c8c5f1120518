/** Whether a client that registered itself is still in use, by what it left behind. */

/** What is known of a client's use. */
export interface ClientUse {
  createdAt: Date;
  /** The last time that somebody allowed it something, or that it was given a token; undefined when neither ever was. */
  lastUsedAt?: Date;
  /** Whether something that somebody allowed it holds now. */
  hasConsentInForce: boolean;
}

/** A client that nobody ever allowed anything goes after this long, in seconds. */
export const neverAllowedSeconds = 86_400;

/** How soon a client is looked at again that is kept only because a consent holds, in seconds. */
const lookAgainSeconds = 86_400;

/**
 * Until when a client is kept, whatever happens; undefined when it is not in use any more. What holds is never taken away; after that, a
 * client is kept as long as its last refresh token can live, so that it comes back under its own id (MCP-33).
 */
export function keepClientUntil(
  use: ClientUse,
  { now, refreshTokenSeconds }: { now: Date; refreshTokenSeconds: number },
): Date | undefined {
  const after = (at: Date, seconds: number) => new Date(at.getTime() + seconds * 1_000);
  const ends = use.lastUsedAt ? after(use.lastUsedAt, refreshTokenSeconds) : after(use.createdAt, neverAllowedSeconds);
  if (ends > now) return ends;
  return use.hasConsentInForce ? after(now, lookAgainSeconds) : undefined;
}
