/**
 * What a JSON Schema insists on: which members an object must have, wherever in the schema that is said. Local references are followed;
 * nothing is fetched or evaluated.
 */
import { isObject, schemasIn } from './schema-parts.ts';
import { canonicalJson, type Json, type JsonObject } from './tool.ts';

/** What must be there at one place of the arguments. */
interface Demands {
  /** Names that can never be left out. */
  always: Set<string>;
  /** Names that cannot be left out in some cases: of a choice, or beside something else. */
  sometimes: Set<string>;
  /** How many members must be there at least. */
  least: number;
}

/** The demands of a schema, by the places that it knows. */
type SchemaDemands = ReadonlyMap<string, Readonly<Demands>>;

/** Keywords whose schemas are about the same value as the schema that they stand in, and whether they hold in some cases only. */
const sameValue = new Map([
  ['allOf', false],
  ['anyOf', true],
  ['oneOf', true],
  ['then', true],
  ['else', true],
  ['dependentSchemas', true],
  ['dependencies', true],
]);

/** Keywords whose members are schemas by names that the author chose. */
const maps = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies']);

/** Keywords that hold values, which may look like schemas and are none. */
const literals = new Set(['default', 'const', 'enum', 'examples', 'required', 'dependentRequired']);

/** So many schemas are read at most, as often as they are referred to, and so many in one another: more is a bomb. */
const [maxVisits, maxDepth] = [20_000, 500];

/**
 * Whether `now` insists on something that could be left out of the arguments of `before`, or was not there. Of a part that was not there
 * before, what it requires does not count: whoever may leave it out gives nothing of it.
 */
export function insistsOnMore(before: JsonObject, now: JsonObject): boolean {
  const [old, fresh] = [demandsOf(before), demandsOf(now)];
  if (!old || !fresh) return canonicalJson(before) !== canonicalJson(now);
  return [...fresh].some(([place, demands]) => {
    const known = old.get(place);
    return known !== undefined && areMore(known, demands);
  });
}

function areMore(known: Readonly<Demands>, { always, sometimes, least }: Readonly<Demands>): boolean {
  return (
    [...always].some((name) => !known.always.has(name)) ||
    [...sometimes].some((name) => !known.always.has(name) && !known.sometimes.has(name)) ||
    (least > always.size && least > known.least)
  );
}

/** Collects what a schema demands; undefined where that would take too long. */
function demandsOf(schema: JsonObject): SchemaDemands | undefined {
  const reading = new Reading(schema);
  return reading.visit(schema, { place: '', isSometimes: false }) ? reading.found : undefined;
}

/** The value that a schema is about, and whether only in some cases. */
interface About {
  place: string;
  isSometimes: boolean;
}

class Reading {
  readonly found = new Map<string, Demands>();
  readonly #targets: ReadonlyMap<string, JsonObject>;
  /** Those that are being read: one that refers to itself says nothing new. */
  readonly #open = new Set<JsonObject>();
  #visits = 0;

  constructor(root: JsonObject) {
    this.#targets = targetsIn(root);
  }

  /** Reads a schema; false: it takes too long. */
  visit(schema: JsonObject, about: About): boolean {
    if (this.#open.has(schema)) return true;
    this.#visits += 1;
    if (this.#visits > maxVisits || this.#open.size >= maxDepth) return false;
    this.#open.add(schema);
    this.#note(schema, about);
    const isRead = Object.entries(schema).every(([keyword, value]) => this.#visitBehind(keyword, value, about));
    this.#open.delete(schema);
    return isRead;
  }

  #note(schema: JsonObject, { place, isSometimes }: About): void {
    const demands = this.found.get(place) ?? { always: new Set(), sometimes: new Set(), least: 0 };
    this.found.set(place, demands);
    for (const name of requiredBy(schema)) demands[isSometimes ? 'sometimes' : 'always'].add(name);
    for (const name of requiredBeside(schema)) demands.sometimes.add(name);
    if (typeof schema.minProperties === 'number') demands.least = Math.max(demands.least, schema.minProperties);
  }

  #visitBehind(keyword: string, value: Json, about: About): boolean {
    if ((keyword === '$ref' || keyword === '$dynamicRef') && typeof value === 'string') {
      const target = this.#targets.get(value) ?? this.#targets.get(decoded(value));
      return target === undefined || this.visit(target, about);
    }
    if (literals.has(keyword) || typeof value !== 'object' || value === null) return true;
    const isCase = sameValue.get(keyword);
    const within = (...names: string[]): About =>
      isCase === undefined
        ? { place: [about.place, keyword, ...names].map(escaped).join('/'), isSometimes: false }
        : { ...about, isSometimes: about.isSometimes || isCase };
    if (!maps.has(keyword) && isObject(value)) return this.visit(value, within());
    return Object.entries(value).every(([name, member]: [string, Json]) => !isObject(member) || this.visit(member, within(name)));
  }
}

/** Names that an object must have by its schema alone; `required: true` in a member is how drafts before 4 said it. */
function requiredBy({ required, properties }: JsonObject): string[] {
  const members = isObject(properties) ? Object.entries(properties) : [];
  return [...namesIn(required), ...members.flatMap(([name, member]) => (isObject(member) && member.required === true ? [name] : []))];
}

/** Names that it must have beside others. */
function requiredBeside({ dependentRequired, dependencies }: JsonObject): string[] {
  return [dependentRequired, dependencies].flatMap((names) => (isObject(names) ? Object.values(names).flatMap(namesIn) : []));
}

function namesIn(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];
}

/** What references can name: schemas by their JSON Pointer, anchor or id. */
function targetsIn(root: JsonObject): Map<string, JsonObject> {
  const targets = new Map<string, JsonObject>();
  for (const { at, schema } of schemasIn(root)) {
    const { $id, $anchor, $dynamicAnchor } = schema;
    for (const name of [`#${at}`, ...[$anchor, $dynamicAnchor].map((anchor) => typeof anchor === 'string' && `#${anchor}`), $id])
      if (typeof name === 'string' && !targets.has(name)) targets.set(name, schema);
  }
  return targets;
}

function decoded(reference: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    return reference;
  }
}

function escaped(name: string, index: number): string {
  return index === 0 ? name : name.replaceAll('~', '~0').replaceAll('/', '~1');
}
