import { formatToolScope, PROMPTS_SCOPE, RESOURCES_SCOPE, splitScope, TOOLS_LISTED_SCOPE } from '../resource-server/scope.ts';
import type { EffectiveTools } from './effective-tools.ts';

/** The longest `scope` a token lists, in bytes; a larger selection goes into a document (MCP servers have 8 KB for headers). */
const maxListedScopeBytes = 2_048;

/**
 * Spells effective tools as a scope. Up to 2 KiB each tool is listed; beyond that the scope is `tools.listed` and the tools
 * stand in `document`, which is named by its own SHA-256. The salt keeps equal selections of two people from looking alike.
 */
export function spellScope(effective: EffectiveTools, salt: string): { scope: string; document?: string } {
  const extras = [...(effective.resources ? [RESOURCES_SCOPE] : []), ...(effective.prompts ? [PROMPTS_SCOPE] : [])];
  const listed = [...effective.allowed.map(({ name }) => formatToolScope(name)), ...extras].join(' ');
  if (Buffer.byteLength(listed) <= maxListedScopeBytes) return { scope: listed };
  const document = JSON.stringify({ salt, tools: effective.allowed.map(({ name, digest }) => ({ name, digest })) });
  return { scope: [TOOLS_LISTED_SCOPE, ...extras].join(' '), document };
}

/** The scopes a request names, as sent, each once. */
export function namedScopes(requestedScope: string | undefined): string[] {
  return splitScope(requestedScope ?? '');
}
