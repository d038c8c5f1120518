import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const path = resolve(import.meta.dirname, '../../docs/performance.md');
const [begin, end] = ['<!-- bench: begin -->', '<!-- bench: end -->'];

/** Puts a report into the documentation in place of the one before; the text around it stays. */
export function writeDocument(report: string): void {
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
