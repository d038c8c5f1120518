import { describe, expect, it } from '@jest/globals';
import { isUnderCeiling, parseCeiling } from '../../../src/domain/ceiling.ts';

const listIssues = { name: 'list_issues', risk: 'read' as const };
const deleteIssue = { name: 'delete_issue', risk: 'destructive' as const };

describe('parseCeiling', () => {
  it.each([undefined, '', ' ', 'openid offline_access', 'nonsense', '+offline_access', 'tool:%zz'])(
    'MCP-12: %j means all tools',
    (scope) => {
      expect(parseCeiling(scope)).toEqual({ tools: 'all', toolNames: [], resources: false, prompts: false });
    },
  );

  it('reads aggregates and names', () => {
    expect(parseCeiling('tools resources prompts')).toEqual({ tools: 'all', toolNames: [], resources: true, prompts: true });
    expect(parseCeiling('tools.read tool:delete_issue')).toEqual({
      tools: 'read',
      toolNames: ['delete_issue'],
      resources: false,
      prompts: false,
    });
    expect(parseCeiling('resources')).toEqual({ tools: 'named', toolNames: [], resources: true, prompts: false });
  });

  it.each([
    ['tools', true, true],
    ['tools.read', true, false],
    ['tools.read tool:delete_issue', true, true],
    ['tool:list_issues', true, false],
    ['resources', false, false],
  ])('%s: reading %j, deleting %j', (scope, reads, deletes) => {
    expect(isUnderCeiling(parseCeiling(scope), listIssues)).toBe(reads);
    expect(isUnderCeiling(parseCeiling(scope), deleteIssue)).toBe(deletes);
  });
});
