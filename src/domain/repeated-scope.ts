import {
  formatToolScope,
  isToolName,
  PROMPTS_SCOPE,
  RESOURCES_SCOPE,
  splitScope,
  TOOLS_LISTED_SCOPE,
  TOOLS_SCOPE,
} from '../resource-server/scope.ts';
import { parseCeiling } from './ceiling.ts';

/** A scope of OpenID Connect that is accepted everywhere and gives nothing. */
const OFFLINE_SCOPE = 'offline_access';

/** What an installation ever asked for, and was ever given. */
export interface ScopeMemory {
  /** As sent, dropped names included. */
  requested: readonly string[];
  /** Of every version of its consent. */
  given: { toolNames: ReadonlySet<string>; resources: boolean; prompts: boolean };
}

/**
 * The first name in the `scope` of a refresh that this installation never asked for and was never given; undefined when there is
 * none. Clients repeat what they once sent or received, so all of that means nothing (ENG-28).
 */
export function findForeignScope(scope: string, memory: ScopeMemory): string | undefined {
  const { requested, given } = memory;
  const known = new Set([
    ...requested,
    // Means nothing here (MCP-24), and some clients add it to every refresh because the metadata names it.
    OFFLINE_SCOPE,
    // A request that named nothing of ours asked for this (MCP-12).
    ...(parseCeiling(requested.join(' ')).tools === 'all' ? [TOOLS_SCOPE] : []),
    TOOLS_LISTED_SCOPE,
    ...(given.resources ? [RESOURCES_SCOPE] : []),
    ...(given.prompts ? [PROMPTS_SCOPE] : []),
    ...[...given.toolNames].filter(isToolName).map(formatToolScope),
  ]);
  return splitScope(scope).find((name) => !known.has(name));
}
