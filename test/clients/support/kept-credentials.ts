/** What an OAuth client keeps between requests; in memory. Each generation of the SDK brings its own types. */
export interface KeptCredentials<ClientInformation, Tokens, Discovery> {
  clientInformation: ClientInformation | undefined;
  tokens: Tokens | undefined;
  discovery: Discovery | undefined;
  codeVerifier: string | undefined;
  /** The `state` of the request that waits for its answer. */
  state: string | undefined;
  /** Where the person is to be sent; taken by the test. */
  authorizationUrl: URL | undefined;
}

/** Nothing kept yet. */
export function noCredentials<ClientInformation, Tokens, Discovery>(): KeptCredentials<ClientInformation, Tokens, Discovery> {
  return {
    clientInformation: undefined,
    tokens: undefined,
    discovery: undefined,
    codeVerifier: undefined,
    state: undefined,
    authorizationUrl: undefined,
  };
}

/** Forgets what an SDK says is of no use any more. */
export function forget(
  kept: KeptCredentials<unknown, unknown, unknown>,
  what: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery',
): void {
  if (what === 'all' || what === 'client') kept.clientInformation = undefined;
  if (what === 'all' || what === 'tokens') kept.tokens = undefined;
  if (what === 'all' || what === 'verifier') kept.codeVerifier = undefined;
  if (what === 'all' || what === 'discovery') kept.discovery = undefined;
}
