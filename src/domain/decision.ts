/** When something was allowed: a policy may bound how long that holds, and ask how surely it was the person. */

/** The moment of a decision. */
export interface Decision {
  decidedAt: Date;
  /** When whoever decided had last proven who she is; absent where that is not known. */
  signedInAt?: Date;
}

/** What one part of a consent has of its own, where it differs from the whole: it was kept from an earlier decision, or ends earlier. */
export interface OwnTerm extends Partial<Decision> {
  expiresAt?: Date;
}

/** The decision that a part of a consent rests on. */
export function decisionOf(part: OwnTerm | undefined, whole: Decision): Decision {
  if (!part?.decidedAt) return whole;
  return { decidedAt: part.decidedAt, ...(part.signedInAt && { signedInAt: part.signedInAt }) };
}

/** The earlier of two ends; undefined is never. */
export function earlierEnd(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (!a || !b) return a ?? b;
  return a < b ? a : b;
}
