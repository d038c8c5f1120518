/** Says which numbered requirements have a test that names them, and which have none: `npm run requirements`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const lists = { ABUSE: 'docs/abuse-cases.md', ENG: 'docs/engine-notes.md', MCP: 'docs/mcp-requirements.md' } as const;

const tests = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => readFileSync(join('test', path), 'utf8'))
  .join('\n');

/** `1, 2, 3, 7` as `1–3, 7`. */
function inRanges(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}

for (const [list, path] of Object.entries(lists)) {
  const text = readFileSync(path, 'utf8');
  const numbers = [...text.matchAll(new RegExp(`^- ${list}-(\\d+)\\b`, 'gm'))].map(([, number]) => Number(number)).sort((a, b) => a - b);
  // Named in the title of a test; `ABUSE-41, 48: …` and `ABUSE-1–5` in a title count for their first number only.
  const named = new Set([...tests.matchAll(new RegExp(`\\b${list}-(\\d+)\\b`, 'g'))].map(([, number]) => Number(number)));
  const missing = numbers.filter((number) => !named.has(number));
  process.stdout.write(
    `${list}: ${numbers.length - missing.length} of ${numbers.length} tested; without a test: ${inRanges(missing) || 'none'}\n`,
  );
}
