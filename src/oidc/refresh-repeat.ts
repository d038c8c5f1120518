/** What a code or a refresh token that was used before is worth. */
export type Standing =
  | { outcome: 'repeat'; successor: string }
  | { outcome: 'reuse'; grantId: string | undefined }
  | { outcome: 'unknown' };

/** A refresh token that was used. */
export interface UsedToken {
  id: string;
  consumedAt: Date | undefined;
  grantId: string | undefined;
}

/**
 * What a refresh token that was consumed is worth: the same successor once more, inside the grace window and while that is unused;
 * else this is reuse. Clients refresh in parallel without agreeing among themselves, so a request may have been on its way before
 * another one used the successor: that is no reuse either, and gets the one live token of the family. Where no successor is found, it
 * was derived under a secret that is no longer known.
 */
export async function judgeRepeat(
  { id, consumedAt, grantId }: UsedToken,
  { now, graceSeconds, arrivedAt, findSuccessor }: RepeatCircumstances,
): Promise<Standing> {
  const sinceMs = now.getTime() - (consumedAt?.getTime() ?? 0);
  if (sinceMs >= graceSeconds * 1_000) return { outcome: 'reuse', grantId };
  let presented = id;
  for (;;) {
    const next = await findSuccessor(presented);
    if (!next) return { outcome: 'unknown' };
    if (!next.consumedAt) return { outcome: 'repeat', successor: next.id };
    if (!arrivedAt || arrivedAt > next.consumedAt) return { outcome: 'reuse', grantId };
    presented = next.id;
  }
}

/** Under which it was shown again. */
export interface RepeatCircumstances {
  now: Date;
  graceSeconds: number;
  /** When the whole of this request had arrived. */
  arrivedAt: Date | undefined;
  /** Finds what a refresh token was exchanged for, once nobody is in the middle of using that. */
  findSuccessor(id: string): Promise<{ id: string; consumedAt?: Date } | undefined>;
}
