import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AloneName, RowName } from './options.ts';

const path = resolve(import.meta.dirname, '../../docs/performance.md');
/**
 * Puts a report into the documentation in place of the one before; the text around it stays. `part`: what was measured, where that was not
 * everything.
 */
export function writeDocument(part: RowName | AloneName | undefined, report: string): void {
  const name = part === undefined ? 'bench' : `bench ${part}`;
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const text = readFileSync(path, 'utf8');
  const [before, rest] = splitOnce(text, begin);
  const [, after] = splitOnce(rest, end);
  writeFileSync(path, `${before}${begin}\n${report}${end}${after}`);
}

function splitOnce(text: string, mark: string): [string, string] {
  const place = text.indexOf(mark);
  if (place < 0) throw new Error(`docs/performance.md has lost its mark ${mark}`);
  return [text.slice(0, place), text.slice(place + mark.length)];
}
