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
    const next = replaceConfusables(skeleton.replace(smallCapital, plainLetter)).normalize('NFD');
    if (next === skeleton) break;
    skeleton = next;
  }
  return skeleton;
}

/** Small capitals are Latin letters to the eye; the tables of the standard have few of them. */
const smallCapitals =
  '\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\ua7af\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22';
const theirLetters = 'abcdefghijklmnopqrstuvwyz';
const smallCapital = new RegExp(`[${smallCapitals}]`, 'g');

function plainLetter(letter: string): string {
  return theirLetters.charAt(smallCapitals.indexOf(letter));
}
