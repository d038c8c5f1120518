/** Why an outbound request gave no answer to work with. */
export type OutboundFailureReason =
  /** Not a URL this profile may fetch: scheme, user and password in it. */
  | 'url-not-allowed'
  /** It leads to an address this profile may not reach; no connection was made. */
  | 'address-not-allowed'
  | 'name-not-found'
  /** Refused, reset, or no TLS. */
  | 'unreachable'
  | 'timeout'
  | 'too-large'
  /** It answered with a redirect; none is followed. */
  | 'redirect'
  /** Too many outbound requests at once. */
  | 'busy';

/** An outbound request that failed for a known reason. The message is for logs and operators: it names the host, not the full URL. */
export class OutboundFailure extends Error {
  override readonly name = 'OutboundFailure';
  readonly reason: OutboundFailureReason;
  /** Where a redirect pointed, as sent: untrusted text. */
  readonly location: string | undefined;

  constructor(message: string, options: { reason: OutboundFailureReason; cause?: unknown; location?: string | undefined }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = options.reason;
    this.location = options.location;
  }
}
