/** So many of a token's last characters are looked at: they are of its signature, and as good as random. */
const END_LENGTH = 16;
/** With so many bits for each token and so many of them set, one token in four hundred is taken for another. */
const BITS_PER_TOKEN = 16;
const BITS_SET = 4;
/** Beyond that the filter grows no more: 4 MB. */
const MAX_TOKENS = 1_000_000;

/**
 * Tells whether a token was shown to it before: the doorkeeper of TinyLFU (Einziger, Friedman, Manes: “TinyLFU: A Highly Efficient
 * Cache Admission Policy”). A cache that keeps what comes a second time stays free of tokens that are used once, however many
 * they are, and those cost no memory.
 *
 * It is a Bloom filter, emptied when twice as many tokens came as the cache keeps: so it may forget, and a few tokens are taken for
 * known at their first time. Neither matters: the answer decides what is kept, never what is believed.
 */
export function createDoorkeeper(cachedTokens: number): (token: string) => boolean {
  const most = 2 * Math.min(MAX_TOKENS, Math.max(32, cachedTokens));
  const words = new Uint32Array(Math.ceil((most * BITS_PER_TOKEN) / 32));
  const bits = words.length * 32;
  let count = 0;
  return (token) => {
    const hash = hashOfEnd(token);
    const step = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) | 1;
    let wasHere = true;
    for (let nth = 0; nth < BITS_SET; nth += 1) {
      const bit = ((hash + Math.imul(nth, step)) >>> 0) % bits;
      const [word, mask] = [bit >>> 5, 1 << (bit & 31)];
      const standing = words[word] as number;
      if ((standing & mask) !== 0) continue;
      wasHere = false;
      words[word] = standing | mask;
    }
    if (!wasHere) count += 1;
    if (count >= most) {
      words.fill(0);
      count = 0;
    }
    return wasHere;
  };
}

/** FNV-1a. */
function hashOfEnd(token: string): number {
  let hash = 0x811c9dc5;
  for (let place = Math.max(0, token.length - END_LENGTH); place < token.length; place += 1) {
    hash = Math.imul(hash ^ token.charCodeAt(place), 0x01000193);
  }
  return hash >>> 0;
}
