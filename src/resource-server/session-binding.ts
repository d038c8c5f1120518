import type { Access } from './access.ts';
import { BoundedMap } from './bounded-map.ts';

const MAX_SESSIONS = 10_000;

/** Ties MCP session ids to whoever opened them: an id is not authentication (MCP security best practices). */
export interface SessionBinding {
  /** Remembers who was given a session id; `opensPages`, where the session begins: whether its client can open pages for its person. */
  remember(sessionId: string, access: Access, begun?: { readonly opensPages: boolean }): void;
  /** Whether this session is known to be somebody else's. */
  isForeign(sessionId: string, access: Access): boolean;
  /** Whether this session is known to be this caller's, and its client to open pages. */
  opensPages(sessionId: string, access: Access): boolean;
}

/**
 * Keeps the newest ten thousand sessions of this process. Ids that it does not know are left to the
 * server, which may have opened them in another process.
 */
export function createSessionBinding(): SessionBinding {
  const owners = new BoundedMap<string, { readonly owner: string; readonly opensPages: boolean }>({ maxWeight: MAX_SESSIONS });
  const ownerOf = (access: Access): string => JSON.stringify([access.subject, access.clientId]);
  return {
    remember(sessionId, access, begun) {
      const owner = ownerOf(access);
      const known = owners.get(sessionId);
      const opensPages = begun?.opensPages ?? (known?.owner === owner && known.opensPages);
      owners.set(sessionId, { owner, opensPages });
    },
    isForeign(sessionId, access) {
      const known = owners.get(sessionId);
      return known !== undefined && known.owner !== ownerOf(access);
    },
    opensPages(sessionId, access) {
      const known = owners.get(sessionId);
      return known?.owner === ownerOf(access) && known.opensPages;
    },
  };
}
