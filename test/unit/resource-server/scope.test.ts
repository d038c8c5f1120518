import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatToolScope, isToolName, parseScope, splitScope, toolNameOfScope } from '../../../src/resource-server/scope.ts';

const toolName = fc.string({ unit: 'binary', minLength: 1 }).filter(isToolName);

describe('tool scopes', () => {
  it('come back as the name they were made from', () => {
    fc.assert(fc.property(toolName, (name) => toolNameOfScope(formatToolScope(name)) === name));
  });

  it('use the scope alphabet of RFC 6749 alone', () => {
    fc.assert(fc.property(toolName, (name) => /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(formatToolScope(name))));
  });

  it('differ whenever the names differ', () => {
    fc.assert(fc.property(toolName, toolName, (a, b) => a === b || formatToolScope(a) !== formatToolScope(b)));
  });

  it('have one spelling per tool: whatever parses is what formatting makes', () => {
    const spelling = fc.stringMatching(/^[a-z%0-9A-F]{1,12}$/).map((text) => `tool:${text}`);
    fc.assert(
      fc.property(spelling, (scope) => {
        const name = toolNameOfScope(scope);
        return name === undefined || formatToolScope(name) === scope;
      }),
    );
  });

  it.each([
    ['a b', 'tool:a%20b'],
    ['100%', 'tool:100%25'],
    ['say "hi"', 'tool:say%20%22hi%22'],
    ['back\\slash', 'tool:back%5Cslash'],
    ['büro/löschen', 'tool:b%C3%BCro/l%C3%B6schen'],
    ['😀', 'tool:%F0%9F%98%80'],
    ['delete_issue', 'tool:delete_issue'],
    ['__proto__', 'tool:__proto__'],
  ])('spell %j as %s', (name, scope) => {
    expect(formatToolScope(name)).toBe(scope);
    expect(toolNameOfScope(scope)).toBe(name);
  });

  it.each([
    'tool:',
    'tool:%',
    'tool:%4',
    'tool:%zz',
    'tool:%C3',
    'tool:%c3%bc',
    'tool:%64elete_issue',
    'tool:%ED%A0%80',
    'tool:a b',
    'tools:x',
    'TOOL:x',
    'tools',
  ])('ABUSE-60: %j names no tool', (scope) => {
    expect(toolNameOfScope(scope)).toBeUndefined();
  });

  it('are refused for names without a reversible spelling', () => {
    expect(() => formatToolScope('')).toThrow(RangeError);
    expect(() => formatToolScope('\ud800')).toThrow(RangeError);
    expect(isToolName('\ud83d\ude00')).toBe(true);
  });
});

describe('scope strings', () => {
  it('are sorted into meanings', () => {
    expect(parseScope('openid tools tool:a%20b tools.read resources tool:%zz prompts tool:a%20b tools.listed catalogue')).toEqual({
      tools: true,
      toolsRead: true,
      toolsListed: true,
      resources: true,
      prompts: true,
      catalogue: true,
      toolNames: ['a b'],
      others: ['openid', 'tool:%zz'],
    });
  });

  it('MCP-12: tolerate stray spaces', () => {
    expect(splitScope('  tools  resources ')).toEqual(['tools', 'resources']);
    expect(parseScope('').others).toEqual([]);
  });
});
