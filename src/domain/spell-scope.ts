import { formatToolScope, PROMPTS_SCOPE, RESOURCES_SCOPE, splitScope, TOOLS_LISTED_SCOPE } from '../resource-server/scope.ts';
import type { EffectiveTools } from './effective-tools.ts';

/** The longest `scope` a token lists, in bytes; a larger selection goes into a document (MCP servers have 8 KB for headers). */
const maxListedScopeBytes = 2_048;

/**
 * Spells effective tools as a scope. Up to 2 KiB each tool is listed; beyond that the scope is `tools.listed` and the tools
 * stand in `document`, which is named by its own SHA-256. The salt keeps equal selections of two people from looking alike.
 */
export function spellScope(effective: EffectiveTools, salt: string): { scope: string; document?: string } {
  const listed = spellWholeScope(effective);
  if (Buffer.byteLength(listed) <= maxListedScopeBytes) return { scope: listed };
  const document = JSON.stringify({ salt, tools: effective.allowed.map(({ name, digest }) => ({ name, digest })) });
  return { scope: [TOOLS_LISTED_SCOPE, ...extrasOf(effective)].join(' '), document };
}

/** Spells all of them, however many: where no header has to carry it. */
export function spellWholeScope(effective: EffectiveTools): string {
  return [...effective.allowed.map(({ name }) => formatToolScope(name)), ...extrasOf(effective)].join(' ');
}

function extrasOf({ resources, prompts }: EffectiveTools): string[] {
  return [...(resources ? [RESOURCES_SCOPE] : []), ...(prompts ? [PROMPTS_SCOPE] : [])];
}

/** The scopes a request names, as sent, each once. */
export function namedScopes(requestedScope: string | undefined): string[] {
  return splitScope(requestedScope ?? '');
}
