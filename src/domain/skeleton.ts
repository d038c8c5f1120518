import unhomoglyph from 'unhomoglyph';

/** The package is CommonJS and is its own default; its types say otherwise. */
const replaceConfusables = unhomoglyph as unknown as (text: string) => string;

/**
 * The skeleton of a text (Unicode Technical Standard 39 §4): texts that look alike have the same one. For comparing, never for showing.
 * What is not seen at all is left out first, as newer versions of the standard say.
 */
export function skeletonOf(text: string): string {
  const visible = text.normalize('NFD').replace(/\p{Default_Ignorable_Code_Point}/gu, '');
  return replaceConfusables(visible).normalize('NFD');
}
