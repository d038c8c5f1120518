/** So many of a token's last characters tell it from others: 96 bits, of the signature. */
const END_LENGTH = 16;

/**
 * Tells whether a token was shown to it before, among the last ones: the doorkeeper of TinyLFU (Einziger, Friedman, Manes:
 * “TinyLFU: A Highly Efficient Cache Admission Policy”, §3.4.2). What is kept at the second look alone stays free of tokens
 * that are used once, however many they are, and those cost no memory.
 *
 * It keeps a hash of each token, four bytes in a place that the next one with that place takes over; so it may forget, and for
 * one token in some hundred thousand it says what is true of another.
 */
export function createDoorkeeper(tokens: number): (token: string) => boolean {
  // Twice as many places as tokens that may be kept behind the door, as a power of two.
  const bits = Math.min(24, Math.max(8, Math.ceil(Math.log2(tokens * 2))));
  const hashes = new Uint32Array(2 ** bits);
  return (token) => {
    const hash = hashOfEnd(token);
    const place = hash >>> (32 - bits);
    const wasHere = hashes[place] === hash;
    hashes[place] = hash;
    return wasHere;
  };
}

/** FNV-1a, whose high bits are as good as its low ones. */
function hashOfEnd(token: string): number {
  let hash = 0x811c9dc5;
  for (let place = Math.max(0, token.length - END_LENGTH); place < token.length; place += 1) {
    hash = Math.imul(hash ^ token.charCodeAt(place), 0x01000193);
  }
  return hash >>> 0;
}
