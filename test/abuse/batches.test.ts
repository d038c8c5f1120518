import { describe, expect, it } from '@jest/globals';
import { judge } from '../../src/resource-server/judge.ts';
import { accessWith } from '../unit/resource-server/access-for-tests.ts';

const access = accessWith('tool:list_issues');
const batchOf = (length: number, method: string, name: string) => Array(length).fill({ jsonrpc: '2.0', id: 1, method, params: { name } });

describe('ABUSE-76: a batch of thousands', () => {
  it.each([
    ['allowed calls', 'tools/call', 'list_issues'],
    ['refused calls', 'tools/call', 'delete_issue'],
    ['lists', 'tools/list', ''],
  ])('of %s is refused whole, before anything is done for each', (_, method, name) => {
    expect(judge(batchOf(1_001, method, name), { access })).toMatchObject({ kind: 'malformed', code: -32600, id: null });
    expect(judge(batchOf(80_000, method, name), { access }).kind).toBe('malformed');
  });

  it('of a thousand is judged', () => {
    expect(judge(batchOf(1_000, 'tools/call', 'list_issues'), { access }).kind).toBe('pass');
    expect(judge(batchOf(1_000, 'tools/call', 'delete_issue'), { access }).kind).toBe('denied');
  });
});
