/** What a machine asks for with `scope`: nobody is there to fill it in, so what it is assigned is narrowed to what it names. */
import { parseScope } from '../resource-server/scope.ts';
import { isUnderCeiling } from './ceiling.ts';
import type { CatalogueTool } from './consent.ts';
import type { EffectiveTools } from './effective-tools.ts';

/** Scopes of OpenID Connect, which say nothing about tools; clients send them along. */
const identityScopes = new Set(['openid', 'profile', 'email', 'offline_access']);

/**
 * Narrows effective tools to a requested scope. None at all, or nothing but scopes of OpenID Connect, means everything that is assigned;
 * a name that means nothing gives nothing.
 */
export function narrowToScope(
  effective: EffectiveTools,
  requestedScope: string | undefined,
  catalogue: readonly CatalogueTool[],
): EffectiveTools {
  const { tools, toolsRead, toolNames, resources, prompts, others, ...rest } = parseScope(requestedScope ?? '');
  const isNamed = tools || toolsRead || resources || prompts || rest.toolsListed || rest.catalogue || toolNames.length > 0;
  if (!isNamed && others.every((name) => identityScopes.has(name))) return effective;
  const ceiling = { tools: tools ? 'all' : toolsRead ? 'read' : 'named', toolNames, resources, prompts } as const;
  const now = new Map(catalogue.map((tool) => [tool.name, tool]));
  return {
    ...effective,
    allowed: effective.allowed.filter((tool) => isUnderCeiling(ceiling, now.get(tool.name) ?? tool)),
    resources: effective.resources && resources,
    prompts: effective.prompts && prompts,
  };
}

/** Whether anything is left. */
export function givesAnything({ allowed, resources, prompts }: EffectiveTools): boolean {
  return allowed.length > 0 || resources || prompts;
}
