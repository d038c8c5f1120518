import { describe, expect, it } from '@jest/globals';
import { lastRequirement, notYet } from '../../scripts/docs/mcp-revisions.ts';
import { readCoverage } from '../../scripts/docs/spec-coverage.ts';
import { listFiles, listSources, readText } from './source-tree.ts';

const lists = { ABUSE: 'docs/abuse-cases.md', ENG: 'docs/engine-notes.md', MCP: 'docs/mcp-requirements.md' } as const;
type List = keyof typeof lists;

const defined = new Set(
  (Object.keys(lists) as List[]).flatMap((list) =>
    [...readText(lists[list]).matchAll(new RegExp(`^- (${list}-\\d+)\\b`, 'gm'))].map(([, number]) => number),
  ),
);

const citing = [...listSources('src', 'test', 'scripts'), ...listFiles('.').filter((path) => /\.(md|eta|prisma|sql)$/.test(path))];

describe('the matrix of MCP revisions and requirements', () => {
  const coverage = readCoverage();

  it('has MCP-1 to MCP-34, and leaves out what is not there yet only', () => {
    const numbers = Array.from({ length: lastRequirement }, (_, index) => `MCP-${index + 1}`).filter((number) => !notYet.has(number));
    expect(coverage.map(({ requirement }) => requirement)).toEqual(numbers);
  });

  it('has no cell that applies and is empty', () => {
    const empty = coverage.flatMap(({ requirement, tests }) =>
      Object.entries(tests).flatMap(([revision, cited]) => (cited.length === 0 ? [`${requirement} in ${revision}`] : [])),
    );
    expect(empty).toEqual([]);
  });
});

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
