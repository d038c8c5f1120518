/** API keys: how long they live, and what one may do now. Their form is the library's as well. */
import type { ConsentTerms } from './consent.ts';

export { API_KEY_RANDOM_CHARACTERS, isApiKey, looksLikeApiKey, spellApiKey } from '../resource-server/api-key-form.ts';

/** How long a key lives at most, in seconds. */
export const maxApiKeySeconds = 366 * 86_400;

/** How long before its end a list warns, in seconds. */
export const apiKeyWarningSeconds = 14 * 86_400;

/** A key that is over is listed and kept so long, in seconds; one that has expired can be replaced meanwhile. */
export const keptApiKeySeconds = 30 * 86_400;

/** A key, as far as its time goes. */
export interface ApiKeyTime {
  expiresAt: Date;
  revokedAt?: Date;
}

/** How a key stands: `expiring` ones are good, and should be replaced soon. */
export type ApiKeyStanding = 'good' | 'expiring' | 'expired' | 'revoked';

/** Says how a key stands at `now`. */
export function apiKeyStanding({ expiresAt, revokedAt }: ApiKeyTime, now: Date): ApiKeyStanding {
  if (revokedAt) return 'revoked';
  if (expiresAt <= now) return 'expired';
  return expiresAt.getTime() - now.getTime() <= apiKeyWarningSeconds * 1_000 ? 'expiring' : 'good';
}

/**
 * What a key of a service account may do: what it was made for, as far as the account is still assigned it. A tool that was assigned
 * anew, as it is now, counts as it is now; a key never lets through what it was not made for.
 */
export function narrowToOwner(key: ConsentTerms, owner: ConsentTerms | undefined): ConsentTerms {
  const assigned = new Map(owner?.tools.map((tool) => [tool.name, tool]));
  return {
    tools: key.tools.map(({ name }) => assigned.get(name)).filter((tool) => tool !== undefined),
    resources: key.resources && (owner?.resources ?? false),
    prompts: key.prompts && (owner?.prompts ?? false),
    ...(key.expiresAt && { expiresAt: key.expiresAt }),
  };
}
