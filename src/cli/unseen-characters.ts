/** Controls, and characters that hide or turn around what stands beside them; tabs and line ends are none. */
export const unseenCharacters = /(?![\t\n\r])[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** One of them, as YAML and JSON write it in double quotes. */
export function spellUnseen(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
