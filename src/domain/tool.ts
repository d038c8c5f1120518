/**
 * Tools as a server describes them: the definition that people decide about, its canonical text, and the risk that follows from
 * its annotations. All of it is the server's own claim and untrusted text; it is kept whole and escaped where it is shown.
 */
import canonicalize from 'canonicalize';
import type { RiskProfile } from './risk.ts';

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** A tool of a server, as far as people and models read it. */
export interface ToolDefinition {
  name: string;
  title?: string;
  description?: string;
  annotations: JsonObject;
  inputSchema: JsonObject;
  outputSchema?: JsonObject;
}

/**
 * What a tool may do, by its annotations and the specification's defaults (MCP 2026-07-28 schema, `ToolAnnotations`): one that
 * says nothing of itself may destroy and reaches beyond its server. Nothing but the two words `true` and `false` counts.
 */
export function riskOfAnnotations(annotations: JsonObject): RiskProfile {
  const openWorld = annotations.openWorldHint !== false;
  if (annotations.readOnlyHint === true) return { risk: 'read', openWorld };
  return { risk: annotations.destructiveHint === false ? 'write' : 'destructive', openWorld };
}

/** What of a tool's risk is no claim of its server's: it says nothing of that, and the specification's default is the worst. */
export interface Assumptions {
  /** That it may destroy. */
  harm: boolean;
  /** That it reaches beyond its server. */
  reach: boolean;
}

/** What {@link riskOfAnnotations} assumes. */
export function assumptionsOf({ readOnlyHint, destructiveHint, openWorldHint }: JsonObject): Assumptions {
  return { harm: readOnlyHint !== true && typeof destructiveHint !== 'boolean', reach: typeof openWorldHint !== 'boolean' };
}

/**
 * The text that a tool's digest is made of: its definition in canonical JSON (RFC 8785).
 * Throws when a text in it is not well-formed Unicode.
 */
export function canonicalDefinition(tool: ToolDefinition): string {
  const { name, title, description, annotations, inputSchema, outputSchema } = tool;
  return canonicalJson({
    name,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    annotations,
    inputSchema,
    ...(outputSchema && { outputSchema }),
  });
}

/** Canonical JSON (RFC 8785): two values are the same where their texts are. Throws when a text is not well-formed Unicode. */
export function canonicalJson(value: Json): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('a value has no canonical form');
  return text;
}
