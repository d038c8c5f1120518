import { type Document, isCollection, isMap, isPair, isScalar, LineCounter, type Node, type Pair, parseAllDocuments } from 'yaml';
import { spellUnseen, unseenCharacters } from './unseen-characters.ts';
import { findYamlFaults } from './yaml-faults.ts';

/** A place in a text; both from 1. */
export interface Place {
  line: number;
  column: number;
}

/** A problem with a text, as a sentence. */
export type PlacedProblem = Place & { problem: string };

/** A text that was read, and where its parts stand. */
export interface ReadYaml {
  value: unknown;
  /** Where the member at a path stands; where there is none, what it would be in. `ofName`: its name, not its value. */
  placeOf(path: readonly (string | number)[], ofName?: boolean): Place;
}

/** Or what keeps it from being read at all. */
export type YamlReading = ({ ok: true } & ReadYaml) | { ok: false; problems: readonly PlacedProblem[] };

/** The most that is read, in bytes; forty servers with all their tools are a tenth of it. */
export const maxYamlBytes = 2 * 1024 * 1024;

/** Reads YAML 1.2 in UTF-8; JSON is a part of it. Whatever can be read in two ways is a problem: names that stand twice, tags, several documents. */
export function readYaml(bytes: Uint8Array): YamlReading {
  const first = (problem: string): YamlReading => ({ ok: false, problems: [{ line: 1, column: 1, problem }] });
  if (bytes.length > maxYamlBytes) return first(`The file is longer than ${maxYamlBytes / 1024 / 1024} MiB: split it.`);
  const text = decode(bytes);
  if (text === undefined) return { ok: false, problems: [badByte(bytes)] };
  const lineCounter = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter,
      prettyErrors: false,
      schema: 'core',
      uniqueKeys: false,
      merge: false,
      logLevel: 'silent',
    });
    const documents: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
    const faults = [...unseenIn(text), ...findYamlFaults(documents)].sort((a, b) => a.offset - b.offset);
    if (faults.length > 0) return { ok: false, problems: faults.map(({ offset, problem }) => ({ ...place(offset), problem })) };
    const [document] = documents;
    if (!document) return { ok: true, value: null, placeOf: () => ({ line: 1, column: 1 }) };
    const value: unknown = document.toJS({ maxAliasCount: -1 });
    const finder = new PartFinder(document.contents);
    return { ok: true, value, placeOf: (path, ofName = false) => place(finder.offsetOf(path, ofName)) };
  } catch (error) {
    if (error instanceof RangeError) return first('The file is nested too deeply to be read.');
    throw error;
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The longest beginning that is UTF-8 ends where the fault is. */
function badByte(bytes: Uint8Array): PlacedProblem {
  let [good, bad] = [0, bytes.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    // A beginning that ends within a character is no fault yet.
    if (isBeginning(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  const lines = new TextDecoder().decode(bytes.subarray(0, good)).split('\n');
  const problem = 'The file is not in UTF-8 from here on: save it as UTF-8.';
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1, problem };
}

function isBeginning(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Whoever reviews the file must see what is read. */
function unseenIn(text: string): { offset: number; problem: string }[] {
  return [...text.matchAll(unseenCharacters)].slice(0, 20).map(({ 0: character, index }) => ({
    offset: index,
    problem: `An invisible character stands here: remove it, or write it as ${spellUnseen(character)} in double quotes.`,
  }));
}

class PartFinder {
  readonly #root: unknown;
  /** Of each map its members by name: there can be as many problems as members. */
  readonly #members = new WeakMap<object, Map<string, Pair>>();

  constructor(root: unknown) {
    this.#root = root;
  }

  offsetOf(path: readonly (string | number)[], ofName: boolean): number {
    let at = this.#root;
    let offset = startOf(at);
    for (const [depth, part] of path.entries()) {
      const found = this.#find(at, part);
      if (!found) return offset;
      offset = startOf(found.value) || startOf(found.name) || offset;
      if (ofName && depth === path.length - 1 && found.name) return startOf(found.name);
      at = found.value;
    }
    return offset;
  }

  #find(node: unknown, part: string | number): { name?: unknown; value: unknown } | undefined {
    if (isMap(node)) {
      const members =
        this.#members.get(node) ?? new Map(node.items.flatMap((pair) => (isScalar(pair.key) ? [[String(pair.key.value), pair]] : [])));
      this.#members.set(node, members);
      const pair = members.get(String(part));
      return pair && { name: pair.key, value: pair.value };
    }
    const item = isCollection(node) && typeof part === 'number' ? node.items[part] : undefined;
    return item === undefined || isPair(item) ? undefined : { value: item };
  }
}

function startOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}
