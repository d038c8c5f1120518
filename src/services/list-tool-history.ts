import type { ServerId } from '../domain/ids.ts';
import type { ToolDefinition } from '../domain/tool.ts';
import { classifyChange, type RiskierTrait, riskierTraits, type ToolChange } from '../domain/tool-change.ts';
import { listToolVersions, type ToolVersion } from '../store/tool-versions.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A definition that a tool has or had, and what has changed since. */
export interface PastDefinition extends ToolVersion {
  change: ToolChange;
  /** What makes the tool riskier now than by this definition. */
  traits: readonly RiskierTrait[];
}

/** Lists the definitions that are kept of a tool, the newest first. */
export async function listToolHistory(
  { store }: Pick<Runtime, 'store'>,
  tenant: Pick<Tenant, 'id'>,
  { serverId, tool }: { serverId: ServerId; tool: ToolDefinition },
): Promise<PastDefinition[]> {
  const versions = await listToolVersions(store, tenant.id, serverId, tool.name);
  return versions.map((version) => ({
    ...version,
    change: classifyChange(version.definition, tool),
    traits: riskierTraits(version.definition, tool),
  }));
}
