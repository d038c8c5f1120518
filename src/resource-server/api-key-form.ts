/**
 * What an API key looks like: `tgk_`, 38 random letters and digits, and a checksum of six. Scanners of code and logs know it by
 * that, and a mistyped one is refused without anybody being asked. Issuer and library share this one file.
 */

/** What every API key begins with. */
export const API_KEY_PREFIX = 'tgk_';

/** How many random characters a key has: 226 bits. */
export const API_KEY_RANDOM_CHARACTERS = 38;

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CHECKSUM_CHARACTERS = 6;
const FORM = new RegExp(`^${API_KEY_PREFIX}([0-9A-Za-z]{${API_KEY_RANDOM_CHARACTERS}})([0-9A-Za-z]{${CHECKSUM_CHARACTERS}})$`);

/** Whether a token means to be an API key; it may be a mistyped one. */
export function looksLikeApiKey(token: string): boolean {
  return token.startsWith(API_KEY_PREFIX);
}

/** Whether a token has the form of an API key, checksum included. Says nothing about whether there is one. */
export function isApiKey(token: string): boolean {
  const [, random, checksum] = FORM.exec(token) ?? [];
  return random !== undefined && checksum === checksumOf(random);
}

/** The key with these random characters, which must be letters and digits. */
export function spellApiKey(random: string): string {
  return `${API_KEY_PREFIX}${random}${checksumOf(random)}`;
}

/** CRC-32 (ISO 3309) of the random characters, as a number of base 62 with leading zeros. */
function checksumOf(random: string): string {
  let rest = crc32(random);
  let digits = '';
  for (let place = 0; place < CHECKSUM_CHARACTERS; place += 1) {
    digits = ALPHABET.charAt(rest % ALPHABET.length) + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}

function crc32(text: string): number {
  let crc = 0xffff_ffff;
  for (let index = 0; index < text.length; index += 1) {
    crc ^= text.charCodeAt(index);
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
