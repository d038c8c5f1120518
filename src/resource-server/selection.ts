import { base64url } from 'jose';
import { invalidToken, unavailable } from './access-error.ts';
import { BoundedMap } from './bounded-map.ts';
import { type IssuerHttp, parseJsonObject } from './issuer-http.ts';

const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/** How many tool names are kept over all selections. */
const MAX_KEPT_NAMES = 200_000;

/** Finds the tools of a `selection` claim. Throws `temporarily_unavailable` when they cannot be had. */
export type FindSelection = (selection: string) => Promise<ReadonlySet<string>>;

/**
 * Fetches selection documents, `<issuer>/selections/<hash>`. The hash is the SHA-256 of the
 * document's exact bytes, in base64url without padding (43 characters). The document is
 *
 *     {"salt": "<base64url>", "tools": [{"name": "delete_issue", "digest": "…"}, …]}
 *
 * of which only the names matter here. A document that does not have its hash is never used.
 */
export function createSelectionFinder(issuer: string, http: IssuerHttp): FindSelection {
  const kept = new BoundedMap<string, ReadonlySet<string>>({
    maxWeight: MAX_KEPT_NAMES,
    weigh: (names) => names.size + 1,
  });
  const loading = new Map<string, Promise<ReadonlySet<string>>>();
  const base = `${issuer.replace(/\/$/, '')}/selections/`;

  async function load(selection: string): Promise<ReadonlySet<string>> {
    try {
      const bytes = await http.get(base + selection, {
        accept: 'application/json',
        maxBytes: MAX_DOCUMENT_BYTES,
      });
      if ((await hashOf(bytes)) !== selection) throw new Error('The document does not have its hash.');
      const names = readNames(parseJsonObject(bytes).tools);
      kept.set(selection, names);
      return names;
    } catch (cause) {
      throw unavailable('selection', cause);
    }
  }

  return (selection) => {
    if (!/^[A-Za-z0-9_-]{43}$/.test(selection)) return Promise.reject(invalidToken('claims'));
    const names = kept.get(selection);
    if (names !== undefined) return Promise.resolve(names);
    let shared = loading.get(selection);
    if (shared === undefined) {
      shared = load(selection).finally(() => loading.delete(selection));
      loading.set(selection, shared);
    }
    return shared;
  };
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.slice())));
}

function readNames(tools: unknown): ReadonlySet<string> {
  if (!Array.isArray(tools)) throw new Error('The document lists no tools.');
  return new Set(
    tools.map((tool: unknown) => {
      const name = (tool as { name?: unknown } | null)?.name;
      if (typeof name !== 'string') throw new Error('The document lists a tool without a name.');
      return name;
    }),
  );
}
