/** The longest name of a server, in characters. */
const maxServerNameCharacters = 100;

/** Whether people can read a server's name when they decide: one line of visible characters, without blanks at its ends. */
export function isServerName(name: string): boolean {
  return name !== '' && name === name.trim() && name.length <= maxServerNameCharacters && !/[\p{C}\p{Zl}\p{Zp}]/u.test(name);
}
