import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Compiles what a `tsconfig.<name>.json` of this folder names. Throws with the compiler's words when it fails. */
export function compile(name: 'product' | 'library'): void {
  const config = join(import.meta.dirname, `tsconfig.${name}.json`);
  const { status, stdout, error } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`The ${name} does not compile.\n${stdout ?? ''}`, { cause: error });
}

/**
 * Makes declarations name the files that are shipped: in them the compiler leaves `.ts` where a type is imported, and there
 * are no such files beside them.
 */
export function pointDeclarationsToJavaScript(folder: string): void {
  for (const path of listFiles(folder, '.d.ts')) {
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replaceAll(/(from\s+|import\()(['"])(\.{1,2}\/[^'"]+)\.ts\2/g, '$1$2$3.js$2'));
  }
}

/** Copies the declarations below one folder to the same places below another. */
export function copyDeclarations(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('.js') && !path.endsWith('.map') });
}

function listFiles(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
}
