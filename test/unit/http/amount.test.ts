import { describe, expect, it } from '@jest/globals';
import { amountOf } from '../../../src/http/views/amount.ts';
import { choiceContext, firstDraft, switchGroup } from '../../../src/http/views/choice.ts';
import { firstOffer, issueTools } from './offers.ts';

const now = new Date('2026-11-23T14:05:00Z');
const offer = firstOffer(issueTools, true);
const amount = (draft = firstDraft(offer)) => choiceContext(offer, draft, { now, marks: false }).amount;

describe('what a selection amounts to', () => {
  it('counts, and says the worst that it could do', () => {
    expect(amount()).toEqual({ count: '4 of 8 tools', could: 'can change things', destroying: [], moreDestroying: 0, canLeak: false });
    const onlyReading = { ...firstDraft(offer), ticked: new Set(['get_issue']) };
    expect(amount(onlyReading)).toMatchObject({ count: '1 of 8 tools', could: 'can look things up' });
    expect(amount({ ...onlyReading, ticked: new Set() })).toEqual({
      count: '0 of 8 tools',
      destroying: [],
      moreDestroying: 0,
      canLeak: false,
    });
  });

  it('names what could destroy something, by the titles that the page shows', () => {
    const draft = switchGroup(offer, firstDraft(offer), { risk: 'destructive', isOn: true });
    expect(amount(draft)).toMatchObject({
      could: 'can delete or overwrite things',
      destroying: ['Delete issue', 'run_script'],
      moreDestroying: 0,
      canLeak: true,
    });
    const many = ['a', 'b', 'c', 'd'].map((title) => ({ title, risk: 'destructive' as const, openWorld: false, ticked: true }));
    expect(amountOf(many, { resources: false })).toMatchObject({ destroying: ['a', 'b'], moreDestroying: 2 });
  });

  it('goes by what a draft names of what is on the page, held tools and resources that are not offered left out', () => {
    const held = {
      ...offer,
      tools: offer.tools.map((shown) => ({ ...shown, isHeld: shown.tool.openWorld })),
      resources: { ...offer.resources, shown: false },
    };
    const draft = { ...firstDraft(held), ticked: new Set(['send_email', 'drop_database']), resources: true };
    expect(choiceContext(held, draft, { now, marks: false }).amount).toMatchObject({ count: '0 of 8 tools', canLeak: false });
  });
});

describe('whose word a risk is', () => {
  const sourceOf = (changes: object) => {
    const tools = [{ ...issueTools[3]!, ...changes }];
    const { groups } = choiceContext(firstOffer(tools), firstDraft(firstOffer(tools)), { now, marks: false });
    return groups[0]?.tools[0]?.source;
  };

  it('the server’s, an administrator’s with what the server says where that is something else, or nobody’s', () => {
    expect(sourceOf({})).toBe('Rated by the server itself.');
    expect(
      sourceOf({
        annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
        override: { risk: 'write', openWorld: false },
      }),
    ).toBe('Rated by whoever runs this site.');
    expect(sourceOf({ annotations: {}, override: { risk: 'write', openWorld: false } })).toBe(
      'Rated by whoever runs this site; the server itself says: “Delete or overwrite”, and reaches outside.',
    );
    expect(sourceOf({ annotations: {}, risk: 'destructive', openWorld: true })).toBeUndefined();
  });
});
