import { describe, expect, it } from '@jest/globals';
import type { ShownTool } from '../../../src/domain/consent-page.ts';
import type { DescribedTool, Offer } from '../../../src/http/views/choice.ts';
import { refusalWords } from '../../../src/http/views/refusal-words.ts';
import { held, issueTools, repeatOffer } from './offers.ts';

const asked = { tool: 'delete_issue' };
const words = (offer: Offer) => refusalWords(offer, asked);

/** What is said where the tool is otherwise than the offer has it. */
function wordsWith(offer: Offer, changes: Partial<ShownTool<DescribedTool>>): string | undefined {
  const tools = offer.tools.map((shown) => (shown.tool.name === asked.tool ? { ...shown, ...changes } : shown));
  return words({ ...offer, tools });
}

describe('why an agent is refused a tool', () => {
  const missing = repeatOffer(issueTools, ['delete_issue']);
  const standing = repeatOffer(issueTools, []);

  it('the person has not allowed it, or its time is over', () => {
    expect(words(missing)).toBe('“Delete issue” is refused, because you have not allowed it.');
    expect(wordsWith(standing, { standing: 'new', ticked: false })).toBe(
      '“Delete issue” is refused, because the time for which you allowed it is over.',
    );
  });

  it('it may do more than it did', () => {
    const drifted = repeatOffer(issueTools, [], { changed: ['delete_issue'] });
    expect(words(drifted)).toBe('“Delete issue” is refused, because it may do more now than when you allowed it.');
    expect(wordsWith(standing, { ticked: false })).toBe(words(drifted));
  });

  it('the organisation, or a quarantine, does not let it: that counts before anything of hers', () => {
    const forbidden = { permission: { kind: 'not-allowed' } } as const;
    for (const offer of [missing, standing]) {
      expect(wordsWith(offer, forbidden)).toBe('“Delete issue” is refused, because your organisation does not let you allow that.');
      expect(words(held(offer))).toBe('“Delete issue” is refused, because this agent may only read for now.');
    }
  });

  it('the agent is paused; or nothing is in the way any more', () => {
    expect(words({ ...standing, standing: { ...standing.standing!, isPaused: true } })).toBe(
      '“Delete issue” is refused, because you have paused this agent.',
    );
    expect(words(standing)).toBe('“Delete issue” is allowed by now: let your agent try again.');
  });

  it('ABUSE-89: a name is a stranger’s text, cut and spelled out; of what is not on offer nothing is said', () => {
    const hostile = { ...issueTools[0]!, name: asked.tool, title: `\u202E${'x'.repeat(10_000)}` };
    const said = wordsWith(missing, { tool: hostile }) ?? '';
    expect(said).toContain('[U+202E]');
    expect(said.length).toBeLessThan(300);
    expect(refusalWords(missing, { tool: 'drop_database' })).toBeUndefined();
  });

  it('resources and prompts have the same reasons', () => {
    expect(refusalWords(missing, { scope: 'resources' })).toBe('Resources are refused, because you have not allowed that.');
    const stood = { ...missing.prompts, standing: true };
    expect(refusalWords({ ...missing, prompts: stood }, { scope: 'prompts' })).toBe(
      'Prompts are allowed by now: let your agent try again.',
    );
    expect(refusalWords({ ...missing, prompts: { ...stood, permission: { kind: 'not-allowed' } } }, { scope: 'prompts' })).toBe(
      'Prompts are refused, because your organisation does not let you allow that.',
    );
  });
});
