import { describe, expect, it } from '@jest/globals';
import { declaresPages, widenElicitation, widenError } from '../../../src/resource-server/elicit-widening.ts';

const page = { url: 'https://issuer.example/widen?consent=cns_1&tool=wipe', text: 'Not allowed.' };
const call = (meta: object, more: object = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'wipe', _meta: meta, ...more },
});
const meta = (capabilities: unknown, revision: unknown = '2026-07-28') => ({
  'io.modelcontextprotocol/protocolVersion': revision,
  'io.modelcontextprotocol/clientCapabilities': capabilities,
});
const able = { elicitation: { url: {} } };

describe('MCP-52: URL elicitation of what was refused', () => {
  it('is a question of the newest revision, without an id', () => {
    expect(widenElicitation(call(meta(able)), page)).toEqual({
      resultType: 'input_required',
      inputRequests: {
        'toolgrant-widen': { method: 'elicitation/create', params: { mode: 'url', message: 'Not allowed.', url: page.url } },
      },
    });
  });

  it.each<[string, unknown]>([
    ['no declaration', call(meta(undefined))],
    ['forms alone', call(meta({ elicitation: { form: {} } }))],
    ['elicitation without modes, which means forms', call(meta({ elicitation: {} }))],
    ['a declaration that is none', call(meta({ elicitation: { url: true } }))],
    ['one on the prototype', call(meta(Object.create({ elicitation: { url: {} } })))],
    ['an older revision', call(meta(able, '2025-11-25'))],
    ['a revision that is no text', call(meta(able, 20260728))],
    ['no meta', { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wipe' } }],
    ['no params', { jsonrpc: '2.0', id: 1, method: 'tools/call' }],
    ['an answer to the question', call(meta(able), { inputResponses: { 'toolgrant-widen': { action: 'accept' } } })],
    ['a refusal of it', call(meta(able), { inputResponses: { 'toolgrant-widen': { action: 'decline' } } })],
  ])('is not asked with %s', (_, message) => {
    expect(widenElicitation(message, page)).toBeUndefined();
  });

  it('is asked beside answers to the questions of others', () => {
    expect(widenElicitation(call(meta(able), { inputResponses: { other: { action: 'accept' } } }), page)).toBeDefined();
  });
});

describe('MCP-52: 2025-11-25: the same as an error', () => {
  it('names the page, and what to say of it', () => {
    expect(widenError(7, { ...page, elicitationId: 'e1', message: 'Not allowed, see there.' })).toEqual({
      jsonrpc: '2.0',
      id: 7,
      error: {
        code: -32042,
        message: 'Not allowed, see there.',
        data: { elicitations: [{ mode: 'url', elicitationId: 'e1', url: page.url, message: 'Not allowed.' }] },
      },
    });
  });

  const initialize = (capabilities: unknown) => ({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { capabilities } });

  it.each<[string, unknown, boolean]>([
    ['pages', initialize(able), true],
    ['pages and forms', initialize({ elicitation: { url: {}, form: {} } }), true],
    ['forms alone', initialize({ elicitation: { form: {} } }), false],
    ['no modes, which means forms', initialize({ elicitation: {} }), false],
    ['what is none', initialize({ elicitation: { url: true } }), false],
    ['it on the prototype', initialize(Object.create({ elicitation: { url: {} } })), false],
    ['nothing', initialize(undefined), false],
    ['it elsewhere', { ...initialize(able), method: 'tools/call' }, false],
  ])('a client that declares %s', (_, message, expected) => {
    expect(declaresPages(message)).toBe(expected);
  });
});
