import { AccessError, invalidToken, unavailable } from './access-error.ts';
import { isApiKey } from './api-key-form.ts';
import { BoundedMap } from './bounded-map.ts';
import type { ReadToken, TokenFacts } from './token-facts.ts';

/** How long a refusal is remembered, so that a client that tries again and again costs the issuer little. */
const REFUSED_MS = 1_000;

/** How many refused keys are remembered. */
const MAX_REFUSED = 10_000;

/** How many keys are asked about at once; made-up ones must not reach the issuer in a flood. */
const MAX_ASKED = 100;

/**
 * Reads API keys by asking the issuer. Any number of callers with one key share one question; a key that is mistyped is refused
 * without any, and so for a second is one that was refused. A good answer is for the caller to keep.
 */
export function createApiKeyReader(introspect: ReadToken, now: () => Date): ReadToken {
  const refused = new BoundedMap<string, { readonly error: unknown; readonly atMs: number }>({ maxWeight: MAX_REFUSED });
  const asking = new Map<string, Promise<TokenFacts>>();

  async function ask(key: string): Promise<TokenFacts> {
    const atMs = now().getTime();
    try {
      return await introspect(key);
    } catch (error) {
      // That the issuer is away says nothing about the key.
      if (error instanceof AccessError && error.code === 'invalid_token') refused.set(key, { error, atMs });
      throw error;
    }
  }

  function refusalOf(key: string): { readonly error: unknown } | undefined {
    const refusal = refused.get(key);
    const ageMs = refusal === undefined ? Number.NaN : now().getTime() - refusal.atMs;
    // A clock that was set back says nothing about an age.
    return ageMs >= 0 && ageMs < REFUSED_MS ? refusal : undefined;
  }

  return (key) => {
    if (!isApiKey(key)) return Promise.reject(invalidToken('malformed'));
    const refusal = refusalOf(key);
    if (refusal !== undefined) return Promise.reject(refusal.error);
    let shared = asking.get(key);
    if (shared === undefined) {
      if (asking.size >= MAX_ASKED) return Promise.reject(unavailable('introspection', new Error('Too many keys are being asked about.')));
      shared = ask(key).finally(() => asking.delete(key));
      asking.set(key, shared);
    }
    return shared;
  };
}

/** Refuses every API key: there is nothing to ask about them with. */
export const refuseApiKeys: ReadToken = () =>
  Promise.reject(
    new AccessError(
      'invalid_token',
      'An API key came, and this server has no credential to check it with: give createVerifier the `credential` that "toolgrant server add" printed.',
      { reason: 'no_credential' },
    ),
  );
