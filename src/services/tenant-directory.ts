/**
 * Which tenant a request is for, and what that is set to. All tenants are kept in memory (some 500 bytes each), so that a request asks
 * the database nothing, and a flood of unknown hosts and slugs costs two small queries per second at most, and no memory.
 */
import { AddressBook, type Addressee } from '../domain/address-book.ts';
import { areSameSettings } from '../domain/tenant-settings.ts';
import { atMost } from '../platform/at-most.ts';
import { logFault } from '../platform/logger.ts';
import { type DatedTenant, listTenantsChangedSince } from '../store/tenants.ts';
import type { Runtime, Tenant } from './runtime.ts';

/**
 * How old the copy may be, in milliseconds: from `due` on it is looked over beside the requests (where one leads nowhere, the request
 * waits for it), from `stale` on requests wait, for `longestWait` at most; from `whole` on all rows are read.
 */
const ages = { due: 500, stale: 1_000, longestWait: 250, whole: 60_000 } as const;

/** Rows written this long before the newest seen are read again, because they may have been committed after it. */
const overlapMs = 30_000;

const unreadMessage =
  'settings of a tenant cannot be read by this version: the most careful values stand in for them; "toolgrant tenant show" tells which';

/** Whether two readings of a tenant say the same. */
export function isSameTenant(a: Tenant, b: Tenant): boolean {
  if (a === b) return true;
  return a.id === b.id && a.issuer === b.issuer && a.slug === b.slug && a.name === b.name && areSameSettings(a.settings, b.settings);
}

/** A well-known form that stands before an issuer's path. */
const insertedForm = /^\/\.well-known\/[a-z-]+\/./;

/** The tenants of a process. */
export interface TenantDirectory {
  /** By what is known now; asks nobody. `host` is the whole `Host` header, `path` the undecoded path. */
  lookUp(host: string, path: string): Addressee<Tenant>;
  /**
   * The same, by what was true a second ago at most while the database answers. Before it says that there is none, it asks the database;
   * all this together with everyone who waits, and at most twice a second.
   */
  find(host: string, path: string): Addressee<Tenant> | Promise<Addressee<Tenant>>;
  /** Takes over what changed until now; when a row was changed elsewhere. */
  refresh(): Promise<void>;
  /** How many tenants there are. */
  size(): number;
}

/** Opens the directory. The root tenant's URL and slug stand as given, whatever a row says: the URL is of this process's settings. */
export async function openTenantDirectory(runtime: Pick<Runtime, 'store' | 'clock' | 'log'>, root: Tenant): Promise<TenantDirectory> {
  const nowMs = () => runtime.clock.now().getTime();
  let book = new AddressBook<Tenant>();
  let newestMs: number | undefined;
  let wholeAtMs = Number.NEGATIVE_INFINITY;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let readAtMs = Number.NEGATIVE_INFINITY;
  /** What was said of a tenant's settings, so that it is said once. */
  const told = new Map<string, string>();
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const take = (into: AddressBook<Tenant>, rows: readonly DatedTenant[]) => {
    for (const { changedAt, unread, ...row } of rows) {
      newestMs = Math.max(newestMs ?? 0, changedAt.getTime());
      const found: Tenant = row.id === root.id ? { ...row, issuer: root.issuer, slug: root.slug } : row;
      const known = book.get(row.id);
      const isSame = known !== undefined && isSameTenant(known, found);
      into.put(isSame ? known : found);
      const problems = unread.map(({ name, problem }) => `${name} ${problem}`).join('; ');
      if (problems === (told.get(row.id) ?? '')) continue;
      told.set(row.id, problems);
      if (problems !== '') runtime.log.warn({ tenant: row.slug, problems }, unreadMessage);
    }
  };
  const read = async () => {
    const startedAtMs = nowMs();
    askedAtMs = startedAtMs;
    if (Math.abs(startedAtMs - wholeAtMs) < ages.whole && newestMs !== undefined) {
      take(book, await listTenantsChangedSince(runtime.store, new Date(newestMs - overlapMs)));
      readAtMs = startedAtMs;
      return;
    }
    const whole = new AddressBook<Tenant>();
    whole.put(root);
    take(whole, await listTenantsChangedSince(runtime.store, undefined));
    book = whole;
    wholeAtMs = startedAtMs;
    readAtMs = startedAtMs;
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
  const isOlderThan = (atMs: number, ms: number) => Math.abs(nowMs() - atMs) >= ms;
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
        return isOlderThan(askedAtMs, ages.due) ? start().then(() => book.find(host, path)) : found;
      }
      if (!running && isOlderThan(askedAtMs, ages.due)) {
        start().catch((error: unknown) => logFault(runtime.log, error, { message: 'the tenants could not be looked over' }));
      }
      if (!running || !isOlderThan(readAtMs, ages.stale)) return found;
      return atMost(
        running.catch(() => undefined),
        ages.longestWait,
      ).then(() => book.find(host, path));
    },
    refresh,
    size: () => book.size,
  };
}
