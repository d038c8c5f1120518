/** A ceiling: the most that a request asks for. The person fills it in; nothing outside it is ever added. */
import { parseScope } from '../resource-server/scope.ts';
import type { Risk } from './risk.ts';

/** What the scopes of a request add up to. */
export interface Ceiling {
  /** `all`: whatever the person allows; `read`: at most the tools that only read; `named`: only those in `toolNames`. */
  tools: 'all' | 'read' | 'named';
  /** Tools asked for by name, beside what `tools` says. */
  toolNames: readonly string[];
  resources: boolean;
  prompts: boolean;
}

/** Reads the requested scope. Nothing of ours in it, or no scope at all, means `tools` (MCP-12). */
export function parseCeiling(requestedScope: string | undefined): Ceiling {
  const parsed = parseScope(requestedScope ?? '');
  const { toolNames, resources, prompts } = parsed;
  const named = toolNames.length > 0 || resources || prompts;
  const tools = parsed.tools ? 'all' : parsed.toolsRead ? 'read' : named ? 'named' : 'all';
  return { tools, toolNames, resources, prompts };
}

/** The names in a requested scope that are not of our grammar: those of OpenID Connect, and unknown ones. */
export function otherScopes(requestedScope: string | undefined): readonly string[] {
  return parseScope(requestedScope ?? '').others;
}

/** Whether a tool lies under the ceiling. */
export function isUnderCeiling(ceiling: Ceiling, tool: { name: string; risk: Risk }): boolean {
  if (ceiling.tools === 'all' || ceiling.toolNames.includes(tool.name)) return true;
  return ceiling.tools === 'read' && tool.risk === 'read';
}
