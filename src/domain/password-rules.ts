/**
 * Which passwords people may choose (NIST SP 800-63B-4 §3.1.1.2): long enough to stand alone, not among those that everybody
 * tries first, and no other rules. Nothing here looks at kinds of characters.
 */
import { expectedWords } from './expected-words.ts';

/** The shortest password, in Unicode code points: 15, because it is the only factor. */
export const minPasswordCharacters = 15;

/** The longest password that is looked at, in bytes of UTF-8; longer ones are refused unread (ABUSE-30). */
export const maxPasswordBytes = 1_024;

/** Why a password cannot be chosen. */
export type PasswordProblem =
  | 'too-short'
  | 'too-long'
  /** Among the first that are tried: common passwords, sequences, repetitions, and combinations of these. */
  | 'common'
  /** Made of the person's own address or of this service's name. */
  | 'about-the-account';

/** Whether a password is longer than any that is looked at. Ask before hashing, at sign-in as well. */
export function isPasswordTooLong(password: string): boolean {
  return password.length > maxPasswordBytes || Buffer.byteLength(password) > maxPasswordBytes;
}

/**
 * Judges a new password; undefined when it may be used.
 * The password as a whole is compared with what is expected, never its parts: "correct horse" may contain common words.
 */
export function findPasswordProblem(password: string, account: { email: string }): PasswordProblem | undefined {
  if (isPasswordTooLong(password)) return 'too-long';
  if ([...password.normalize('NFC')].length < minPasswordCharacters) return 'too-short';
  const spellings = comparableForms(password);
  const own = ownWords(account.email);
  if (spellings.some((spelling) => isMadeOf(spelling, own))) return 'about-the-account';
  return spellings.some((spelling) => isMadeOf(spelling, [])) ? 'common' : undefined;
}

/** Few pieces are an expected password with a suffix; many are a phrase, which is what people are asked for. */
const maxPieces = 3;

/** A text that repeats so few characters from end to end is expected, whatever they are. */
const longestTrivialUnit = 4;

/**
 * Whether a text is nothing but at most three expected pieces: words of the list, `own` words (one of which must occur, when
 * there are any), runs of a keyboard or of the alphabet, years and other numbers, repetitions. Four and more random words pass.
 */
function isMadeOf(text: string, own: readonly string[]): boolean {
  const unit = repeatedUnit(text);
  if (own.length === 0 && unit.length <= longestTrivialUnit && unit.length < text.length) return true;
  const longest = new Map<string, number>();
  const visit = (from: number, pieces: number, hasOwn: boolean): boolean => {
    if (from === unit.length) return hasOwn || own.length === 0;
    if (pieces === maxPieces) return false;
    const key = `${from}.${hasOwn}`;
    if ((longest.get(key) ?? maxPieces + 1) <= pieces) return false;
    longest.set(key, pieces);
    for (const word of own) if (unit.startsWith(word, from) && visit(from + word.length, pieces + 1, true)) return true;
    for (const end of expectedEnds(unit, from)) if (visit(end, pieces + 1, hasOwn)) return true;
    return false;
  };
  return visit(0, 0, false);
}

/** Where an expected piece that begins at `from` may end. */
function expectedEnds(text: string, from: number): number[] {
  const ends = expectedWords.filter((word) => text.startsWith(word, from)).map((word) => from + word.length);
  const digits = /^\d{1,8}/.exec(text.slice(from))?.[0].length ?? 0;
  const run = Math.max(runLength(text, from), sameLength(text, from));
  return [...ends, ...(digits > 0 ? [from + digits] : []), ...(run >= 3 ? [from + run] : [])];
}

const rows = ['abcdefghijklmnopqrstuvwxyz', '01234567890', 'qwertyuiop', 'qwertzuiop', 'azertyuiop', 'asdfghjkl', 'zxcvbnm', 'yxcvbnm'];
const runs = [...rows, ...rows.map((row) => [...row].reverse().join(''))];

/** How many characters from `from` on follow one another on a keyboard's row or in the alphabet. */
function runLength(text: string, from: number): number {
  let longest = 0;
  for (const run of runs) {
    const start = run.indexOf(text.charAt(from));
    if (start < 0) continue;
    let length = 1;
    while (from + length < text.length && run.charAt(start + length) === text.charAt(from + length)) length += 1;
    longest = Math.max(longest, length);
  }
  return longest;
}

/** How many times the character at `from` is repeated. */
function sameLength(text: string, from: number): number {
  let length = 1;
  while (text.charAt(from + length) === text.charAt(from)) length += 1;
  return length;
}

/** The shortest text that `text` is a repetition of. */
function repeatedUnit(text: string): string {
  for (let length = 1; length <= text.length / 2; length += 1) {
    const unit = text.slice(0, length);
    if (text.length % length === 0 && unit.repeat(text.length / length) === text) return unit;
  }
  return text;
}

/**
 * Lower case, without blanks and marks, in two spellings: signs that stand for letters read as those, and left out.
 * Marks and blanks are no secret: they are where everybody puts them.
 */
function comparableForms(password: string): string[] {
  const text = password.normalize('NFKD').toLowerCase();
  const lettered = text.replace(/[@$!€]/g, (sign) => letterOfSign[sign] ?? '');
  return [...new Set([lettered, text].map((spelling) => spelling.replace(/[^\p{L}\p{N}]/gu, '') || spelling))];
}

const letterOfSign: Readonly<Record<string, string>> = { '@': 'a', $: 's', '!': 'i', '€': 'e' };

function ownWords(email: string): string[] {
  const parts = email.split(/[^\p{L}\p{N}]+/u);
  const words = ['toolgrant', email, email.split('@')[0] ?? '', ...parts].flatMap(comparableForms);
  return [...new Set(words)].filter((word) => word.length >= 3);
}
