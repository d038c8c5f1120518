import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { settleAnswer } from '../../../src/domain/consent-answer.ts';
import { type PolicyRule, unrestricted } from '../../../src/domain/policy.ts';
import { answerOf, draftOf, pressedOf } from '../../../src/http/pages/draft.ts';
import type { Form } from '../../../src/http/request-body.ts';
import { choiceContext, firstDraft, type Offer } from '../../../src/http/views/choice.ts';
import { firstOffer, issueTools, repeatOffer } from './offers.ts';

const now = new Date('2026-11-23T14:05:00Z');

function formOf(fields: Record<string, string | readonly string[]>): Form {
  const all = (name: string) => (Object.hasOwn(fields, name) ? [fields[name] ?? []].flat() : []);
  return { all, text: (name) => all(name)[0] ?? '', names: () => Object.keys(fields) };
}

const contextOf = (offer: Offer, form: Form) => choiceContext(offer, draftOf(form, offer), { now, marks: false });
const tickedIn = (offer: Offer, form: Form) =>
  contextOf(offer, form).groups.flatMap(({ tools }) => tools.filter(({ ticked }) => ticked).map(({ value }) => value));

describe('the buttons of a page with tools', () => {
  const offer = firstOffer(issueTools, true);

  it('a group switch turns that group on and leaves everything else as it was', () => {
    const form = formOf({ do: 'all:destructive', tool: ['list_issues'], duration: '1d', resources: 'on' });
    expect(tickedIn(offer, form)).toEqual(['list_issues', 'delete_issue', 'run_script']);
    expect(draftOf(form, offer)).toMatchObject({ duration: '1d', resources: true, prompts: false });
  });

  it('a group switch turns that group off', () => {
    expect(tickedIn(offer, formOf({ do: 'none:read', tool: ['list_issues', 'create_issue'] }))).toEqual(['create_issue']);
  });

  it('to pick single tools takes every tick away, shows all tools, and they stay in sight', () => {
    const form = formOf({ do: 'pick', tool: ['list_issues', 'delete_issue'], resources: 'on', prompts: 'on', duration: '1d' });
    expect(draftOf(form, offer)).toMatchObject({ ticked: new Set(), resources: false, prompts: false, duration: '1d' });
    expect(contextOf(offer, form).groups.map(({ isOpen }) => isOpen)).toEqual([true, true, true]);
    const next = formOf({ do: 'all:write', open: ['read', 'constructor'] });
    expect(contextOf(offer, next).groups.map(({ isOpen }) => isOpen)).toEqual([true, true, false]);
    expect(contextOf(repeatOffer(issueTools, []), next).canPick).toBe(false);
  });

  it('one hour is one press, where policy allows that much, and changes nothing else', () => {
    const form = formOf({ do: 'shorten', tool: ['list_issues'], duration: '30d', resources: 'on' });
    expect(draftOf(form, offer)).toMatchObject({ ticked: new Set(['list_issues']), resources: true, prompts: false, duration: '1h' });
    expect([contextOf(offer, formOf({})).canShorten, contextOf(offer, form).canShorten]).toEqual([true, false]);
    const half: PolicyRule = { name: 'half', effect: 'allow', forAtMostSeconds: 1_800 };
    const permission = { kind: 'allowed', by: [half] } as const;
    const brief = { ...offer, tools: offer.tools.map((shown) => ({ ...shown, permission })) };
    const extras = { resources: { ...offer.resources, permission }, prompts: { ...offer.prompts, permission } };
    expect(contextOf({ ...brief, ...extras }, formOf({})).canShorten).toBe(false);
  });

  it.each(['all:everything', 'all', 'none:', 'ALLOW', '', 'allow ', '__proto__'])('%j decides nothing', (value) => {
    expect(pressedOf(formOf({ do: value }))).toBe('edit');
    expect(tickedIn(offer, formOf({ do: value, tool: ['get_issue'] }))).toEqual(['get_issue']);
  });

  it('ABUSE-38: a duration that is not on offer is the default, or what stands', () => {
    for (const duration of ['10y', '', 'constructor', '__proto__']) {
      expect(draftOf(formOf({ duration }), offer).duration).toBe('30d');
      expect(draftOf(formOf({ duration }), repeatOffer(issueTools, [])).duration).toBe('unchanged');
    }
  });

  it('ABUSE-38: whatever a form adds, the terms are of what was shown and ticked', () => {
    const names = fc.constantFrom(...issueTools.map(({ name }) => name), 'drop_database', '__proto__', 'LIST_ISSUES', ' list_issues');
    fc.assert(
      fc.property(
        fc.subarray([...issueTools]),
        fc.array(names),
        fc.constantFrom('allow', 'all:read', 'all:destructive', 'pick', 'shorten'),
        (shown, tools, pressed) => {
          const shownOffer = firstOffer(shown);
          const form = formOf({ do: pressed, tool: tools, resources: 'on', prompts: 'on', shown: 'sample' });
          const answer = answerOf(form, draftOf(form, shownOffer));
          const settled = settleAnswer(shownOffer, answer, { now, standing: undefined, rules: unrestricted });
          if (!settled.ok) throw new Error('nothing here takes a sign-in');
          const { terms } = settled;
          for (const { name } of terms.tools) expect(shown.map((tool) => tool.name)).toContain(name);
          expect([terms.resources, terms.prompts]).toEqual([false, false]);
        },
      ),
    );
  });
});

describe('what the page begins with', () => {
  it('a first consent: what neither destroys nor reaches outside, and the extras that were asked for', () => {
    const draft = firstDraft(firstOffer(issueTools, true));
    expect([...draft.ticked]).toEqual(['list_issues', 'get_issue', 'create_issue', 'add_comment']);
    expect(draft).toMatchObject({ resources: true, prompts: true, duration: '30d' });
  });

  it('a repeat: what stood, nothing new, and the end that stands', () => {
    const draft = firstDraft(repeatOffer(issueTools, ['delete_issue'], { changed: ['send_email'] }));
    expect(draft.ticked.has('delete_issue') || draft.ticked.has('send_email')).toBe(false);
    expect(draft.ticked.has('run_script')).toBe(true);
    expect(draft.duration).toBe('unchanged');
  });

  it('marks resources as asked for where somebody asks, and not where a person looks at what stands', () => {
    const offer = { ...repeatOffer(issueTools, []), resources: firstOffer(issueTools, true).resources };
    const isNew = (marks: boolean) => choiceContext(offer, firstDraft(offer), { now, marks }).resources?.isNew;
    expect([isNew(true), isNew(false)]).toEqual([true, false]);
  });

  it('a tool whose server claims nothing is said to be treated as the worst', () => {
    const { groups } = choiceContext(firstOffer(issueTools), firstDraft(firstOffer(issueTools)), { now, marks: false });
    const words = groups.flatMap(({ tools }) => tools).find(({ value }) => value === 'run_script')?.words;
    expect(words).toContain('does not say what this can do');
  });
});
