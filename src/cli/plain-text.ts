/** Text for a terminal. What strangers wrote may try to steer it: nothing invisible or controlling gets through. */
import type { Io } from './io.ts';

/** Controls, and characters that hide or turn around what stands beside them. */
const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;

/** One line of it; what cannot be shown as it is stands as `\u{…}`. */
export function plainText(text: string): string {
  return text.replace(steering, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** Writes lines to whoever reads problems. */
export function lineTo(io: Pick<Io, 'err'>): (line: string) => void {
  return (line) => io.err(`${plainText(line)}\n`);
}

/** Values as JSON that shows what it holds, whatever reads it. */
export function plainJson(value: unknown): string {
  const json = JSON.stringify(value, undefined, 2);
  // Line breaks between members are JSON's own; those in values are escaped already.
  return json.replace(steering, (character) => (character === '\n' ? character : escapeUnits(character)));
}

/** A value as JSON on one line, in printable ASCII alone. */
export function plainLine(value: unknown): string {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, escapeUnits);
}

function escapeUnits(character: string): string {
  return [...Array(character.length).keys()].map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`).join('');
}

/** Rows below headings, in columns. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows.map((row) => row.map(plainText))];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => [...(row[column] ?? '')].length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - [...cell].length)))
      .join('  ')
      .trimEnd();
  return all.map(line).join('\n');
}

/** A day and a minute, in UTC. */
export function minute(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
