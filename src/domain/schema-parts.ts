/** Takes a JSON Schema (2020-12) apart, as far as comparing two of them needs. Nothing is resolved, fetched or evaluated. */
import type { Json, JsonObject } from './tool.ts';

/** A schema inside a schema. */
export interface PlacedSchema {
  /** Where it stands: a JSON Pointer. */
  at: string;
  schema: JsonObject;
}

/** Keywords whose members are schemas by names that the author chose. */
const maps = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);

/** Keywords that hold values, which may look like schemas and are none. */
const literals = new Set(['default', 'const', 'enum', 'examples', 'required', 'dependentRequired']);

/** Keywords that are read and change nothing that a schema accepts. */
const wordings = new Set(['title', 'description', '$comment', 'examples']);

/** Keywords that say how to read a schema; tools that write schemas change them without being asked. */
const bookkeeping = new Set(['$schema', '$id']);

/** A schema with every schema inside it, outermost first. */
export function schemasIn(schema: JsonObject, at = ''): PlacedSchema[] {
  return [
    { at, schema },
    ...Object.entries(schema).flatMap(([keyword, value]) => schemasBehind(keyword, value, `${at}/${escaped(keyword)}`)),
  ];
}

function schemasBehind(keyword: string, value: Json, at: string): PlacedSchema[] {
  if (literals.has(keyword) || typeof value !== 'object' || value === null) return [];
  if (!maps.has(keyword) && !Array.isArray(value)) return schemasIn(value as JsonObject, at);
  return Object.entries(value).flatMap(([name, member]: [string, Json]) =>
    isObject(member) ? schemasIn(member, `${at}/${escaped(name)}`) : [],
  );
}

/** What a schema accepts: without its wordings, and with sets in one order. */
export function structureOf(schema: JsonObject): JsonObject {
  const members = Object.entries(schema).flatMap(([keyword, value]): [string, Json][] => {
    if (bookkeeping.has(keyword) || (wordings.has(keyword) && typeof value !== 'object') || keyword === 'examples') return [];
    return [[keyword, structureBehind(keyword, value)]];
  });
  return Object.fromEntries(members);
}

function structureBehind(keyword: string, value: Json): Json {
  if ((keyword === 'required' || keyword === 'type') && Array.isArray(value))
    return [...new Set(value.map((name) => JSON.stringify(name)))].sort();
  if (literals.has(keyword) || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((member) => (isObject(member) ? structureOf(member) : member));
  if (!maps.has(keyword)) return structureOf(value as JsonObject);
  const members = Object.entries(value).map(([name, member]: [string, Json]): [string, Json] => [
    name,
    isObject(member) ? structureOf(member) : member,
  ]);
  return Object.fromEntries(members);
}

/** The wordings of a schema, by where they stand. */
export function wordingsOf(schema: JsonObject): Map<string, Json> {
  return new Map(
    schemasIn(schema).flatMap(({ at, schema: inner }) =>
      Object.entries(inner)
        .filter(([keyword, value]) => keyword === 'examples' || (wordings.has(keyword) && typeof value !== 'object'))
        .map(([keyword, value]): [string, Json] => [`${at}/${keyword}`, value]),
    ),
  );
}

/** The parameters that objects of a schema require, each as the object and the name. */
export function requiredIn(schema: JsonObject): { at: string; name: string }[] {
  return schemasIn(schema).flatMap(({ at, schema: { required } }) =>
    Array.isArray(required) ? required.flatMap((name: Json) => (typeof name === 'string' ? [{ at, name }] : [])) : [],
  );
}

/** Whether a JSON value is an object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
