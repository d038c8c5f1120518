import type { Tenant } from '../services/runtime.ts';
import { isSameTenant } from '../services/tenant-directory.ts';
import type { Site } from './site.ts';

/** The sites of the tenants that are used now: made when first asked for, the one unused longest goes when there are too many. */
export interface Sites {
  /** Works with a tenant's site, which stays whole until the work is done, whatever else happens to it. Throws what building it threw. */
  use<Result>(tenant: Tenant, work: (site: Site) => Result | Promise<Result>): Promise<Result>;
  /** The site of a tenant if it stands ready; makes nothing, and does not count as use. */
  atHand(tenant: Tenant): Site | undefined;
  /** How many there are. */
  size(): number;
  /** Lets all of them go. */
  clear(): void;
}

interface Entry {
  tenant: Tenant;
  building: Promise<Site>;
  site?: Site;
  users: number;
  isGone: boolean;
}

/**
 * Makes the sites. Requests that come together for a tenant share one building; one that fails is forgotten, so that the next
 * request tries anew. `release` is called once for each site that went, when nobody uses it any more.
 */
export function createSites(options: { build: (tenant: Tenant) => Promise<Site>; maxKept: number; release?: (site: Site) => void }): Sites {
  const { build, maxKept, release } = options;
  /** Least recently used first. */
  const kept = new Map<string, Entry>();

  const settle = (entry: Entry) => {
    if (entry.isGone && entry.users === 0 && entry.site) release?.(entry.site);
  };
  const drop = (entry: Entry) => {
    if (entry.isGone) return;
    entry.isGone = true;
    if (kept.get(entry.tenant.id) === entry) kept.delete(entry.tenant.id);
    settle(entry);
  };
  const make = (tenant: Tenant): Entry => {
    const entry: Entry = { tenant, building: build(tenant), users: 0, isGone: false };
    entry.building.then(
      (site) => {
        entry.site = site;
        settle(entry);
      },
      () => drop(entry),
    );
    return entry;
  };
  /** A tenant whose row was changed gets another site. */
  const obtain = (tenant: Tenant): Entry => {
    const standing = kept.get(tenant.id);
    const entry = standing && isSameTenant(standing.tenant, tenant) ? standing : make(tenant);
    if (standing && standing !== entry) drop(standing);
    kept.delete(tenant.id);
    kept.set(tenant.id, entry);
    const [oldest] = kept.values();
    if (kept.size > maxKept && oldest) drop(oldest);
    return entry;
  };

  return {
    use: async (tenant, work) => {
      const entry = obtain(tenant);
      entry.users += 1;
      try {
        return await work(entry.site ?? (await entry.building));
      } finally {
        entry.users -= 1;
        settle(entry);
      }
    },
    atHand: (tenant) => {
      const entry = kept.get(tenant.id);
      return entry && isSameTenant(entry.tenant, tenant) ? entry.site : undefined;
    },
    size: () => kept.size,
    clear: () => {
      for (const entry of [...kept.values()]) drop(entry);
    },
  };
}
