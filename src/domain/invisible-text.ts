/** Characters that take part in a text without being seen: what they say reaches a model, and no person. */

/**
 * Controls, format characters (bidi overrides, zero-width marks, tag characters), lone surrogates, unassigned and private characters,
 * variation selectors, and the letters that are blank by design.
 */
export const invisible =
  /\p{Cc}|\p{Cf}|\p{Cs}|\p{Co}|\p{Cn}|\p{Variation_Selector}|\p{Default_Ignorable_Code_Point}|[\u2028\u2029\u2800]/gu;

/** The two invisible characters that honest emoji need, where they stand inside one. */
export const insideEmoji =
  /(?<=\p{Extended_Pictographic}\p{Emoji_Modifier}?)(?:\uFE0F(?:\u200D(?=\p{Extended_Pictographic}))?|\u200D(?=\p{Extended_Pictographic}))/gu;

/** Ends of lines and tabs: seen as the space they make. */
const lineBreaks = /[\t\n\r\v\f\u2028\u2029]/gu;

/** What of a text is hidden, in its order; empty where all of it can be seen. */
export function hiddenIn(text: string): string {
  if (/^[\n\r\t\x20-\x7e]*$/.test(text)) return '';
  return (text.replace(lineBreaks, ' ').replace(insideEmoji, '').match(invisible) ?? []).join('');
}
