/** Text that strangers chose (names, titles, descriptions), made fit to be read: short, on one line, nothing hidden in it. */

import { insideEmoji, invisible } from '../../domain/invisible-text.ts';

/** The longest name or title that a page shows, in characters. */
export const maxNameCharacters = 80;

/** The longest description that a page shows, in characters. */
const maxDescriptionCharacters = 300;

/** What a description may take on a page, in bytes of HTML: 100 of them leave a consent page well below 150 KB. */
const maxDescriptionBytes = 900;

/** More marks on one letter than any language uses: they climb over the lines above. */
const stackedMarks = /(\p{M}{3})\p{M}+/gu;

/**
 * Makes a stranger's text readable: white space becomes single spaces, invisible characters are spelled out
 * (`[U+202E]`), and it is cut to `maxCharacters`. Escaping for HTML is the template's duty, not done here.
 */
export function readableText(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters && isPlain(text)) return text;
  const start = text.slice(0, maxCharacters * 8);
  const kept = new Set([...start.matchAll(insideEmoji)].flatMap((match) => [...match[0]].map((_, offset) => match.index + offset)));
  const visible = start
    .replace(invisible, (character, index: number) => spelled(character, kept.has(index)))
    .replace(stackedMarks, '$1')
    .replace(/\s+/gu, ' ')
    .trim();
  const characters = [...visible];
  const isCut = characters.length > maxCharacters || start.length < text.length;
  return isCut
    ? `${characters
        .slice(0, maxCharacters - 1)
        .join('')
        .trimEnd()}…`
    : visible;
}

/** Whether a text is as it will be: printable ASCII, with single spaces inside. Most texts are, and a page has hundreds. */
function isPlain(text: string): boolean {
  return /^(?:[\x21-\x7e]+(?: [\x21-\x7e]+)*)?$/.test(text);
}

/** Makes a stranger's name readable; `fallback` stands where nothing readable is left. */
export function readableName(text: string | undefined, fallback: string): string {
  const name = readableText(text ?? '', maxNameCharacters);
  return name === '' ? fallback : name;
}

/** Makes a stranger's description readable, and cuts it to what a page has room for. */
export function readableDescription(text: string): string {
  const readable = readableText(text, maxDescriptionCharacters);
  if (bytesInHtml(readable) <= maxDescriptionBytes) return readable;
  let bytes = 0;
  let kept = '';
  for (const character of readable) {
    bytes += bytesInHtml(character);
    if (bytes > maxDescriptionBytes) return `${kept.trimEnd()}…`;
    kept += character;
  }
  return readable;
}

/** At most: the longest of what escaping makes of a character counts for all of them. */
function bytesInHtml(text: string): number {
  return Buffer.byteLength(text) + (text.match(/["'&<>]/g)?.length ?? 0) * ('&quot;'.length - 1);
}

function spelled(character: string, isKept: boolean): string {
  if (isKept) return character;
  if (/[\t\n\r\v\f\u2028\u2029]/u.test(character)) return ' ';
  const codePoint = character.codePointAt(0) ?? 0;
  return `[U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}]`;
}
