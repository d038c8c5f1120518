import { randomBytes, randomFillSync, randomInt } from 'node:crypto';

/** A secret of `bytes` random bytes (default 32), in base64url: URL-safe, no padding. */
export function randomToken(bytes = 32): string {
  return randomBytes(bytes).toString('base64url');
}

const alphanumerics = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** The largest multiple of how many there are that a byte can reach: bytes from there on would favour the first ones. */
const fairBytes = Math.floor(256 / alphanumerics.length) * alphanumerics.length;

/** A secret of so many letters and digits, every one equally likely. */
export function randomAlphanumerics(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length - text.length)) if (byte < fairBytes) text += alphanumerics.charAt(byte % alphanumerics.length);
  }
  return text;
}

/** An id of 120 random bits behind its prefix (`usr_…`); letters, digits, `-` and `_` only. */
export function randomId(prefix: string): string {
  if (pooled + idBytes > pool.length) {
    randomFillSync(pool);
    pooled = 0;
  }
  const from = pooled;
  pooled += idBytes;
  return prefix + pool.toString('base64url', from, pooled);
}

const idBytes = 15;
/** Ids are no secrets, every request has one, and asking for random bytes costs more than all else about them: many are asked for at once. */
const pool = Buffer.alloc(idBytes * 256);
let pooled = pool.length;

/** A random whole number, at least 0 and below `bound`, every one equally likely. */
export function randomIndex(bound: number): number {
  return randomInt(bound);
}
