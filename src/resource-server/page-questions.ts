import type { Access } from './access.ts';
import { ambientId } from './ambient.ts';
import { declaresPages } from './elicit-widening.ts';
import { echoableId, methodOf, ownText, ownValue } from './json-rpc.ts';
import { hasUrlElicitationErrors } from './protocol-era.ts';

/** What is asked of the person behind one transport, whose client opens pages for her (MCP 2025-11-25). */
export interface PageQuestions {
  /** Hears the beginning of the session. */
  hear(message: unknown, access: Access): void;
  /** Hears how the server answers it: that says which revision is spoken. */
  hearAnswer(message: unknown): void;
  /** Names the question about a tool, the same one for as long as it is open; undefined where the caller's client opens no pages. */
  idFor(tool: string, access: Access): string | undefined;
  /** The questions that this token answers: what they asked for is allowed. Each is told once. */
  takeAnswered(access: Access): readonly string[];
}

/** A person who was asked about more tools than this is not told of the oldest that they are allowed now. */
const MAX_OPEN = 100;

/** Makes them for one transport. */
export function createPageQuestions(): PageQuestions {
  /** Who began the session: another caller of the same transport has declared nothing. */
  let asker: { readonly owner: string; readonly initializeId: unknown; isAble: boolean } | undefined;
  /** Ids by tool, the oldest first. */
  const open = new Map<string, string>();
  const isAsker = (access: Access): boolean => asker?.isAble === true && asker.owner === ownerOf(access);

  return {
    hear(message, access) {
      if (methodOf(message) !== 'initialize') return;
      open.clear();
      asker = declaresPages(message) ? { owner: ownerOf(access), initializeId: echoableId(message), isAble: false } : undefined;
    },

    hearAnswer(message) {
      if (asker === undefined || asker.isAble || echoableId(message) !== asker.initializeId) return;
      asker.isAble = hasUrlElicitationErrors(ownText(ownValue(message, 'result'), 'protocolVersion'));
    },

    idFor(tool, access) {
      if (!isAsker(access)) return undefined;
      const id = open.get(tool) ?? ambientId();
      open.set(tool, id);
      const [oldest] = open.keys();
      if (open.size > MAX_OPEN && oldest !== undefined) open.delete(oldest);
      return id;
    },

    takeAnswered(access) {
      if (open.size === 0 || !isAsker(access)) return [];
      const answered = [...open].filter(([tool]) => access.allows(tool));
      for (const [tool] of answered) open.delete(tool);
      return answered.map(([, id]) => id);
    },
  };
}

function ownerOf({ subject, clientId, consentId }: Access): string {
  return JSON.stringify([subject, clientId, consentId]);
}
