/**
 * Reads what a server answered to `tools/list`. A stranger's text, so every bound is here: what does not fit is left out of the
 * catalogue with its reason, and a tool that is not in the catalogue cannot be allowed to anyone (ABUSE-89).
 */
import { isToolName } from '../resource-server/scope.ts';
import { canonicalDefinition, type Json, type JsonObject, type ToolDefinition } from './tool.ts';

/** Bounds of a catalogue. */
export const catalogueBounds = {
  maxTools: 5_000,
  /** A longer name does not fit into a challenge. */
  maxNameCharacters: 512,
  /** Of one definition in canonical JSON. */
  maxDefinitionCharacters: 262_144,
  /** Levels of arrays and objects in a definition. */
  maxDepth: 64,
} as const;

/** Why a tool is not in the catalogue. */
export type UnreadableTool =
  /** No object with a name and an input schema. */
  | 'no-tool'
  /** No name can be spelled like this in a scope. */
  | 'bad-name'
  /** A text in it is not well-formed Unicode, or holds NUL. */
  | 'bad-text'
  | 'too-large'
  | 'too-deep'
  /** Two different tools have this name: nobody knows which one a call would reach. */
  | 'ambiguous';

/** A tool that was read, with its canonical text. */
export interface ReadTool {
  definition: ToolDefinition;
  canonical: string;
}

/** What a server's list amounts to. */
export interface ReadTools {
  /** In the order of the list, each name once. */
  tools: readonly ReadTool[];
  /** `name` is cut to 100 characters. */
  leftOut: readonly { name: string; reason: UnreadableTool }[];
}

/** Reads the entries of a list. Never throws. */
export function readTools(entries: readonly unknown[]): ReadTools {
  const found = new Map<string, ReadTool>();
  const ambiguous = new Set<string>();
  const leftOut: { name: string; reason: UnreadableTool }[] = [];
  for (const entry of entries) {
    const read = readTool(entry);
    if (typeof read === 'string') {
      leftOut.push({ name: nameForMessages(entry), reason: read });
      continue;
    }
    const { name } = read.definition;
    const before = found.get(name);
    if (before && before.canonical !== read.canonical) ambiguous.add(name);
    if (!before) found.set(name, read);
  }
  for (const name of ambiguous) leftOut.push({ name: name.slice(0, 100), reason: 'ambiguous' });
  return { tools: [...found.values()].filter(({ definition }) => !ambiguous.has(definition.name)), leftOut };
}

function readTool(entry: unknown): ReadTool | UnreadableTool {
  if (!isObject(entry) || typeof entry.name !== 'string' || !isObject(entry.inputSchema)) return 'no-tool';
  const { name, title, description, annotations, inputSchema, outputSchema } = entry;
  if (name.length > catalogueBounds.maxNameCharacters || !isToolName(name) || /\p{Cc}/u.test(name)) return 'bad-name';
  if (isDeeperThan(entry, catalogueBounds.maxDepth)) return 'too-deep';
  const definition: ToolDefinition = {
    name,
    ...(typeof title === 'string' && { title }),
    ...(typeof description === 'string' && { description }),
    annotations: isObject(annotations) ? pickAnnotations(annotations) : {},
    inputSchema,
    ...(isObject(outputSchema) && { outputSchema }),
  };
  if (typeof title === 'undefined' && typeof definition.annotations.title === 'string') definition.title = definition.annotations.title;
  const canonical = canonicalOf(definition);
  if (canonical === undefined || nulInJson.test(canonical)) return 'bad-text';
  return canonical.length > catalogueBounds.maxDefinitionCharacters ? 'too-large' : { definition, canonical };
}

/** The specification's own. The official client passes on no others, and a definition must be the same whichever way it came here. */
const annotationNames = ['title', 'readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const;

function pickAnnotations(annotations: JsonObject): JsonObject {
  return Object.fromEntries(
    annotationNames.flatMap((name) => (Object.hasOwn(annotations, name) ? [[name, annotations[name] ?? null]] : [])),
  );
}

/** `\u0000` as JSON spells it, and not a backslash followed by such letters. PostgreSQL cannot keep it. */
const nulInJson = /(?<!\\)(?:\\\\)*\\u0000/;

function canonicalOf(definition: ToolDefinition): string | undefined {
  try {
    return canonicalDefinition(definition);
  } catch {
    return undefined; // a lone surrogate
  }
}

function nameForMessages(entry: unknown): string {
  return isObject(entry) && typeof entry.name === 'string' ? entry.name.slice(0, 100) : '';
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value as Record<string, Json>).some((member) => isDeeperThan(member, depth - 1));
}
