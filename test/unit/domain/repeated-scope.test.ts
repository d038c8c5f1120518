import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findForeignScope, type ScopeMemory } from '../../../src/domain/repeated-scope.ts';
import { formatToolScope, isToolName } from '../../../src/resource-server/scope.ts';

function remember(requested: string[], toolNames: string[] = [], extras = { resources: false, prompts: false }): ScopeMemory {
  return { requested, given: { toolNames: new Set(toolNames), ...extras } };
}

describe('ENG-28: the scope of a refresh', () => {
  it('may repeat anything that was asked for or given, in any order and spacing', () => {
    const toolName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter(isToolName);
    const word = fc.stringMatching(/^[a-z:.]{1,10}$/);
    fc.assert(
      fc.property(fc.array(word), fc.array(toolName), fc.infiniteStream(fc.boolean()), (requested, tools, coin) => {
        const all = [...requested, ...tools.map(formatToolScope)].filter(() => coin.next().value);
        expect(findForeignScope(` ${all.reverse().join('  ')} `, remember(requested, tools))).toBeUndefined();
      }),
    );
  });

  it('may not name what is neither', () => {
    expect(findForeignScope('tool:a tool:b', remember(['tool:a']))).toBe('tool:b');
    expect(findForeignScope('tools', remember(['tool:a']))).toBe('tools');
    expect(findForeignScope('resources', remember(['tools']))).toBe('resources');
    expect(findForeignScope('prompts', remember(['tools'], [], { resources: true, prompts: false }))).toBe('prompts');
    expect(findForeignScope('tool:A', remember([], ['a']))).toBe('tool:A');
  });

  it('may say "tools" where the request named nothing of ours, and "tools.listed" always', () => {
    expect(findForeignScope('tools', remember([]))).toBeUndefined();
    expect(findForeignScope('tools', remember(['offline_access']))).toBeUndefined();
    expect(findForeignScope('tools.listed', remember(['tool:a']))).toBeUndefined();
  });

  it('MCP-24: may always say "offline_access", which the Rust SDK adds whenever the metadata names it', () => {
    expect(findForeignScope('tool:a offline_access', remember(['tool:a']))).toBeUndefined();
  });
});
