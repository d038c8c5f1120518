import { BoundedMap } from './bounded-map.ts';
import type { SchemaValidator } from './input-rules.ts';
import { isJsonObject } from './json-rpc.ts';

/** A schema, ready to check arguments with. */
export interface CompiledSchema {
  /** The schema as it was compiled. */
  readonly schema: unknown;
  readonly check: ((value: unknown) => unknown) & { readonly errors?: unknown };
}

/** Schemas by the text that they are in JSON: servers that are made for each request make the same ones anew each time. */
type CompiledSchemas = BoundedMap<string, { readonly characters: number; readonly compiled: CompiledSchema | Error }>;

const MAX_KEPT_CHARACTERS = 8 * 1024 * 1024;

const MAX_SCHEMA_DEPTH = 64;
const MAX_SCHEMA_VALUES = 20_000;

/** By validator, since a server that is made for each request brings the same one each time. */
const kept = new WeakMap<SchemaValidator, CompiledSchemas>();

/** Compiles a tool's `inputSchema`, once. Throws TypeError for one that cannot be used; what validators throw goes through. */
export function compileSchema(validator: SchemaValidator, schema: unknown): CompiledSchema {
  const text = textOf(schema);
  let schemas = kept.get(validator);
  if (schemas === undefined) {
    schemas = new BoundedMap({ maxWeight: MAX_KEPT_CHARACTERS, weigh: ({ characters }) => characters });
    kept.set(validator, schemas);
  }
  let compiled = schemas.get(text)?.compiled;
  if (compiled === undefined) {
    compiled = compile(validator, text);
    schemas.set(text, { characters: text.length, compiled });
  }
  if (compiled instanceof Error) throw compiled;
  return compiled;
}

function textOf(schema: unknown): string {
  if (!isJsonObject(schema)) throw new TypeError('The tool has no inputSchema.');
  if ('~standard' in schema) throw new TypeError('The inputSchema is no JSON Schema; of zod, `z.toJSONSchema` makes one.');
  return JSON.stringify(schema);
}

function compile(validator: SchemaValidator, text: string): CompiledSchema | Error {
  try {
    const schema = JSON.parse(text) as Record<string, unknown>;
    refuseUnboundedSchema(schema);
    // Validators remember schemas by their `$id`, and would check a tool by what another one, or an older one, had under it.
    delete schema['$id'];
    const check: unknown = 'compile' in validator ? validator.compile(schema) : validator.getValidator(schema);
    if (typeof check !== 'function') throw new TypeError('The validator made no function of the inputSchema.');
    return { schema, check: check as CompiledSchema['check'] };
  } catch (error) {
    return error instanceof Error ? error : new TypeError('The inputSchema does not compile.', { cause: error });
  }
}

/** A `$ref` reaches within the schema only, so that no validator is ever tempted to fetch (MCP 2026-07-28, "JSON Schema Usage"). */
function refuseUnboundedSchema(schema: unknown): void {
  let left = MAX_SCHEMA_VALUES;
  const look = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null) return;
    if (depth === 0) throw new TypeError(`The inputSchema is nested deeper than ${MAX_SCHEMA_DEPTH}.`);
    for (const [name, item] of Object.entries(value)) {
      left -= 1;
      if (left < 0) throw new TypeError(`The inputSchema holds more than ${MAX_SCHEMA_VALUES} values.`);
      if (REFERENCES.has(name) && typeof item === 'string' && !item.startsWith('#')) {
        throw new TypeError(`The inputSchema refers to something outside it (${name}); put it into its $defs.`);
      }
      look(item, depth - 1);
    }
  };
  look(schema, MAX_SCHEMA_DEPTH);
}

const REFERENCES: ReadonlySet<string> = new Set(['$ref', '$dynamicRef', '$recursiveRef']);
