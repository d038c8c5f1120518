import { randomBytes, randomInt } from 'node:crypto';

/** A secret of `bytes` random bytes (default 32), in base64url: URL-safe, no padding. */
export function randomToken(bytes = 32): string {
  return randomBytes(bytes).toString('base64url');
}

/** An id of 120 random bits behind its prefix (`usr_…`); letters, digits, `-` and `_` only. */
export function randomId(prefix: string): string {
  return `${prefix}${randomBytes(15).toString('base64url')}`;
}

/** A random whole number, at least 0 and below `bound`, every one equally likely. */
export function randomIndex(bound: number): number {
  return randomInt(bound);
}
