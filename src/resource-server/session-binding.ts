import type { Access } from './access.ts';
import { BoundedMap } from './bounded-map.ts';

const MAX_SESSIONS = 10_000;

/** Ties MCP session ids to whoever opened them: an id is not authentication (MCP security best practices). */
export interface SessionBinding {
  /** Remembers who was given a session id. */
  remember(sessionId: string, access: Access): void;
  /** Whether this session is known to be somebody else's. */
  isForeign(sessionId: string, access: Access): boolean;
}

/**
 * Keeps the newest ten thousand sessions of this process. Ids that it does not know are left to the
 * server, which may have opened them in another process.
 */
export function createSessionBinding(): SessionBinding {
  const owners = new BoundedMap<string, string>({ maxWeight: MAX_SESSIONS });
  const ownerOf = (access: Access): string => JSON.stringify([access.subject, access.clientId]);
  return {
    remember: (sessionId, access) => owners.set(sessionId, ownerOf(access)),
    isForeign(sessionId, access) {
      const owner = owners.get(sessionId);
      return owner !== undefined && owner !== ownerOf(access);
    },
  };
}
