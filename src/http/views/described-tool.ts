/** A tool as pages know it: the server's words, and whose word its risk is. Pure. */
import type { CatalogueTool } from '../../domain/consent.ts';
import type { RiskProfile } from '../../domain/risk.ts';
import { assumptionsOf, type JsonObject, riskOfAnnotations, type ToolDefinition } from '../../domain/tool.ts';
import type { RiskSource } from './risk-words.ts';

/** A tool with the server's own words. */
export interface DescribedTool extends CatalogueTool {
  title?: string | undefined;
  description?: string | undefined;
  annotations?: unknown;
  inputSchema?: JsonObject | undefined;
  outputSchema?: JsonObject | undefined;
  /** What an administrator said instead of the server. */
  override?: RiskProfile | undefined;
}

/** The definition that is shown. */
export function definitionOf(tool: DescribedTool): ToolDefinition {
  const { name, title, description, inputSchema = {}, outputSchema } = tool;
  return {
    name,
    annotations: annotationsOf(tool),
    inputSchema,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(outputSchema !== undefined && { outputSchema }),
  };
}

/** Whose word the risk is: an administrator's, the server's, or nobody's, and then the worst is assumed. */
export function sourceOf(tool: DescribedTool): RiskSource {
  const claim = riskOfAnnotations(annotationsOf(tool));
  if (tool.override) return { by: 'administrator', ...(isOther(claim, tool.override) && { claim }) };
  if (isUnclaimed(tool)) return { by: 'nobody' };
  const assumed = assumptionsOf(annotationsOf(tool));
  return assumed.harm || assumed.reach ? { by: 'server-in-part', assumed } : { by: 'server' };
}

function isOther(a: RiskProfile, b: RiskProfile): boolean {
  return a.risk !== b.risk || a.openWorld !== b.openWorld;
}

/** Whether the server leaves open what the tool does, so that its risk is the assumed worst and not a claim. */
export function isUnclaimed(tool: DescribedTool): boolean {
  const { readOnlyHint, destructiveHint } = annotationsOf(tool);
  return !tool.override && tool.risk === 'destructive' && typeof readOnlyHint !== 'boolean' && typeof destructiveHint !== 'boolean';
}

function annotationsOf({ annotations }: DescribedTool): JsonObject {
  return typeof annotations === 'object' && annotations !== null ? (annotations as JsonObject) : {};
}
