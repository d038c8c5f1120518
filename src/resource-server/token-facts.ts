/** What a token says, however that was learnt: from its signed claims or from introspection. */
export interface TokenFacts {
  readonly subject: string;
  readonly clientId: string;
  readonly consentId: string | undefined;
  readonly tokenId: string | undefined;
  readonly scope: string;
  /** Names the selection document, only with the scope `tools.listed`. */
  readonly selection: string | undefined;
  /** Seconds since the epoch. */
  readonly expiresAtSeconds: number;
  readonly status: StatusReference | undefined;
}

/** Where a token's revocation bit stands (IETF Token Status List §6). */
export interface StatusReference {
  readonly uri: string;
  readonly index: number;
}

/** Learns what a token says and that it is meant for this server. Throws an `AccessError` when it is not. */
export type ReadToken = (token: string) => Promise<TokenFacts>;
