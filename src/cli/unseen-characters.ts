/**
 * Controls, and characters that cannot be seen, or hide or turn around what stands beside them; tabs and line ends are none. What joins
 * letters of other scripts than ours, or parts of an emoji, is none behind one of these.
 */
export const unseenCharacters =
  /(?!\t|\n|\r|\u200c|\u200d|\ufe0e|\ufe0f)[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?<!\P{ASCII})(?:\u200c|\u200d|\ufe0e|\ufe0f)/gu;

/** One of them, as YAML and JSON write it in double quotes. */
export function spellUnseen(character: string): string {
  return Array.from({ length: character.length }, (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`).join('');
}
