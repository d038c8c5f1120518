import unhomoglyph from 'unhomoglyph';

/** The package is CommonJS and is its own default; its types say otherwise. */
const replaceConfusables = unhomoglyph as unknown as (text: string) => string;

/** More rounds than any text needs: what one leaves can hardly be replaced again. */
const maxRounds = 4;

/**
 * The skeleton of a text (Unicode Technical Standard 39 §4): texts that look alike have the same one. For comparing, never for showing.
 * What is not seen at all is left out first, as newer versions of the standard say. Where replacing and normalizing make a character that
 * is itself confused with another (U+FE81 does), that one is replaced too, or a name would have two skeletons.
 */
export function skeletonOf(text: string): string {
  let skeleton = text.normalize('NFD').replace(/\p{Default_Ignorable_Code_Point}/gu, '');
  for (let round = 0; round < maxRounds; round += 1) {
    const next = replaceConfusables(skeleton).normalize('NFD');
    if (next === skeleton) break;
    skeleton = next;
  }
  return skeleton;
}
