/** Email addresses, as far as they name an account: compared without case, never dissected. */

/** The longest address there can be (RFC 5321 §4.5.3.1.3). */
const maxEmailCharacters = 254;

/**
 * The form in which an address is kept and compared: trimmed, NFC, lower case. Undefined when it cannot be an address:
 * one `@` with something on both sides, no blanks, no control or invisible characters.
 */
export function parseEmail(input: string): string | undefined {
  if (input.length > maxEmailCharacters * 2) return undefined;
  const email = input.trim().toLowerCase().normalize('NFC');
  if (email.length > maxEmailCharacters || !/^[^@]+@[^@]+$/.test(email)) return undefined;
  return /[\s\p{C}\p{Z}<>"(),:;\\]/u.test(email) ? undefined : email;
}
