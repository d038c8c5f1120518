import { describe, expect, it } from '@jest/globals';
import type { ConsentId } from '../../../src/domain/ids.ts';
import { findUnusedTools } from '../../../src/domain/unused-tools.ts';

const now = new Date('2026-11-27T12:00:00Z');
const daysAgo = (days: number) => new Date(now.getTime() - days * 86_400_000);
const tool = (name: string, decidedAt?: Date) => ({
  name,
  digest: name,
  risk: 'read' as const,
  openWorld: false,
  ...(decidedAt && { decidedAt }),
});
const consent = (decidedAt: Date, ...tools: ReturnType<typeof tool>[]) => ({
  id: 'cns_a' as ConsentId,
  version: 1,
  salt: 's',
  resources: false,
  prompts: false,
  decidedAt,
  tools,
});

describe('tools that nobody called', () => {
  it('are those allowed thirty days ago, and not called since', () => {
    const calls = new Map([
      ['called', daysAgo(29)],
      ['long-ago', daysAgo(30)],
      ['of-somebody-else', daysAgo(1)],
    ]);
    expect(findUnusedTools(consent(daysAgo(40), tool('called'), tool('long-ago'), tool('never')), calls, now)).toEqual([
      'long-ago',
      'never',
    ]);
  });

  it('none is younger than thirty days: it goes by when the tool itself was allowed', () => {
    expect(findUnusedTools(consent(daysAgo(29), tool('new'), tool('old', daysAgo(60))), new Map(), now)).toEqual(['old']);
    expect(findUnusedTools(consent(daysAgo(60), tool('new', daysAgo(1)), tool('old')), new Map(), now)).toEqual(['old']);
  });
});
