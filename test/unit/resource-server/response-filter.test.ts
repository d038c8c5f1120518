import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Access } from '../../../src/resource-server/access.ts';
import { type BodyFilter, createEventStreamFilter, createJsonFilter } from '../../../src/resource-server/event-stream.ts';
import { createMessageFilter, needsFilter } from '../../../src/resource-server/response-filter.ts';
import { accessWith } from './access-for-tests.ts';

const now = () => new Date('2026-11-23T12:00:00Z');
const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
const tools = ['list_issues', 'delete_issue', 'List_Issues'].map((name) => ({ name, description: `does ${name}` }));
const answer = (result: unknown, id: unknown = 1) => ({ jsonrpc: '2.0', id, result });

function filterFor(body: unknown, access: Access = accessWith('tool:list_issues')) {
  return createMessageFilter({ access, body, now });
}

function stateless(method: string) {
  return { jsonrpc: '2.0', id: 1, method, params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } } };
}

describe('tool lists', () => {
  it('ABUSE-60: show the allowed tools and nothing else', () => {
    expect(filterFor(LIST)(answer({ tools, nextCursor: 'x' }))).toEqual(answer({ tools: [tools[0]], nextCursor: 'x' }));
  });

  it('are empty for a token without tools', () => {
    expect(filterFor(LIST, accessWith('resources'))(answer({ tools }))).toEqual(answer({ tools: [] }));
  });

  it('are whole for the issuer’s own token', () => {
    const message = answer({ tools });
    expect(filterFor(LIST, accessWith('catalogue'))(message)).toBe(message);
  });

  it('are untouched, the very same value, when nothing is to be hidden', () => {
    const message = answer({ tools: [tools[0]] });
    expect(filterFor(LIST)(message)).toBe(message);
  });

  it('are filtered by shape where the question is not known', () => {
    expect(filterFor(undefined)(answer({ tools }, 'elsewhere'))).toEqual(answer({ tools: [tools[0]] }, 'elsewhere'));
    expect(filterFor(LIST)(answer({ tools }, '1'))).toEqual(answer({ tools: [tools[0]] }, '1'));
    expect(filterFor(undefined)(answer({ resources: [{}], resourceTemplates: [{}], prompts: [{}] }))).toEqual(
      answer({ resources: [], resourceTemplates: [], prompts: [] }),
    );
  });

  it('are filtered also when two questions have one id', () => {
    const twice = [{ jsonrpc: '2.0', id: 1, method: 'ping' }, LIST];
    expect(filterFor(twice)(answer({ tools }))).toEqual(answer({ tools: [tools[0]] }));
  });

  it('a tool’s own result may contain anything', () => {
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list_issues' } };
    const message = answer({ content: [], tools });
    expect(filterFor(call)(message)).toBe(message);
    expect(needsFilter(call)).toBe(false);
    expect(needsFilter([call, LIST])).toBe(true);
  });

  it('entries without a name are hidden', () => {
    expect(filterFor(LIST)(answer({ tools: [{}, null, { name: 7 }, 'list_issues'] }))).toEqual(answer({ tools: [] }));
  });
});

describe('MCP-45: capabilities', () => {
  const capabilities = { tools: {}, resources: {}, prompts: {}, completions: {}, logging: {} };
  it.each([['initialize'], ['server/discover']])('of %s leave out what the token does not allow', (method) => {
    const body = { jsonrpc: '2.0', id: 1, method };
    const shown = (scope: string) =>
      Object.keys(
        (filterFor(body, accessWith(scope))(answer({ capabilities })) as { result: { capabilities: object } }).result.capabilities,
      );
    expect(shown('')).toEqual(['tools', 'logging']);
    expect(shown('resources')).toEqual(['tools', 'resources', 'completions', 'logging']);
    expect(shown('prompts')).toEqual(['tools', 'prompts', 'completions', 'logging']);
    expect(shown('resources prompts')).toEqual(Object.keys(capabilities));
  });
});

describe('MCP-47: caching', () => {
  it('a list is private and lives no longer than the token', () => {
    const filter = filterFor(stateless('tools/list'));
    const result = (message: unknown) => (filter(message) as { result: unknown }).result;
    expect(result(answer({ tools: [], cacheScope: 'public', ttlMs: 86_400_000 }))).toMatchObject({ cacheScope: 'private', ttlMs: 900_000 });
    expect(result(answer({ tools: [], cacheScope: 'public', ttlMs: 5000 }))).toMatchObject({ cacheScope: 'private', ttlMs: 5000 });
    expect(result(answer({ tools: [] }))).toMatchObject({ cacheScope: 'private', ttlMs: 0 });
    expect(result(answer({ tools: [], ttlMs: 'x' }))).toMatchObject({ ttlMs: 0 });
  });

  it.each(['prompts/list', 'resources/list', 'resources/templates/list', 'resources/read', 'server/discover'])('%s likewise', (method) => {
    const filter = filterFor(stateless(method), accessWith('resources prompts'));
    expect(filter(answer({ ttlMs: 9e9, cacheScope: 'public' }))).toEqual(answer({ ttlMs: 900_000, cacheScope: 'private' }));
  });

  it('older clients get no fields that they do not know', () => {
    expect(filterFor(LIST)(answer({ tools }))).toEqual(answer({ tools: [tools[0]] }));
  });
});

describe('bodies in pieces', () => {
  const filter = filterFor(LIST);
  const message = JSON.stringify(answer({ tools }));
  const filtered = JSON.stringify(answer({ tools: [tools[0]] }));

  /** Cuts text into pieces at byte positions and runs them through a filter. */
  function run(
    text: string,
    cuts: readonly number[],
    make: (rewrite: (message: unknown) => unknown) => BodyFilter = createEventStreamFilter,
  ): string {
    const bytes = new TextEncoder().encode(text);
    const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
    const body = make(filter);
    let passed = '';
    places.slice(1).forEach((end, index) => {
      passed += body.push(bytes.slice(places[index], end));
    });
    return passed + body.end();
  }

  const stream = (end: string) =>
    [
      `: hello${end}${end}`,
      `id: 1${end}event: message${end}data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { text: 'grüße 😀' } })}${end}${end}`,
      `id: 2${end}data: ${message}${end}${end}`,
      `data: not json${end}${end}`,
      `retry: 500${end}${end}`,
    ].join('');

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('an event stream with %s, cut anywhere', (_name, end) => {
    const whole = stream(end);
    const expected = whole.replace(message, filtered).replace(`id: 2${end}`, 'id: 2\n');
    fc.assert(fc.property(fc.array(fc.nat(), { maxLength: 8 }), (cuts) => run(whole, cuts) === expected));
  });

  it('data over several lines is one message', () => {
    const lines = JSON.stringify(answer({ tools }), null, 1).split('\n');
    const text = `${lines.map((line) => `data: ${line}`).join('\n')}\n\n`;
    expect(run(text, [7, 30])).toBe(`data: ${filtered}\n\n`);
  });

  it('a last event without its blank line is filtered too', () => {
    expect(run(`data: ${message}`, [])).toBe(`data: ${filtered}`);
  });

  it('a batch in one event is filtered message by message', () => {
    const ping = { jsonrpc: '2.0', id: 9, result: {} };
    expect(run(`data: ${JSON.stringify([ping, answer({ tools })])}\n\n`, [])).toBe(
      `data: ${JSON.stringify([ping, answer({ tools: [tools[0]] })])}\n\n`,
    );
  });

  it('events leave as soon as they are whole', () => {
    const body = createEventStreamFilter(filter);
    const bytes = new TextEncoder().encode(`data: ${message}\n\ndata: x`);
    expect(body.push(bytes)).toBe(`data: ${filtered}\n\n`);
  });

  it('a JSON body, cut anywhere', () => {
    fc.assert(fc.property(fc.array(fc.nat(), { maxLength: 5 }), (cuts) => run(message, cuts, createJsonFilter) === filtered));
    expect(run('<html>', [2], createJsonFilter)).toBe('<html>');
    expect(run(`[${message}]`, [], createJsonFilter)).toBe(`[${filtered}]`);
  });
});
