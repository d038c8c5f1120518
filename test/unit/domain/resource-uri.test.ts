import { describe, expect, it } from '@jest/globals';
import { parseResourceUri } from '../../../src/domain/resource-uri.ts';

describe('parseResourceUri', () => {
  it.each([
    ['https://h', 'https://h/'],
    ['https://H.example/mcp', 'HTTPS://h.example:443/mcp'],
    ['http://localhost:4001/mcp', 'HTTP://LOCALHOST:4001/mcp'],
  ])('MCP-21: %s and %s name one server', (a, b) => {
    const [first, second] = [parseResourceUri(a), parseResourceUri(b)];
    expect(first).toHaveProperty('key');
    expect((second as { key: string }).key).toBe((first as { key: string }).key);
    expect(second).toHaveProperty('resource', b);
  });

  it.each([
    ['https://h/mcp', 'https://h/mcp/'],
    ['https://h/mcp', 'https://h/MCP'],
    ['https://h/mcp', 'https://h:8443/mcp'],
    ['https://h/mcp', 'https://h/mcp?x=1'],
    ['http://localhost/mcp', 'http://127.0.0.1/mcp'],
  ])('%s and %s name two', (a, b) => {
    expect((parseResourceUri(a) as { key: string }).key).not.toBe((parseResourceUri(b) as { key: string }).key);
  });

  it.each([
    ['mcp', 'not-absolute'],
    ['//h/mcp', 'not-absolute'],
    ['', 'not-absolute'],
    ['https://h/a b', 'not-absolute'],
    ['https:\\\\h\\mcp', 'not-absolute'],
    ['ftp://h/mcp', 'not-http'],
    ['https://h/mcp#tools', 'has-fragment'],
    ['https://h/mcp#', 'has-fragment'],
    ['https://user@h/mcp', 'has-userinfo'],
    ['http://h.example/mcp', 'plain-http'],
    [`https://h/${'a'.repeat(2_100)}`, 'too-long'],
  ])('ABUSE-59: refuses %s', (input, problem) => {
    expect(parseResourceUri(input)).toEqual({ problem });
  });
});
