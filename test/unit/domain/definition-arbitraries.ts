/** Definitions of one tool, as servers write them and as attackers do. */
import fc from 'fast-check';
import type { Json, JsonObject, ToolDefinition } from '../../../src/domain/tool.ts';

/** Characters that are there without being seen. */
export const hiddenCharacters = ['\u200b', '\u202e', '\u2060', '\u00ad', '\ufeff', '\u{e0061}', '\ue000', '\u3164', '\u0007'] as const;

const wording = fc.oneof(
  fc.constantFrom('Lists issues.', 'Deletes an issue for good.', 'Sends it.', 'Résumé – “ok”…', '⚠️ Careful 👩‍💻'),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom(...hiddenCharacters).map((character) => `a${character}b`),
);

const propertyName = fc.constantFrom('to', 'cc', 'title', 'required', 'properties', 'constructor', 'x-mcp-header', 'a/b~c', '\u200bz');

const hint = fc.constantFrom<Json | undefined>(true, false, undefined, 'true', null);

const annotationsArbitrary: fc.Arbitrary<JsonObject> = fc
  .record({
    readOnlyHint: hint,
    destructiveHint: hint,
    openWorldHint: hint,
    idempotentHint: hint,
    audience: fc.constantFrom('x', undefined),
  })
  .map(withoutAbsent);

const innerSchema: fc.Arbitrary<JsonObject> = fc
  .record({
    type: fc.constantFrom<Json | undefined>('string', ['string', 'null'], undefined),
    description: fc.option(wording, { nil: undefined }),
    default: fc.constantFrom<Json | undefined>('x', { required: ['to'] }, undefined),
    'x-mcp-header': fc.constantFrom<Json | undefined>('Region', 'Authorization', undefined, undefined),
    required: fc.constantFrom<Json | undefined>(['to'], ['cc', 'to'], undefined),
  })
  .map(withoutAbsent);

const schemaArbitrary: fc.Arbitrary<JsonObject> = fc
  .record({
    type: fc.constantFrom<Json | undefined>('object', undefined),
    title: fc.option(wording, { nil: undefined }),
    examples: fc.constantFrom<Json | undefined>(['example'], undefined),
    $schema: fc.constantFrom<Json | undefined>('http://json-schema.org/draft-07/schema#', undefined),
    required: fc.option(fc.uniqueArray(propertyName, { maxLength: 2 }), { nil: undefined }),
    properties: fc.option(fc.dictionary(propertyName, innerSchema, { maxKeys: 2 }), { nil: undefined }),
    anyOf: fc.option(fc.array(innerSchema, { maxLength: 1 }), { nil: undefined, freq: 1 }),
  })
  .map(withoutAbsent);

/** A definition of the tool `tool`. */
export const definitionArbitrary: fc.Arbitrary<ToolDefinition> = fc
  .record({
    name: fc.constant('tool'),
    title: fc.option(wording, { nil: undefined }),
    description: fc.option(wording, { nil: undefined }),
    annotations: annotationsArbitrary,
    inputSchema: schemaArbitrary,
    outputSchema: fc.option(innerSchema, { nil: undefined }),
  })
  .map((definition) => withoutAbsent(definition) as unknown as ToolDefinition);

/** A text of a definition, and how to write another in its place. */
export interface TextPlace {
  /** Words that people and models read, and that nothing else depends on. */
  isWording: boolean;
  write(definition: ToolDefinition, change: (text: string) => string): void;
}

/** Every text in a definition but its name. */
export function texts(definition: ToolDefinition): TextPlace[] {
  const { name: _, ...rest } = definition;
  return placesIn(rest as unknown as Json, []);
}

function placesIn(value: Json, path: readonly string[]): TextPlace[] {
  if (typeof value === 'string') {
    const [last, before] = [path.at(-1), path.at(-2)];
    const isWording = (last === 'title' || last === 'description') && before !== 'properties' && before !== 'annotations';
    return [{ isWording, write: (definition, change) => writeAt(definition as unknown as Json, path, change) }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]: [string, Json]) => placesIn(member, [...path, name]));
}

function writeAt(value: Json, [name = '', ...rest]: readonly string[], change: (text: string) => string): void {
  const holder = value as Record<string, Json>;
  const member = holder[name];
  if (rest.length > 0) writeAt(member as Json, rest, change);
  else holder[name] = change(member as string);
}

function withoutAbsent(members: Readonly<Record<string, unknown>>): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JsonObject;
}
