/**
 * Which tenant a request is for. All tenants' addresses are kept in memory (some 500 bytes each), so that a request asks the
 * database nothing, and a flood of unknown hosts and slugs costs two small queries per second at most, and no memory.
 */
import { AddressBook, type Addressee } from '../domain/address-book.ts';
import { logFault } from '../platform/logger.ts';
import { type DatedTenant, listTenantsChangedSince } from '../store/tenants.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** How old the copy may be before it is looked over again, in milliseconds: at once where a request leads nowhere, behind a hit. */
const maxAgeMs = { miss: 500, hit: 5_000, whole: 60_000 } as const;

/** Rows written this long before the newest seen are read again, because they may have been committed after it. */
const overlapMs = 30_000;

/** A well-known form that stands before an issuer's path. */
const insertedForm = /^\/\.well-known\/[a-z-]+\/./;

/** The tenants of a process. */
export interface TenantDirectory {
  /** By what is known now; asks nobody. `host` is the whole `Host` header, `path` the undecoded path. */
  lookUp(host: string, path: string): Addressee<Tenant>;
  /** The same; before it says that there is none, it asks the database, together with everyone who waits and at most twice a second. */
  find(host: string, path: string): Addressee<Tenant> | Promise<Addressee<Tenant>>;
  /** Takes over what changed until now; when a row was changed elsewhere. */
  refresh(): Promise<void>;
  /** How many tenants there are. */
  size(): number;
}

/** Opens the directory. The root tenant stands as given, whatever a row says: its URL is of this process's settings. */
export async function openTenantDirectory(runtime: Pick<Runtime, 'store' | 'clock' | 'log'>, root: Tenant): Promise<TenantDirectory> {
  const nowMs = () => runtime.clock.now().getTime();
  let book = new AddressBook<Tenant>();
  let newestMs: number | undefined;
  let wholeAtMs = Number.NEGATIVE_INFINITY;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const take = (into: AddressBook<Tenant>, rows: readonly DatedTenant[]) => {
    for (const { changedAt, ...row } of rows) {
      newestMs = Math.max(newestMs ?? 0, changedAt.getTime());
      const known = book.get(row.id);
      const isSame = known && known.issuer === row.issuer && known.slug === row.slug && known.name === row.name;
      if (row.id !== root.id) into.put(isSame ? known : row);
    }
  };
  const read = async () => {
    const startedAtMs = nowMs();
    askedAtMs = startedAtMs;
    if (Math.abs(startedAtMs - wholeAtMs) < maxAgeMs.whole && newestMs !== undefined) {
      take(book, await listTenantsChangedSince(runtime.store, new Date(newestMs - overlapMs)));
      return;
    }
    const whole = new AddressBook<Tenant>();
    whole.put(root);
    take(whole, await listTenantsChangedSince(runtime.store, undefined));
    book = whole;
    wholeAtMs = startedAtMs;
  };
  const start = (): Promise<void> => {
    const reading = read().finally(() => {
      if (running === reading) running = undefined;
    });
    running = reading;
    return reading;
  };
  /** What runs already may have read before the change that the caller means; one that comes after it is shared by all who wait. */
  const refresh = (): Promise<void> => {
    if (!running) return start();
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return start();
      });
    return next;
  };
  const isOlderThan = (ms: number) => Math.abs(nowMs() - askedAtMs) >= ms;
  const mayBeNew = (found: Addressee<Tenant>, path: string) => {
    if ('missing' in found) return true;
    return found.found.id === root.id && found.rest !== undefined && (found.rest.startsWith('/t/') || insertedForm.test(path));
  };

  await start();
  return {
    lookUp: (host, path) => book.find(host, path),
    find: (host, path) => {
      const found = book.find(host, path);
      if (mayBeNew(found, path)) {
        if (running) return running.then(() => book.find(host, path));
        return isOlderThan(maxAgeMs.miss) ? start().then(() => book.find(host, path)) : found;
      }
      if (!running && isOlderThan(maxAgeMs.hit)) {
        start().catch((error: unknown) => logFault(runtime.log, error, { message: 'the tenants could not be looked over' }));
      }
      return found;
    },
    refresh,
    size: () => book.size,
  };
}
