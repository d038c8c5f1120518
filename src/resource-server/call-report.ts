/** How a call ended: `begun` says that it is about to run, `denied` that it was not allowed and did not. */
export type ReportedOutcome = 'begun' | 'success' | 'failure' | 'denied';

/** What is reported of one tool call, as it is sent. */
export interface CallReport {
  /** The same however often it is sent, so that it counts once. */
  readonly id: string;
  /** When the call came. */
  readonly at: Date;
  readonly subject: string;
  readonly client: string;
  readonly consent: string | undefined;
  /** The token's place in a status list, by which the issuer knows the installation. */
  readonly status: { readonly uri: string; readonly index: number } | undefined;
  readonly tool: string;
  readonly outcome: ReportedOutcome;
  /** The id of the report that said `begun`, where there was one. */
  readonly begunBy?: string | undefined;
  /**
   * What a `failure` was: `tool` (a result with `isError`), `rpc:<code>`, `http:<status>`, `unanswered`, `not-run`. Why a
   * call was `denied` that the token allows: `arguments`, `unknown-tool`, `unchecked`.
   */
  readonly error?: string | undefined;
  /** Nobody saw how the call was answered; what is said of the outcome is what its HTTP status says. */
  readonly unseen?: true | undefined;
  readonly durationMs?: number | undefined;
  readonly argumentBytes: number;
  readonly resultBytes?: number | undefined;
  /** See `createArgumentDigest`. */
  readonly argumentDigest: Promise<string | undefined>;
  /** Only by policy, and redacted. */
  readonly arguments: unknown;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
}

/** A report as JSON; `offsetMs` is how far the issuer's clock is ahead. */
export async function reportJson(report: CallReport, offsetMs: number): Promise<string> {
  const { at, argumentDigest, ...facts } = report;
  return JSON.stringify({ ...facts, at: new Date(at.getTime() + offsetMs), argumentDigest: await argumentDigest });
}
