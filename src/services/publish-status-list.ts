import { deflateSync } from 'node:zlib';
import { importJWK, SignJWT } from 'jose';
import { listInvalidIndices, statusListLength } from '../store/status.ts';
import type { Runtime, Tenant } from './runtime.ts';
import { ensureSigningKeys } from './signing-keys.ts';

/** How long a published list may stand before it is made anew, in milliseconds. */
const maxStandingMs = 500;

/** How long a list counts without a newer one, in seconds; a resource server that cannot fetch goes on until then. */
const listLifeSeconds = 300;

/** How many lists are kept at once, over all tenants; the one unused longest goes first. */
const maxKept = 256;

/** A status list token (draft-ietf-oauth-status-list), ready to be served. */
export interface PublishedStatusList {
  jwt: string;
  /**
   * How long a shared cache may keep it, in seconds: one, because a cache's age adds to the age that resource servers accept,
   * and both together must stay below the 15 seconds that are promised.
   */
  maxAgeSeconds: number;
}

/** Publishes status lists; a change shows within a second. */
export interface StatusListPublisher {
  /** Returns list `list` of a tenant; undefined when there is no such list. Concurrent calls share the work. */
  publish(tenant: Tenant, list: number): Promise<PublishedStatusList | undefined>;
  /** The list that `publish` would answer with at once; undefined when it must be made first. */
  standing(tenant: Tenant, list: number): PublishedStatusList | undefined;
}

/** A list that is made or being made. Its age counts from when making it began, before the database was read. */
interface Standing {
  madeAtMs: number;
  list: Promise<PublishedStatusList | undefined>;
  ready?: PublishedStatusList;
}

const ageGauge = {
  name: 'toolgrant_status_list_age_seconds',
  help: 'The age of the oldest status list that was answered with since somebody last looked.',
  together: 'max',
} as const;

/** Makes the publisher. One per process: it keeps the newest copy of each list for half a second. */
export function createStatusListPublisher(runtime: Runtime): StatusListPublisher {
  const kept = new Map<string, Standing>();
  let oldestMs = 0;
  const find = (key: string) => {
    const standing = kept.get(key);
    if (!standing) return undefined;
    const ageMs = Math.abs(runtime.clock.now().getTime() - standing.madeAtMs);
    if (ageMs >= maxStandingMs) return undefined;
    oldestMs = Math.max(oldestMs, ageMs);
    return standing;
  };
  runtime.metrics.watch(ageGauge, () => {
    const seconds = oldestMs / 1_000;
    oldestMs = 0;
    return seconds;
  });
  return {
    standing: (tenant, list) => find(`${tenant.id} ${list}`)?.ready,
    publish(tenant, list) {
      const key = `${tenant.id} ${list}`;
      const standing = find(key);
      if (standing) return standing.list;
      const startedAt = performance.now();
      const made = buildStatusList(runtime, tenant, list);
      const entry: Standing = { madeAtMs: runtime.clock.now().getTime(), list: made };
      kept.delete(key);
      kept.set(key, entry);
      const forget = () => kept.get(key) === entry && kept.delete(key);
      made.then((built) => {
        const tookMs = performance.now() - startedAt;
        runtime.metrics.observeStatusList(tookMs / 1_000);
        oldestMs = Math.max(oldestMs, tookMs);
        if (built) entry.ready = built;
        else forget();
      }, forget);
      const oldest = kept.keys().next().value;
      if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
      return made;
    },
  };
}

async function buildStatusList(runtime: Runtime, tenant: Tenant, list: number): Promise<PublishedStatusList | undefined> {
  const now = runtime.clock.now();
  const invalid = await listInvalidIndices(runtime.store, tenant.id, list);
  if (!invalid) return undefined;
  const { current } = await ensureSigningKeys(runtime, tenant);
  const issuedAt = Math.floor(now.getTime() / 1_000);
  const jwt = await new SignJWT({ status_list: { bits: 1, lst: encodeStatusList(invalid) }, ttl: runtime.lifetimes.statusListAgeSeconds })
    .setProtectedHeader({ alg: current.algorithm, kid: current.kid, typ: 'statuslist+jwt' })
    .setSubject(`${tenant.issuer}/status/${list}`)
    .setIssuer(tenant.issuer)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + listLifeSeconds)
    .sign(await importJWK(current.privateJwk, current.algorithm));
  return { jwt, maxAgeSeconds: 1 };
}

/** One bit per index, least significant bit first, 1 = INVALID; compressed with zlib, in base64url. */
function encodeStatusList(invalidIndices: readonly number[]): string {
  const bits = new Uint8Array(statusListLength / 8);
  for (const index of invalidIndices) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  return deflateSync(bits, { level: 9 }).toString('base64url');
}
