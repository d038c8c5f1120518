import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalDefinition, type JsonObject, riskOfAnnotations, type ToolDefinition } from '../../../src/domain/tool.ts';

const tool: ToolDefinition = { name: 'list_issues', annotations: {}, inputSchema: { type: 'object' } };

describe('the risk that annotations claim', () => {
  it.each<[JsonObject, string, boolean]>([
    [{}, 'destructive', true],
    [{ readOnlyHint: true }, 'read', true],
    [{ readOnlyHint: true, openWorldHint: false }, 'read', false],
    [{ readOnlyHint: true, destructiveHint: true }, 'read', true],
    [{ readOnlyHint: false }, 'destructive', true],
    [{ destructiveHint: false }, 'write', true],
    [{ destructiveHint: false, openWorldHint: false }, 'write', false],
    [{ destructiveHint: true, openWorldHint: false }, 'destructive', false],
    [{ idempotentHint: true }, 'destructive', true],
  ])('%j is %s, open world %s', (annotations, risk, openWorld) => {
    expect(riskOfAnnotations(annotations)).toEqual({ risk, openWorld });
  });

  it('ABUSE-89: nothing but the words themselves counts', () => {
    for (const word of ['true', 1, 'yes', {}, [true], null] as const) {
      expect(riskOfAnnotations({ readOnlyHint: word, destructiveHint: word, openWorldHint: word })).toEqual({
        risk: 'destructive',
        openWorld: true,
      });
    }
  });
});

describe('the canonical definition', () => {
  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (members) => {
        const schema = members as JsonObject;
        const reversed = Object.fromEntries(Object.entries(schema).reverse());
        expect(canonicalDefinition({ ...tool, inputSchema: reversed })).toBe(canonicalDefinition({ ...tool, inputSchema: schema }));
      }),
    );
  });

  it.each<[string, Partial<ToolDefinition>]>([
    ['name', { name: 'list_issue' }],
    ['title', { title: 'Issues' }],
    ['description', { description: 'Lists.' }],
    ['annotations', { annotations: { readOnlyHint: true } }],
    ['inputSchema', { inputSchema: { type: 'object', required: ['q'] } }],
    ['outputSchema', { outputSchema: { type: 'object' } }],
    ['MCP-51: a header', { inputSchema: { type: 'object', properties: { q: { type: 'string', 'x-mcp-header': 'X-Q' } } } }],
  ])('changes with %s', (_, change) => {
    expect(canonicalDefinition({ ...tool, ...change })).not.toBe(canonicalDefinition(tool));
  });
});
