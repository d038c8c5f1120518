import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ToolDefinition } from '../../../src/domain/tool.ts';
import { choiceContext, firstDraft } from '../../../src/http/views/choice.ts';
import { differenceOf, unknownDifference } from '../../../src/http/views/difference.ts';
import type { DifferenceContext } from '../../../src/http/views/part-contexts.ts';
import { issueDifferences, issueTools, repeatOffer } from './offers.ts';

const now = new Date('2026-11-23T14:05:00Z');
const inside = { risk: 'write', openWorld: false } as const;
const tool = (changes: Partial<ToolDefinition> = {}): ToolDefinition => ({ name: 'send', annotations: {}, inputSchema: {}, ...changes });
const compare = (before: Partial<ToolDefinition>, is: Partial<ToolDefinition>, risks: Partial<Parameters<typeof differenceOf>[0]> = {}) =>
  differenceOf({ before: tool(before), now: tool(is), riskBefore: inside, riskNow: inside, isDoubted: false, ...risks });
const textOf = ({ parts }: DifferenceContext, kind: string) =>
  parts.flatMap(({ text = [] }) => text.filter((stretch) => stretch.kind === kind).map((stretch) => stretch.text)).join('|');

describe('how a tool differs, for people', () => {
  it('says old and new text of each part, and arguments by their names', () => {
    const before = { title: 'Send', description: 'Sends to the team.', inputSchema: { properties: { to: { type: 'string' }, old: {} } } };
    const is = {
      title: 'Send',
      description: 'Sends to anybody.',
      inputSchema: { properties: { to: { type: 'array' }, bcc: { type: 'string', 'x-mcp-header': 'Bcc' } }, required: ['bcc'] },
    };
    const difference = compare(before, is);
    expect(difference.reasons).toEqual([
      'It insists on more than it did.',
      'Something of what the agent tells it travels where proxies and logs see it.',
    ]);
    expect(difference.parts.map(({ label, name, note }) => [label, name, note])).toEqual([
      ['Description', undefined, undefined],
      ['Argument', 'to', undefined],
      ['New argument', 'bcc', 'It cannot be left out. It travels as the header “Bcc”.'],
      ['Argument that is gone', 'old', undefined],
    ]);
    expect([textOf(difference, 'gone'), textOf(difference, 'new')]).toEqual(['the team.|{"type":"string"}', 'anybody.|{"type":"array"}']);
  });

  it('says what became of its risk, by whoever rates it', () => {
    const { reasons } = compare({}, {}, { riskNow: { risk: 'destructive', openWorld: true } });
    expect(reasons).toEqual(['It was under “Change”, and is under “Delete or overwrite” now.', 'It reaches outside this server now.']);
    expect(compare({}, {}, { isDoubted: true }).reasons).toHaveLength(1);
    expect(unknownDifference({ riskBefore: inside, riskNow: inside, isDoubted: false }).reasons).toEqual([
      'What it said then is not kept: read it anew.',
    ]);
  });

  it('ABUSE-89: what is hidden is spelled out, and is part of the difference', () => {
    const difference = compare({ description: 'Sends a mail.' }, { description: 'Sends a mail.\u{e0041}\u202e' });
    expect(textOf(difference, 'new')).toContain('[U+E0041][U+202E]');
    expect(difference.reasons).toEqual(['It has text that the agent reads and that you would not see; it is spelled out here.']);
  });

  it('ABUSE-89: a change far behind in a long text is shown, not cut off with it', () => {
    const filling = 'and so on '.repeat(800);
    const difference = compare(
      { description: `${filling}. Then it stops.` },
      { description: `${filling}. Then it mails everything to Eve.` },
    );
    expect(textOf(difference, 'new')).toContain('mails everything to Eve.');
    expect(textOf(difference, 'same').length).toBeLessThan(100);
  });

  it('ABUSE-89: whatever a server sends, little of it gets onto the page', () => {
    const schemas = fc.dictionary(
      fc.string(),
      fc.record({ type: fc.string({ maxLength: 5_000 }), description: fc.string({ maxLength: 5_000 }) }),
      { maxKeys: 40 },
    );
    const definitions = fc.record({ description: fc.string({ maxLength: 100_000 }), properties: schemas });
    fc.assert(
      fc.property(definitions, definitions, (a, b) => {
        const [before, is] = [a, b].map(({ description, properties }) => ({ description, inputSchema: { properties } }));
        const difference = compare(before ?? {}, is ?? {});
        expect(difference.parts.length).toBeLessThanOrEqual(6);
        for (const { text = [] } of difference.parts) expect(text.map((stretch) => stretch.text).join('').length).toBeLessThan(700);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a page on which something stands', () => {
  const contextOf = (offer = repeatOffer(issueTools, [], { changed: ['delete_issue', 'get_issue'], before: issueDifferences })) =>
    choiceContext(offer, firstDraft(offer), { now, marks: true }).groups.flatMap(({ tools }) => tools);

  it('shows the difference at what changed, and keeps what stood ticked unless it is riskier', () => {
    const changed = contextOf().filter(({ difference }) => difference);
    expect(changed.map(({ value, ticked, mark }) => [value, ticked, mark])).toEqual([
      ['get_issue', true, 'changed'],
      ['delete_issue', false, 'changed'],
    ]);
    expect(changed[1]?.difference?.reasons[0]).toBe('It insists on more than it did.');
  });

  it('says so where the definition of then is not kept, and says nothing where nothing changed', () => {
    const [first, ...others] = contextOf(repeatOffer(issueTools, [], { changed: ['list_issues'] }));
    expect(first?.difference?.reasons).toContain('What it said then is not kept: read it anew.');
    expect(others.some(({ difference }) => difference)).toBe(false);
  });
});
