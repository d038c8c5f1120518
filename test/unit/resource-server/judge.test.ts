import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { judge } from '../../../src/resource-server/judge.ts';
import { accessWith } from './access-for-tests.ts';

const access = accessWith('tool:list_issues tool:get_issue');

function request(method: unknown, params?: unknown): Record<string, unknown> {
  return { jsonrpc: '2.0', id: 1, method, ...(params === undefined ? {} : { params }) };
}

function kindOf(body: unknown, by = access): string {
  return judge(body, { access: by }).kind;
}

function missingScopes(body: unknown, by = access): (string | undefined)[] {
  const judgement = judge(body, { access: by });
  return judgement.kind === 'denied' ? judgement.denials.map((denial) => denial.missingScope) : [];
}

describe('a tool call', () => {
  it('passes with the exact name', () => {
    expect(kindOf(request('tools/call', { name: 'list_issues', arguments: { name: 'delete_issue' } }))).toBe('pass');
  });

  it('MCP-36: without permission asks for this tool alone', () => {
    expect(missingScopes(request('tools/call', { name: 'delete issue' }))).toEqual(['tool:delete%20issue']);
  });

  it.each([
    ['another case', 'List_Issues'],
    ['a space before', ' list_issues'],
    ['a space behind', 'list_issues '],
    ['a NUL', 'list_issues\u0000'],
    ['an invisible character', 'list_\u200bissues'],
    ['another normal form', 'list_issue\u0073\u0301'],
    ['its encoding', '%6Cist_issues'],
    ['a scope', 'tool:list_issues'],
    ['a prototype’s name', '__proto__'],
    ['a method of every object', 'constructor'],
    ['nothing', ''],
  ])('ABUSE-60: is denied by alias: %s', (_name, name) => {
    expect(kindOf(request('tools/call', { name }))).toBe('denied');
  });

  it.each([[undefined], [null], [7], [['list_issues']], [{ name: 'list_issues' }]])(
    'ABUSE-60: with the name %j cannot be judged',
    (name) => {
      expect(kindOf(request('tools/call', { name }))).toBe('malformed');
    },
  );

  it('ABUSE-60: a name on a prototype is no name', () => {
    expect(kindOf(JSON.parse('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"__proto__":{"name":"list_issues"}}}'))).toBe(
      'malformed',
    );
  });

  it('ABUSE-60: is judged as a notification too', () => {
    expect(kindOf({ jsonrpc: '2.0', method: 'tools/call', params: { name: 'delete_issue' } })).toBe('denied');
  });

  it('ABUSE-60: is denied inside a batch, in any place, and with it the batch', () => {
    const fine = request('tools/call', { name: 'list_issues' });
    const bad = request('tools/call', { name: 'delete_issue' });
    for (const batch of [[bad], [fine, bad], [bad, fine], [request('ping'), fine, bad]]) expect(kindOf(batch)).toBe('denied');
    expect(kindOf([fine, request('ping')])).toBe('pass');
    expect(missingScopes([bad, request('tools/call', { name: 'purge' }), request('prompts/list')])).toEqual([
      'tool:delete_issue',
      'tool:purge',
      'prompts',
    ]);
  });

  it('ABUSE-60: a nested batch, an empty one, and things that are no messages cannot be judged', () => {
    for (const body of [[], [[request('ping')]], null, 'tools/call', 7, {}, [null], { id: 1 }, undefined])
      expect(kindOf(body)).toBe('malformed');
  });

  it('passes for any tool name exactly when the token has it', () => {
    fc.assert(
      fc.property(fc.string(), fc.subarray(['a', 'b', 'c', '']), (name, allowed) => {
        const by = accessWith(
          allowed
            .filter((tool) => tool !== '')
            .map((tool) => `tool:${tool}`)
            .join(' '),
        );
        return (kindOf(request('tools/call', { name }), by) === 'pass') === by.tools.includes(name);
      }),
    );
  });

  it('of a name too long for a header is refused without asking anybody', () => {
    expect(missingScopes(request('tools/call', { name: 'x'.repeat(10_000) }))).toEqual([undefined]);
  });
});

describe('resources and prompts', () => {
  const resourceMethods = ['resources/list', 'resources/templates/list', 'resources/read', 'resources/subscribe', 'resources/unsubscribe'];
  it.each(resourceMethods)('%s needs the scope resources', (method) => {
    expect(missingScopes(request(method, { uri: 'tracker://summary' }))).toEqual(['resources']);
    expect(kindOf(request(method, { uri: 'x' }), accessWith('resources'))).toBe('pass');
    expect(kindOf(request(method, { uri: 'x' }), accessWith('prompts tools'))).toBe('denied');
  });

  it.each(['prompts/list', 'prompts/get'])('%s needs the scope prompts', (method) => {
    expect(missingScopes(request(method, { name: 'triage' }))).toEqual(['prompts']);
    expect(kindOf(request(method, { name: 'triage' }), accessWith('prompts'))).toBe('pass');
    expect(kindOf(request(method, { name: 'triage' }), accessWith('tool:triage resources'))).toBe('denied');
  });

  it('completion needs what it completes', () => {
    expect(missingScopes(request('completion/complete', { ref: { type: 'ref/prompt', name: 'x' } }))).toEqual(['prompts']);
    expect(missingScopes(request('completion/complete', { ref: { type: 'ref/resource', uri: 'x' } }))).toEqual(['resources']);
    expect(missingScopes(request('completion/complete', { ref: { type: 'ref/tool', name: 'list_issues' } }))).toEqual([undefined]);
    expect(missingScopes(request('completion/complete'))).toEqual([undefined]);
  });

  it('listening to a resource’s content needs resources, to changes of lists nothing', () => {
    expect(kindOf(request('subscriptions/listen', { notifications: { toolsListChanged: true } }))).toBe('pass');
    expect(missingScopes(request('subscriptions/listen', { notifications: { resourceSubscriptions: ['x://y'] } }))).toEqual(['resources']);
    expect(missingScopes(request('subscriptions/listen', { notifications: { resourceSubscriptions: 'x://y' } }))).toEqual(['resources']);
  });
});

describe('other methods', () => {
  it.each(['initialize', 'server/discover', 'ping', 'tools/list', 'logging/setLevel', 'notifications/initialized', 'tasks/get'])(
    '%s passes',
    (method) => {
      expect(kindOf(request(method, { name: 'x', _meta: { name: 'y' } }), accessWith(''))).toBe('pass');
    },
  );

  it('responses of the client pass', () => {
    expect(kindOf({ jsonrpc: '2.0', id: 1, result: { name: 'x' } })).toBe('pass');
    expect(kindOf({ jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x' } })).toBe('pass');
  });

  it.each([
    ['Tools/Call', { name: 'list_issues' }],
    ['tools/call ', { name: 'list_issues' }],
    ['tools/call/', {}],
    ['tools/callMany', {}],
    ['TOOLS/LIST', {}],
    ['resources/write', {}],
    ['prompts', {}],
    ['x/call', { name: 'delete_issue' }],
    ['x/call', { tool_name: 'delete_issue' }],
    ['x/call', { Tool: 'delete_issue' }],
    ['x/call', { calls: [{ a: { toolName: 'delete_issue' } }] }],
    ['x/read', { uri: 'tracker://summary' }],
    ['x/read', { resourceUri: 'tracker://summary' }],
    ['x/ask', { promptName: 'triage' }],
    ['x/complete', { ref: {} }],
    ['notifications/call', { name: 'delete_issue' }],
  ])('ABUSE-60: the unknown method %j with %j is refused, whatever the token has', (method, params) => {
    const all = accessWith('tool:delete_issue tool:list_issues tool:triage resources prompts');
    expect(missingScopes(request(method, params), all)).toEqual([undefined]);
  });

  it('ABUSE-60: a name buried deeper than anybody looks counts as one', () => {
    let params: unknown = { harmless: true };
    for (let depth = 0; depth < 40; depth += 1) params = { inner: params };
    expect(kindOf(request('x/deep', params))).toBe('denied');
  });

  it('an unknown method that names nothing passes, and so does one that the server vouches for', () => {
    expect(kindOf(request('x/status', { verbose: true, _meta: { name: 'client' } }))).toBe('pass');
    expect(judge(request('x/call', { name: 'a' }), { access, openMethods: new Set(['x/call']) }).kind).toBe('pass');
  });
});

describe('the issuer’s own token', () => {
  const catalogue = accessWith('catalogue');
  it('lists and calls nothing', () => {
    expect(kindOf([request('initialize', {}), request('tools/list')], catalogue)).toBe('pass');
    expect(kindOf(request('tools/call', { name: 'list_issues' }), catalogue)).toBe('denied');
    expect(kindOf(request('resources/list'), catalogue)).toBe('denied');
  });
});

describe('MCP-46: headers', () => {
  const revision = '2026-07-28';
  const stateless = (method: string, params: Record<string, unknown> = {}) =>
    request(method, { ...params, _meta: { 'io.modelcontextprotocol/protocolVersion': revision } });
  const codeOf = (body: unknown, headers: { protocolVersion?: string; method?: string; name?: string }): number | string => {
    const judgement = judge(body, {
      access,
      headers: { protocolVersion: headers.protocolVersion, method: headers.method, name: headers.name },
    });
    return judgement.kind === 'malformed' ? judgement.code : judgement.kind;
  };
  const call = stateless('tools/call', { name: 'list_issues' });

  it('that agree with the body pass', () => {
    expect(codeOf(call, { protocolVersion: revision, method: 'tools/call', name: 'list_issues' })).toBe('pass');
    expect(codeOf(call, { protocolVersion: revision, method: 'tools/call', name: `=?base64?${btoa('list_issues')}?=` })).toBe('pass');
    expect(codeOf(stateless('tools/list'), { protocolVersion: revision, method: 'tools/list' })).toBe('pass');
  });

  it.each([
    ['no version', { method: 'tools/call', name: 'list_issues' }],
    ['another version', { protocolVersion: '2025-11-25', method: 'tools/call', name: 'list_issues' }],
    ['no method', { protocolVersion: revision, name: 'list_issues' }],
    ['another method', { protocolVersion: revision, method: 'tools/list', name: 'list_issues' }],
    ['no name', { protocolVersion: revision, method: 'tools/call' }],
    ['another name', { protocolVersion: revision, method: 'tools/call', name: 'get_issue' }],
    ['two names', { protocolVersion: revision, method: 'tools/call', name: 'list_issues, get_issue' }],
    ['a broken encoding', { protocolVersion: revision, method: 'tools/call', name: '=?base64?*?=' }],
    ['bytes that are no text', { protocolVersion: revision, method: 'tools/call', name: '=?base64?/w==?=' }],
  ])('%s → -32020', (_name, headers) => {
    expect(codeOf(call, headers)).toBe(-32020);
  });

  it('the body decides: an allowed name in the header does not help a forbidden one in the body', () => {
    const forbidden = stateless('tools/call', { name: 'delete_issue' });
    expect(codeOf(forbidden, { protocolVersion: revision, method: 'tools/call', name: 'list_issues' })).toBe(-32020);
    expect(codeOf(forbidden, { protocolVersion: revision, method: 'tools/call', name: 'delete_issue' })).toBe('denied');
  });

  it('older messages need none, but may not lie', () => {
    const old = request('tools/call', { name: 'list_issues' });
    expect(codeOf(old, {})).toBe('pass');
    expect(codeOf(old, { protocolVersion: '2025-06-18' })).toBe('pass');
    expect(codeOf(old, { name: 'get_issue' })).toBe(-32020);
    expect(codeOf(old, { method: 'tools/list' })).toBe(-32020);
    expect(codeOf(request('initialize', { protocolVersion: '2025-06-18' }), { protocolVersion: '2025-03-26' })).toBe('pass');
  });

  it('a header of the new era demands the others, also when the body claims nothing', () => {
    expect(codeOf(request('tools/call', { name: 'list_issues' }), { protocolVersion: revision })).toBe(-32020);
  });

  it('messages of the new era do not come in batches', () => {
    expect(codeOf([call], { protocolVersion: revision, method: 'tools/call', name: 'list_issues' })).toBe(-32600);
  });
});
