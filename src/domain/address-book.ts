import { hostNames, issuerPath } from './issuer-url.ts';

/** What stands in the book. */
interface Addressed {
  id: string;
  issuer: string;
}

/** What a request's host and path lead to. */
export type Addressee<Entry> =
  /** `rest` is the path below the issuer; undefined for the well-known forms that stand before its path (RFC 8414 §3.1, MCP-3). */
  | { found: Entry; rest: string | undefined }
  /** No issuer has this host name; or one has, but not at this path. */
  | { missing: 'host' | 'path' };

const insertedForm = /^\/\.well-known\/(?:oauth-authorization-server|openid-configuration)(?=\/)/;

/** Finds issuers by the host and path of a request: exactly as they are spelled, whatever the path means elsewhere. */
export class AddressBook<Entry extends Addressed> {
  readonly #entries = new Map<string, Entry>();
  /** By host name, then by the issuer's path. */
  readonly #hosts = new Map<string, { paths: Map<string, Entry>; maxSegments: number }>();

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Puts an entry in, in the place of the one with its id. */
  put(entry: Entry): void {
    this.#remove(entry.id);
    this.#entries.set(entry.id, entry);
    const path = issuerPath(entry.issuer);
    for (const name of hostNames(entry.issuer)) {
      const host = this.#hosts.get(name) ?? { paths: new Map<string, Entry>(), maxSegments: 0 };
      host.paths.set(path, entry);
      host.maxSegments = Math.max(host.maxSegments, path.split('/').length - 1);
      this.#hosts.set(name, host);
    }
  }

  /** The entry that a request is for. `host` is the whole `Host` header. */
  find(host: string, path: string): Addressee<Entry> {
    const known = this.#hosts.get(host.toLowerCase());
    if (!known) return { missing: 'host' };
    const { paths, maxSegments } = known;
    const [prefix] = insertedForm.exec(path) ?? [];
    const named = prefix === undefined ? undefined : paths.get(path.slice(prefix.length));
    if (named) return { found: named, rest: undefined };
    let longest = paths.has('') ? '' : undefined;
    for (let segments = 0, end = 0; segments < maxSegments && end < path.length; segments += 1) {
      const next = path.indexOf('/', end + 1);
      end = next === -1 ? path.length : next;
      if (paths.has(path.slice(0, end))) longest = path.slice(0, end);
    }
    const found = longest === undefined ? undefined : paths.get(longest);
    return found && longest !== undefined ? { found, rest: path.slice(longest.length) } : { missing: 'path' };
  }

  #remove(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    const path = issuerPath(entry.issuer);
    for (const name of hostNames(entry.issuer)) {
      const host = this.#hosts.get(name);
      if (host?.paths.get(path)?.id === id) host.paths.delete(path);
      if (host?.paths.size === 0) this.#hosts.delete(name);
    }
    this.#entries.delete(id);
  }
}
