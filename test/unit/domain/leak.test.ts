import { describe, expect, it } from '@jest/globals';
import { canLeak } from '../../../src/domain/leak.ts';
import type { Risk } from '../../../src/domain/risk.ts';

const tool = (risk: Risk, openWorld = false) => ({ risk, openWorld });

describe('the way data leaks out', () => {
  it.each([
    ['nothing', [], false, false],
    ['reading alone', [tool('read'), tool('read')], true, false],
    ['changing things inside', [tool('read'), tool('write'), tool('destructive')], true, false],
    ['reaching outside without reading', [tool('write', true), tool('destructive', true)], false, false],
    ['reading, and writing outside', [tool('read'), tool('write', true)], false, true],
    ['reading, and looking things up outside', [tool('read'), tool('read', true)], false, true],
    ['resources, and destroying outside', [tool('destructive', true)], true, true],
  ])('%s', (_, tools, resources, leaks) => {
    expect(canLeak(tools, { resources })).toBe(leaks);
  });
});
