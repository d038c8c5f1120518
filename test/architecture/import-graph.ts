import { dirname, join, relative } from 'node:path';

const statements = [
  /^[ \t]*import\s+(?:[^;'"]*?\sfrom\s*)?['"]([^'"\n]+)['"]/gm,
  /^[ \t]*export\s[^;'"]*?\sfrom\s*['"]([^'"\n]+)['"]/gm,
  /\bimport\(\s*['"]([^'"\n]+)['"]/g,
];

/** What a file names in its imports, exports and dynamic imports, types included; read without a parser. */
export function importsOf(text: string): string[] {
  return statements.flatMap((statement) => [...text.matchAll(statement)].map(([, source]) => source ?? ''));
}

/** An import as a path in the repository, or the package's name. */
export function resolveImport(file: string, source: string): string {
  if (source.startsWith('.')) return relative('.', join(dirname(file), source));
  const door = /^toolgrant\/resource-server(?:\/(.+))?$/.exec(source);
  return door ? `src/resource-server/${door[1] ?? 'index'}.ts` : source;
}

/** A file's room: the folder below `src`, or the file itself for those that lie beside the rooms. */
export function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)/.exec(path)?.[1];
}

/** The first circle of imports, as the list of its files; undefined when there is none. */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const finished = new Set<string>();
  const walk = (file: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (finished.has(file)) return undefined;
    for (const target of graph.get(file) ?? []) {
      const cycle = walk(target, [...trail, file]);
      if (cycle) return cycle;
    }
    finished.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = walk(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}
