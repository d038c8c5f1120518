import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

/** The repository's root. */
export const root = resolve(import.meta.dirname, '../..');

const skipped = new Set(['node_modules', '.git', '.toolgrant', '.tmp', 'dist', 'coverage', 'generated']);

/** Paths of all files below a folder, relative to the repository; what is generated or installed is left out. */
export function listFiles(folder = '.'): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (skipped.has(entry.name)) return [];
    return entry.isDirectory() ? listFiles(path) : [relative('.', path)];
  });
}

/** A file's text. */
export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Our own TypeScript. */
export function listSources(...folders: string[]): string[] {
  return folders.flatMap((folder) => listFiles(folder)).filter((path) => path.endsWith('.ts'));
}
