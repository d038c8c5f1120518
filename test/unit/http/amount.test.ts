import { describe, expect, it } from '@jest/globals';
import { riskOfAnnotations } from '../../../src/domain/tool.ts';
import { amountOf, type CountedTool } from '../../../src/http/views/amount.ts';
import { choiceContext, firstDraft, switchGroup } from '../../../src/http/views/choice.ts';
import { firstOffer, issueTools } from './offers.ts';

const now = new Date('2026-11-23T14:05:00Z');
const offer = firstOffer(issueTools, true);
const noExtras = { resources: false, prompts: false };
const toolBy = (by: CountedTool['by'], about: Partial<CountedTool> = {}): CountedTool => ({
  title: 'a',
  risk: 'read',
  openWorld: false,
  ticked: true,
  by,
  ...about,
});
const amount = (draft = firstDraft(offer)) => choiceContext(offer, draft, { now, marks: false }).amount;

describe('what a selection amounts to', () => {
  it('counts, and says the worst that it could do', () => {
    expect(amount()).toEqual({
      count: '4 of 8 tools',
      worst: 'write',
      named: ['Create issue', 'Add comment'],
      moreNamed: 0,
      reachesOut: false,
      canLeak: false,
      source: 'The server’s own word, checked by nobody. Where it says nothing, we assume the worst.',
    });
    const onlyReading = { ...firstDraft(offer), ticked: new Set(['get_issue']) };
    expect(amount(onlyReading)).toMatchObject({ count: '1 of 8 tools', worst: 'read', named: [] });
    const nothing = { ...onlyReading, ticked: new Set<string>() };
    expect(amount(nothing)).toMatchObject({ count: '0 of 8 tools', worst: 'read' });
    expect(amount({ ...nothing, resources: false, prompts: false })).not.toHaveProperty('worst');
  });

  it('names what would do the worst, by the titles that the page shows', () => {
    const draft = switchGroup(offer, firstDraft(offer), { risk: 'destructive', isOn: true });
    expect(amount(draft)).toMatchObject({
      worst: 'destructive',
      named: ['Delete issue', 'run_script'],
      moreNamed: 0,
      reachesOut: true,
      canLeak: true,
    });
    const many = ['a', 'b', 'c', 'd'].map((title) => toolBy('server', { title, risk: 'destructive' }));
    expect(amountOf(many, noExtras)).toMatchObject({ named: ['a', 'b'], moreNamed: 2 });
  });

  it('says whose word it is, whatever is ticked', () => {
    const word = (...by: readonly CountedTool['by'][]) =>
      amountOf(
        by.map((each) => toolBy(each, { ticked: false })),
        noExtras,
      ).source;
    expect(word('server', 'server')).toBe('The server’s own word, checked by nobody.');
    expect(word('administrator')).toBe('The word of whoever runs this site.');
    expect(word('server-in-part')).toBe('The server’s own word, checked by nobody. Where it says nothing, we assume the worst.');
    expect(word('nobody')).toBe('The server does not say what its tools do: we assume the worst.');
    expect(word('server', 'administrator')).toBe('The server’s own word, checked by nobody but for what whoever runs this site has rated.');
    expect(word('nobody', 'administrator')).toBe('The word of whoever runs this site. Where it says nothing, we assume the worst.');
    expect(word()).toBeUndefined();
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

  it.each([
    [{ readOnlyHint: true, openWorldHint: false }, 'Rated by the server itself.'],
    [{ destructiveHint: false, openWorldHint: true }, 'Rated by the server itself.'],
    [{ readOnlyHint: true }, 'That it reaches outside is our assumption.'],
    [{ readOnlyHint: false, openWorldHint: false }, 'That it could destroy is our assumption.'],
    [{ readOnlyHint: false }, 'That it could destroy and reach outside is our assumption.'],
    [{ readOnlyHint: 'no', destructiveHint: true }, 'That it reaches outside is our assumption.'],
  ])('what the server leaves open is no claim of its own: %j', (annotations, words) => {
    expect(sourceOf({ annotations, ...riskOfAnnotations(annotations) })).toBe(words);
  });
});
