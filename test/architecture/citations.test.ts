import { describe, expect, it } from '@jest/globals';
import { listFiles, listSources, readText } from './source-tree.ts';

const lists = { ABUSE: 'docs/abuse-cases.md', ENG: 'docs/engine-notes.md', MCP: 'docs/mcp-requirements.md' } as const;
type List = keyof typeof lists;

const defined = new Set(
  (Object.keys(lists) as List[]).flatMap((list) =>
    [...readText(lists[list]).matchAll(new RegExp(`^- (${list}-\\d+)\\b`, 'gm'))].map(([, number]) => number),
  ),
);

const citing = [...listSources('src', 'test', 'scripts'), ...listFiles('.').filter((path) => /\.(md|eta|prisma|sql)$/.test(path))];

describe('numbered requirements', () => {
  it.each(Object.entries(lists))('%s: %s numbers without gaps or repeats', (list, path) => {
    const numbers = [...readText(path).matchAll(new RegExp(`^- ${list}-(\\d+)\\b`, 'gm'))]
      .map(([, number]) => Number(number))
      .sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1));
  });

  it('that are cited exist', () => {
    const unknown = citing.flatMap((path) =>
      [...readText(path).matchAll(/\b(?:ABUSE|ENG|MCP)-\d{1,3}\b(?!-)/g)]
        .filter(([number]) => !defined.has(number))
        .map(([number]) => `${path}: ${number}`),
    );
    expect(unknown).toEqual([]);
  });
});
