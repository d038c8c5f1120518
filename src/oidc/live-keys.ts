import { atMost } from '../platform/at-most.ts';
import { logFault } from '../platform/logger.ts';
import type { Runtime, Tenant } from '../services/runtime.ts';
import { ensureSigningKeys, type SigningKeySet } from '../services/signing-keys.ts';

/** The keys of a tenant, as the database has them. */
export interface LiveKeys {
  /** The newest that are known. */
  newest(): SigningKeySet;
  /** Whether they were looked up within the last second. */
  areFresh(): boolean;
  /**
   * Looks them up when that is due. Who signs waits for it and gets the error of a database that is away; who only reads waits a
   * quarter of a second at most, and goes on with what is known.
   */
  refresh(options: { toSign: boolean }): Promise<void>;
}

/** From this age on they are looked up beside the requests; from that on, requests wait. Monotonic milliseconds. */
const dueMs = 500;
const staleMs = 1_000;
const longestReadMs = 250;

/**
 * Keeps the keys up to date by looking, one small query in half a second while there are requests: that needs no connection of
 * its own, loses no notice, and costs idle tenants nothing. An instance that was cut off or stood still does not sign before it
 * has looked.
 */
export function createLiveKeys(runtime: Runtime, tenant: Tenant, known: SigningKeySet): LiveKeys {
  let keys = known;
  let lookedAt = performance.now();
  let looking: Promise<void> | undefined;
  const age = () => performance.now() - lookedAt;
  const look = () => {
    const startedAt = performance.now();
    looking ??= ensureSigningKeys(runtime, tenant)
      .then((found) => {
        if (found.version !== keys.version) keys = found;
        lookedAt = startedAt;
      })
      .finally(() => {
        looking = undefined;
      });
    return looking;
  };
  return {
    newest: () => keys,
    areFresh: () => age() < staleMs,
    refresh: async ({ toSign }) => {
      if (age() < dueMs) return;
      const looked = look();
      if (age() >= staleMs && toSign) return looked;
      const settled = looked.catch((error: unknown) =>
        logFault(runtime.log, error, { message: 'the signing keys could not be looked up' }),
      );
      if (age() >= staleMs) await atMost(settled, longestReadMs);
    },
  };
}
