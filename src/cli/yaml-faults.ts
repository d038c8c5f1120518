/** What keeps YAML from being read in one way only, or from being read at all. Linear in its length, and without recursion. */
import { type Document, type ErrorCode, isAlias, isCollection, isMap, isPair, isScalar, type Node, type Pair } from 'yaml';

/** A fault, as a sentence, with its place in the text. */
export interface YamlFault {
  offset: number;
  problem: string;
}

/** How deep parts may lie in one another; the form needs eight. */
const maxDepth = 32;

/** How many parts there may be with those that are repeated by reference: more is a bomb. */
const maxParts = 100_000;

/** How often something may be repeated by reference. */
const maxAliases = 1_000;

/** Finds all faults of a text's documents. */
export function findYamlFaults(documents: readonly Document.Parsed[]): YamlFault[] {
  const syntax = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]);
  const said = syntax.map(({ code, message, pos }) => ({ offset: pos[0], problem: sentence(code, message) }));
  const [document, second] = documents;
  if (second)
    said.push({ offset: second.range[0], problem: 'A second document begins here; the file is one: remove the line "---" before it.' });
  return said.length > 0 || !document ? said : new Walk().through(document.contents);
}

/** What the parser says, and what to do where it says what it expected only. */
function sentence(code: ErrorCode, message: string): string {
  const hint = hints[code];
  return `${message.replace(/\s+/g, ' ').replace(/[.:]?$/, '')}${hint === undefined ? '' : `: ${hint}`}.`;
}

const hints: Partial<Record<ErrorCode, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  TAG_RESOLVE_FAILED: 'leave the tag out',
  BAD_SCALAR_START: 'put the text in quotes',
  BAD_DIRECTIVE: 'leave the line out',
  MULTILINE_IMPLICIT_KEY: 'put a colon and a space after the name, on its line',
  BLOCK_AS_IMPLICIT_KEY: 'put texts that hold a colon and a space in quotes',
  BAD_ALIAS: 'put texts that begin with * in quotes',
};

class Walk {
  readonly #faults: YamlFault[] = [];
  /** How many parts an anchored one comes to, repeated ones included. */
  readonly #anchored = new Map<string, number>();
  #aliases = 0;
  #parts = 0;

  /** Depth first, in the order of the text, so that an anchor is known before it is referred to. */
  through(root: Node | null): YamlFault[] {
    const open: { node: Node; from: number }[] = [];
    const waiting: ({ node: unknown; depth: number } | { leave: true })[] = [{ node: root, depth: 0 }];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if ('leave' in next) {
        const left = open.pop();
        if (left) this.#remember(left.node, this.#parts - left.from);
        continue;
      }
      const { node, depth } = next;
      if (depth > maxDepth) return this.#end(node, `The file is nested deeper than ${maxDepth} levels here: it needs eight.`);
      this.#parts += 1;
      if (isAlias(node)) {
        this.#aliases += 1;
        const parts = this.#anchored.get(node.source);
        if (parts === undefined) return this.#end(node, `*${node.source} refers to itself, or to nothing before it: write it out.`);
        this.#parts += parts;
      }
      if (this.#parts > maxParts || this.#aliases > maxAliases)
        return this.#end(
          node,
          `What is repeated by reference (&, *) is too much: write it out, or take fewer than ${maxAliases} references.`,
        );
      if (isCollection(node)) {
        if (isMap(node)) this.#checkNames(node.items);
        open.push({ node, from: this.#parts });
        waiting.push({ leave: true });
        for (const item of node.items.toReversed()) waiting.push({ node: isPair(item) ? item.value : item, depth: depth + 1 });
      } else if (isScalar(node)) this.#remember(node, 0);
    }
    return this.#faults;
  }

  #remember(node: Node, parts: number): void {
    if ('anchor' in node && node.anchor !== undefined) this.#anchored.set(node.anchor, parts);
  }

  /** Which of two would count is nobody's to guess. */
  #checkNames(pairs: readonly Pair[]): void {
    const seen = new Set<string>();
    for (const { key } of pairs) {
      if (!isScalar(key)) this.#faults.push({ offset: startOf(key), problem: 'What stands here is no name: a text and a colon.' });
      else if (seen.has(String(key.value)))
        this.#faults.push({
          offset: startOf(key),
          problem: `${nameOf(key.value)} stands further up already, in the same part: say it once.`,
        });
      else seen.add(String(key.value));
    }
  }

  #end(node: unknown, problem: string): YamlFault[] {
    return [...this.#faults, { offset: startOf(node), problem }];
  }
}

function nameOf(value: unknown): string {
  const name = String(value);
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}

function startOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}
