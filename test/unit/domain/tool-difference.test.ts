import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ToolDefinition } from '../../../src/domain/tool.ts';
import { classifyChange } from '../../../src/domain/tool-change.ts';
import { compareDefinitions } from '../../../src/domain/tool-difference.ts';
import { compareWords } from '../../../src/domain/word-difference.ts';
import { runs } from './arbitraries.ts';
import { definitionArbitrary } from './definition-arbitraries.ts';
import { expectEqual } from './expect-equal.ts';

describe('compareWords', () => {
  const texts = fc.array(fc.constantFrom('a', 'b', 'delete', ' ', '\n', '  ', 'ü', '.'), { maxLength: 14 }).map((words) => words.join(''));

  it('gives back both texts, and leaves as it is what is the same', () => {
    fc.assert(
      fc.property(texts, texts, (before, now) => {
        const stretches = compareWords(before, now);
        const without = (kind: string) => stretches.flatMap((stretch) => (stretch.kind === kind ? [] : [stretch.text])).join('');
        expectEqual([without('new'), without('gone')], [before, now]);
        expectEqual(
          stretches.every(({ kind }, index) => kind !== stretches[index - 1]?.kind),
          true,
        );
        if (before === now)
          expectEqual(
            stretches.every(({ kind }) => kind === 'same'),
            true,
          );
      }),
      runs,
    );
  });

  it('finds what was put in and taken out between what stayed', () => {
    expect(compareWords('Sends a mail to the team. Fast.', 'Sends a mail to anybody. Fast.')).toEqual([
      { kind: 'same', text: 'Sends a mail to ' },
      { kind: 'gone', text: 'the team. ' },
      { kind: 'new', text: 'anybody. ' },
      { kind: 'same', text: 'Fast.' },
    ]);
  });

  it('takes long texts too, in time', () => {
    const [before, now] = ['a ', 'b '].map((word) => `begin ${word.repeat(20_000)}end`);
    expect(compareWords(before ?? '', now ?? '').map(({ kind }) => kind)).toEqual(['same', 'gone', 'new', 'same']);
  });
});

describe('compareDefinitions', () => {
  const tool = (inputSchema: object, more: Partial<ToolDefinition> = {}) =>
    ({ name: 't', annotations: {}, inputSchema, ...more }) as unknown as ToolDefinition;

  it('names parameters that came, went and changed, inside others too', () => {
    const before = tool({
      properties: { to: { type: 'string', description: 'Whom.' }, old: {}, list: { items: { properties: { id: { type: 'string' } } } } },
      required: ['to', 'old'],
    });
    const now = tool({
      properties: {
        to: { type: 'string', description: 'Whom else.' },
        bcc: { type: 'string', 'x-mcp-header': 'Bcc' },
        list: { items: { properties: { id: { type: 'number' } }, required: ['id'] } },
      },
      required: ['bcc'],
    });
    expect(compareDefinitions(before, now)).toMatchObject({
      traits: ['required-parameter', 'header'],
      hasOtherRules: false,
      hasOtherResult: false,
      parameters: [
        { path: ['to'], kind: 'changed', isRequired: false, isRequiredNow: false, description: { before: 'Whom.', now: 'Whom else.' } },
        { path: ['bcc'], kind: 'added', isRequired: true, isRequiredNow: true, header: 'Bcc' },
        {
          path: ['list', '[]', 'id'],
          kind: 'changed',
          isRequiredNow: true,
          schema: { before: '{"type":"string"}', now: '{"type":"number"}' },
        },
        { path: ['old'], kind: 'removed' },
      ],
    });
  });

  it('says that rules or results differ where no single parameter does', () => {
    const rules = compareDefinitions(tool({ type: 'object' }), tool({ type: 'object', additionalProperties: false }));
    expect(rules).toMatchObject({ parameters: [], hasOtherRules: true, hasOtherResult: false });
    expect(compareDefinitions(tool({}), tool({}, { outputSchema: {} }))).toMatchObject({ hasOtherRules: false, hasOtherResult: true });
  });

  it('has something to show for every change that people are told of', () => {
    fc.assert(
      fc.property(definitionArbitrary, definitionArbitrary, (before, now) => {
        const change = classifyChange(before, now);
        const { traits, title, description, parameters, hasOtherRules, hasOtherResult } = compareDefinitions(before, now);
        expectEqual(traits.length > 0, change === 'riskier');
        const shown = traits.length + parameters.length > 0 || title || description || hasOtherRules || hasOtherResult;
        if (change === 'schema') expectEqual(Boolean(shown), true);
        if (change === 'none') expectEqual(Boolean(shown), false);
      }),
      runs,
    );
  });
});
