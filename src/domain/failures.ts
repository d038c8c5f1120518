/** Domain failures: expected outcomes that a caller must deal with. They carry facts; wire errors are made of them at the edges. */

/** A use case's outcome: its value, or why not. */
export type Outcome<Value, Problem extends Failure = Failure> = { ok: true; value: Value } | { ok: false; failure: Problem };

/** Everything that can be wrong with a request for access. */
export type Failure =
  | { kind: 'unknown-user' }
  | { kind: 'user-disabled' }
  | { kind: 'unknown-client' }
  | { kind: 'client-blocked' }
  | { kind: 'unknown-resource'; resource: string }
  | { kind: 'unknown-consent' }
  | { kind: 'unknown-tool'; tool: string }
  | { kind: 'consent-ended' }
  | { kind: 'consent-expired' }
  | { kind: 'installation-ended'; reason: string }
  | { kind: 'unknown-installation' }
  /** Allow was pressed with nothing ticked. */
  | { kind: 'nothing-ticked' }
  /** Policy lets it be allowed only by who signed in so shortly before; `for`: tools, `resources` or `prompts`. */
  | { kind: 'sign-in-needed'; withinSeconds: number; for: readonly string[] }
  /** What the page showed is not what stands now; the person must look again. */
  | { kind: 'page-outdated' };

/** Wraps a value. */
export function succeed<Value>(value: Value): { ok: true; value: Value } {
  return { ok: true, value };
}

/** Wraps a failure. */
export function fail<Problem extends Failure>(failure: Problem): { ok: false; failure: Problem } {
  return { ok: false, failure };
}
