/** Something about a trail that is not as it was sealed. Events are named by their number in it, and by id where that is known. */
export type AuditFinding =
  /** An event says something else than when it was sealed. */
  | { kind: 'event-changed'; seal: number; number: number; id: string; expected: string; found: string }
  /** A sealed event is gone; the ids are those of its neighbours. */
  | { kind: 'event-missing'; seal: number; number: number; expected: string; after?: string; before?: string }
  /** An event stands where none was when that was sealed. `seal`: the one that it would belong to, or the one that comes next. */
  | { kind: 'event-inserted'; seal: number; id: string; found: string }
  /** An event is unchanged, but in another place. */
  | { kind: 'event-moved'; seal: number; id: string }
  /** All events of these seals are gone, and nothing says that they were kept for as long as they should be. */
  | { kind: 'events-gone'; month: string; from: number; to: number; events: number }
  /** A seal is no seal, or not the one that its row says. */
  | { kind: 'seal-changed'; seal: number; problem: string }
  | { kind: 'seals-missing'; from: number; to: number }
  /** A seal names another one before it than the one that is there. */
  | { kind: 'chain-broken'; seal: number; expected: string | null; found: string | null }
  /** A seal was signed by a key that is none of this installation's, or by none. */
  | { kind: 'seal-unsigned'; seal: number; kid: string }
  /** What a checkpoint from outside knows of is not there. */
  | { kind: 'checkpoint-unmet'; seal: number; problem: string };

/** A line of an event, as it is now. */
export interface FoundEvent {
  id: string;
  /** SHA-256 of its line, in hex. */
  digest: string;
}

/** What differs between the events of a seal as they were, by the digests of their lines in hex, and as they are. */
export function compareWithSealed(
  seal: { seal: number; first: number },
  sealed: readonly string[],
  found: readonly FoundEvent[],
): AuditFinding[] {
  const findings: AuditFinding[] = [];
  const known = new Set(sealed);
  const present = new Set(found.map(({ digest }) => digest));
  let [expectedAt, foundAt] = [0, 0];
  while (expectedAt < sealed.length || foundAt < found.length) {
    const [expected, event] = [sealed[expectedAt], found[foundAt]];
    if (expected !== undefined && expected === event?.digest) {
      [expectedAt, foundAt] = [expectedAt + 1, foundAt + 1];
      continue;
    }
    const isGone = expected !== undefined && !present.has(expected);
    const isForeign = event !== undefined && !known.has(event.digest);
    if (isGone && isForeign) {
      findings.push({
        kind: 'event-changed',
        seal: seal.seal,
        number: seal.first + expectedAt,
        id: event.id,
        expected,
        found: event.digest,
      });
      [expectedAt, foundAt] = [expectedAt + 1, foundAt + 1];
    } else if (isGone) {
      const [after, before] = [found[foundAt - 1]?.id, event?.id];
      const neighbours = { ...(after !== undefined && { after }), ...(before !== undefined && { before }) };
      findings.push({ kind: 'event-missing', seal: seal.seal, number: seal.first + expectedAt, expected, ...neighbours });
      expectedAt += 1;
    } else if (isForeign) {
      findings.push({ kind: 'event-inserted', seal: seal.seal, id: event.id, found: event.digest });
      foundAt += 1;
    } else {
      // Both are known, in another order; or the same line stands there twice.
      if (event) findings.push({ kind: 'event-moved', seal: seal.seal, id: event.id });
      [expectedAt, foundAt] = [expectedAt + 1, foundAt + 1];
    }
  }
  return findings;
}
