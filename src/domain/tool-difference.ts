/** What exactly differs between two definitions of a tool, part by part, for people who decide about it. Pure. */
import { isObject, requiredIn, structureOf } from './schema-parts.ts';
import { canonicalJson, type Json, type JsonObject, type ToolDefinition } from './tool.ts';
import { type RiskierTrait, riskierTraits } from './tool-change.ts';

/** A text that is another one now. */
export interface TextDifference {
  before: string;
  now: string;
}

/** A parameter that came, went, or is another one now. */
export interface ParameterDifference {
  /** Names of properties, outermost first; `[]` stands for every element of a list. */
  path: readonly string[];
  kind: 'added' | 'removed' | 'changed';
  isRequired: boolean;
  /** Whether that is new. */
  isRequiredNow: boolean;
  /** The header of the request that it goes into now and did not before. */
  header?: string;
  description?: TextDifference;
  /** What it accepts, in JSON, where that differs. */
  schema?: TextDifference;
}

/** All that differs. */
export interface ToolDifference {
  traits: readonly RiskierTrait[];
  title?: TextDifference;
  description?: TextDifference;
  parameters: readonly ParameterDifference[];
  /** Rules for arguments that are no single parameter's. */
  hasOtherRules: boolean;
  hasOtherResult: boolean;
}

/** Compares two definitions of one tool. */
export function compareDefinitions(before: ToolDefinition, now: ToolDefinition): ToolDifference {
  const title = compareTexts(before.title, now.title);
  const description = compareTexts(before.description, now.description);
  return {
    traits: riskierTraits(before, now),
    ...(title && { title }),
    ...(description && { description }),
    parameters: compareParameters(before.inputSchema, now.inputSchema),
    hasOtherRules: rulesOf(before.inputSchema) !== rulesOf(now.inputSchema),
    hasOtherResult: canonicalJson(before.outputSchema ?? null) !== canonicalJson(now.outputSchema ?? null),
  };
}

function compareTexts(before: Json | undefined, now: Json | undefined): TextDifference | undefined {
  const [was, is] = [textOf(before), textOf(now)];
  return was === is ? undefined : { before: was, now: is };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

interface Parameter {
  path: readonly string[];
  schema: JsonObject;
  isRequired: boolean;
}

function compareParameters(before: JsonObject, now: JsonObject): ParameterDifference[] {
  const [old, fresh] = [parametersOf(before), parametersOf(now)];
  const keys = new Set([...fresh.keys(), ...old.keys()]);
  return [...keys].flatMap((key) => compareParameter(old.get(key), fresh.get(key)) ?? []);
}

function compareParameter(old: Parameter | undefined, fresh: Parameter | undefined): ParameterDifference | undefined {
  const { path, isRequired } = fresh ?? old ?? { path: [], isRequired: false };
  const description = compareTexts(old?.schema.description, fresh?.schema.description);
  const schema = compareTexts(old && ownRules(old.schema), fresh && ownRules(fresh.schema));
  const header = fresh?.schema['x-mcp-header'];
  const isRequiredNow = (fresh?.isRequired ?? false) && !(old?.isRequired ?? false);
  const isRequiredNoMore = old !== undefined && fresh !== undefined && old.isRequired && !fresh.isRequired;
  if (old && fresh && !description && !schema && !isRequiredNow && !isRequiredNoMore) return undefined;
  return {
    path,
    kind: old && fresh ? 'changed' : fresh ? 'added' : 'removed',
    isRequired,
    isRequiredNow,
    ...(header !== undefined && textOf(header) !== textOf(old?.schema['x-mcp-header']) && { header: textOf(header) }),
    ...(description && { description }),
    ...(schema && { schema }),
  };
}

/** The parameters of a schema by their paths, those inside others too. */
function parametersOf(schema: JsonObject, path: readonly string[] = []): Map<string, Parameter> {
  const required = new Set(requiredIn({ required: schema.required ?? [] }).map(({ name }) => name));
  const found = new Map<string, Parameter>();
  if (!isObject(schema.properties)) return found;
  for (const [name, member] of Object.entries(schema.properties)) {
    if (!isObject(member)) continue;
    const place = [...path, name];
    found.set(JSON.stringify(place), { path: place, schema: member, isRequired: required.has(name) });
    const inner = isObject(member.items) ? parametersOf(member.items, [...place, '[]']) : parametersOf(member, place);
    for (const [key, parameter] of inner) found.set(key, parameter);
  }
  return found;
}

/** What one parameter accepts, without what is said of those inside it. */
function ownRules(schema: JsonObject): string {
  return canonicalJson(withoutProperties(structureOf(schema)));
}

function rulesOf(schema: JsonObject): string {
  return canonicalJson(withoutProperties(structureOf(schema)));
}

function withoutProperties({ properties: _, required: __, items, ...rest }: JsonObject): JsonObject {
  return { ...rest, ...(items !== undefined && { items: isObject(items) ? withoutProperties(items) : items }) };
}
