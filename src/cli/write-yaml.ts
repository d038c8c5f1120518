import { Document, type Scalar, visit } from 'yaml';
import { spellUnseen, unseenCharacters } from './unseen-characters.ts';

/** Writes a value as YAML in which nothing is invisible; each line of `heading` becomes a comment above it. */
export function writeYaml(value: unknown, heading: readonly string[]): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  document.commentBefore = heading.map((line) => ` ${line}`).join('\n');
  visit(document, {
    Scalar: (_, scalar: Scalar) => {
      if (typeof scalar.value === 'string' && scalar.value.search(unseenCharacters) >= 0) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  // Those that hold such characters are all in double quotes, and nothing else has any.
  return document.toString({ lineWidth: 0 }).replace(unseenCharacters, spellUnseen).trimEnd();
}
