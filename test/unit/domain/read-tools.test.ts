import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { catalogueBounds, readTools } from '../../../src/domain/read-tools.ts';

const inputSchema = { type: 'object' };
const read = (...entries: unknown[]) => {
  const { tools, leftOut } = readTools(entries);
  return { names: tools.map(({ definition }) => definition.name), leftOut };
};

describe('readTools', () => {
  it('keeps the order of the list and what is said of each tool', () => {
    const { tools } = readTools([
      {
        name: 'b',
        inputSchema,
        title: 'B',
        description: 'Does b.',
        annotations: { readOnlyHint: true },
        outputSchema: inputSchema,
        icons: [],
      },
      { name: 'a', inputSchema, annotations: { title: 'Alpha' } },
    ]);
    expect(tools.map(({ definition }) => definition)).toEqual([
      { name: 'b', inputSchema, title: 'B', description: 'Does b.', annotations: { readOnlyHint: true }, outputSchema: inputSchema },
      { name: 'a', inputSchema, annotations: { title: 'Alpha' }, title: 'Alpha' },
    ]);
  });

  it('ABUSE-89: names of inherited members are names like any other', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    expect(read(...names.map((name) => ({ name, inputSchema })))).toEqual({ names, leftOut: [] });
    expect(({} as Record<string, unknown>).inputSchema).toBeUndefined();
  });

  it.each<[string, unknown, string]>([
    ['no object', 'list_issues', 'no-tool'],
    ['null', null, 'no-tool'],
    ['a list', [], 'no-tool'],
    ['no name', { inputSchema }, 'no-tool'],
    ['no schema', { name: 'a' }, 'no-tool'],
    ['an empty name', { name: '', inputSchema }, 'bad-name'],
    ['a name of a lone surrogate', { name: 'a\ud800', inputSchema }, 'bad-name'],
    ['a name with a line break', { name: 'a\nb', inputSchema }, 'bad-name'],
    ['a name with NUL', { name: 'a\0', inputSchema }, 'bad-name'],
    ['a long name', { name: 'a'.repeat(513), inputSchema }, 'bad-name'],
    ['a lone surrogate in its words', { name: 'a', description: '\udc00', inputSchema }, 'bad-text'],
    ['NUL in its words', { name: 'a', description: 'x\0', inputSchema }, 'bad-text'],
    ['NUL in its schema', { name: 'a', inputSchema: { 'x\0': 1 } }, 'bad-text'],
    ['a megabyte of words', { name: 'a', description: 'x'.repeat(1 << 20), inputSchema }, 'too-large'],
  ])('ABUSE-89: leaves out %s', (_, entry, reason) => {
    const { names, leftOut } = read(entry, { name: 'good', inputSchema });
    expect(names).toEqual(['good']);
    expect(leftOut).toEqual([{ name: expect.any(String), reason }]);
    expect(leftOut[0]?.name.length).toBeLessThanOrEqual(100);
  });

  it('a backslash before the letters u0000 is no NUL', () => {
    expect(read({ name: 'a', description: 'C:\\u0000', inputSchema }).names).toEqual(['a']);
  });

  it('ABUSE-89: leaves out what is too deep, and survives what is far deeper', () => {
    const nested = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
    const { maxDepth } = catalogueBounds;
    expect(read({ name: 'a', inputSchema: nested(maxDepth - 1) }).leftOut).toEqual([]);
    expect(read({ name: 'a', inputSchema: nested(maxDepth) }).leftOut).toEqual([{ name: 'a', reason: 'too-deep' }]);
    expect(read({ name: 'a', inputSchema: nested(50_000) }).leftOut).toEqual([{ name: 'a', reason: 'too-deep' }]);
  });

  it('ABUSE-89: of two different tools with one name there is none', () => {
    const twice = [
      { name: 'a', inputSchema, annotations: { readOnlyHint: true } },
      { name: 'b', inputSchema },
      { name: 'a', inputSchema },
    ];
    expect(read(...twice)).toEqual({ names: ['b'], leftOut: [{ name: 'a', reason: 'ambiguous' }] });
    expect(read(...[...twice].reverse())).toEqual({ names: ['b'], leftOut: [{ name: 'a', reason: 'ambiguous' }] });
  });

  it('the same tool listed twice is one', () => {
    expect(read({ name: 'a', inputSchema }, { name: 'a', inputSchema })).toEqual({ names: ['a'], leftOut: [] });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.anything()), (entries) => {
        const { tools, leftOut } = readTools(entries);
        expect(tools.length + leftOut.length).toBeLessThanOrEqual(entries.length);
      }),
    );
  });
});
