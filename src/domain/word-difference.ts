/** Two texts word by word: what went, what came, and what stayed between. Pure. */

/** A stretch of words, with the spaces behind them. */
export interface Stretch {
  kind: 'same' | 'gone' | 'new';
  text: string;
}

/** Longer texts are compared by what they begin and end with alike: every word with every other would take too long. */
const maxPairs = 250_000;

/** Compares two texts. The stretches that are not `new` make up `before`, those that are not `gone` make up `now`. */
export function compareWords(before: string, now: string): Stretch[] {
  const [old, fresh] = [wordsOf(before), wordsOf(now)];
  const head = countAlike(old, fresh, (words, index) => words[index]);
  const rest = Math.min(old.length, fresh.length) - head;
  const tail = Math.min(
    rest,
    countAlike(old, fresh, (words, index) => words[words.length - 1 - index]),
  );
  const middle = between(old.slice(head, old.length - tail), fresh.slice(head, fresh.length - tail));
  return join([...old.slice(0, head).map(same), ...middle, ...old.slice(old.length - tail).map(same)]);
}

function wordsOf(text: string): string[] {
  return text.match(/\s*\S+\s*|\s+/gu) ?? [];
}

function same(text: string): Stretch {
  return { kind: 'same', text };
}

function countAlike(
  a: readonly string[],
  b: readonly string[],
  at: (words: readonly string[], index: number) => string | undefined,
): number {
  let count = 0;
  while (count < a.length && count < b.length && at(a, count) === at(b, count)) count += 1;
  return count;
}

/** The longest common subsequence, by its table of lengths. */
function between(old: readonly string[], fresh: readonly string[]): Stretch[] {
  const all = [...old.map((text): Stretch => ({ kind: 'gone', text })), ...fresh.map((text): Stretch => ({ kind: 'new', text }))];
  if (old.length === 0 || fresh.length === 0 || old.length * fresh.length > maxPairs) return all;
  const width = fresh.length + 1;
  const lengths = new Uint16Array((old.length + 1) * width);
  const lengthAt = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = old[i] === fresh[j] ? lengthAt(i + 1, j + 1) + 1 : Math.max(lengthAt(i + 1, j), lengthAt(i, j + 1));
    }
  }
  const stretches: Stretch[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < fresh.length) {
    const [gone, came] = [old[i], fresh[j]];
    if (gone !== undefined && gone === came) {
      stretches.push(same(gone));
      i += 1;
      j += 1;
    } else if (gone !== undefined && (came === undefined || lengthAt(i + 1, j) >= lengthAt(i, j + 1))) {
      stretches.push({ kind: 'gone', text: gone });
      i += 1;
    } else if (came !== undefined) {
      stretches.push({ kind: 'new', text: came });
      j += 1;
    }
  }
  return stretches;
}

function join(stretches: readonly Stretch[]): Stretch[] {
  const joined: Stretch[] = [];
  for (const { kind, text } of stretches) {
    const last = joined.at(-1);
    if (last?.kind === kind) last.text += text;
    else joined.push({ kind, text });
  }
  return joined;
}
