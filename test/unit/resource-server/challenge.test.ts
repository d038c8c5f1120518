import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AccessError } from '../../../src/resource-server/access-error.ts';
import { answerDeniedInBand, answerToAccessError, challengeDenied } from '../../../src/resource-server/challenge.ts';
import { createVerifier, LIBRARY_VERSION, protectedResourceDocument, resourceMetadataUrlOf } from '../../../src/resource-server/index.ts';
import { judge } from '../../../src/resource-server/judge.ts';
import { isResourceMetadataPath } from '../../../src/resource-server/protected-resource.ts';
import { accessWith } from './access-for-tests.ts';

const METADATA = 'http://localhost:4001/.well-known/oauth-protected-resource/mcp';
const access = accessWith('tool:list_issues');

function denialsOf(body: unknown, by = access) {
  const judgement = judge(body, { access: by });
  if (judgement.kind !== 'denied') throw new Error('Expected a denial.');
  return judgement.denials;
}

function call(name: string, id = 1): Record<string, unknown> {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name } };
}

describe('MCP-36: challenges', () => {
  it('without credentials: where to get some, and no error', () => {
    const answer = answerToAccessError(new AccessError('missing_token', 'x', { reason: 'no_credentials' }), METADATA);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe(`Bearer resource_metadata="${METADATA}", scope="tools resources prompts"`);
  });

  it('a bad token: invalid_token, and not a word about why', () => {
    const answer = answerToAccessError(new AccessError('invalid_token', 'secret detail', { reason: 'revoked' }), METADATA);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(answer.headers['www-authenticate']).toContain(`resource_metadata="${METADATA}"`);
    expect(JSON.stringify(answer)).not.toMatch(/secret|revoked"/);
  });

  it('nobody can say: 503 with Retry-After, and no challenge', () => {
    const answer = answerToAccessError(new AccessError('temporarily_unavailable', 'x', { reason: 'keys' }), METADATA);
    expect([answer.status, answer.headers['retry-after'], answer.headers['www-authenticate']]).toEqual([503, '5', undefined]);
  });

  it('MCP-38: a token in the query: 400', () => {
    expect(answerToAccessError(new AccessError('invalid_request', 'x', { reason: 'token_in_query' }), METADATA).status).toBe(400);
  });

  it('a missing tool: 403 with exactly its scope, and the link', () => {
    const answer = challengeDenied(denialsOf(call('delete "all" issues')), { access, resourceMetadataUrl: METADATA });
    expect(answer.status).toBe(403);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer error="insufficient_scope", scope="tool:delete%20%22all%22%20issues", /);
    expect(answer.headers['www-authenticate']).toContain(`resource_metadata="${METADATA}"`);
    expect(JSON.parse(answer.body)).toMatchObject({
      error: 'insufficient_scope',
      scope: 'tool:delete%20%22all%22%20issues',
      widen_uri: 'https://issuer.example/widen?consent=cns_1&tool=delete+%22all%22+issues',
    });
  });

  it('a batch: the union of what is missing, each once', () => {
    const body = [call('a', 1), call('b', 2), call('a', 3), { jsonrpc: '2.0', id: 4, method: 'prompts/list' }];
    const answer = challengeDenied(denialsOf(body), { access, resourceMetadataUrl: METADATA });
    expect(JSON.parse(answer.body)).toMatchObject({ scope: 'tool:a tool:b prompts' });
  });

  it('a batch of hundreds asks for as much as fits a header', () => {
    const body = Array.from({ length: 500 }, (_, index) => call(`tool_with_a_long_name_${index}`, index));
    const answer = challengeDenied(denialsOf(body), { access, resourceMetadataUrl: METADATA });
    expect(answer.headers['www-authenticate']?.length).toBeLessThan(2500);
    expect(JSON.parse(answer.body)).toMatchObject({
      scope: expect.stringMatching(/^tool:tool_with_a_long_name_0 tool:tool_with_a_long_name_1 /),
    });
  });

  it('what no scope allows is no challenge', () => {
    const body = { jsonrpc: '2.0', id: 5, method: 'tools/magic' };
    const answer = challengeDenied(denialsOf(body), { access, resourceMetadataUrl: METADATA });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([403, undefined]);
    expect(JSON.parse(answer.body)).toMatchObject({ id: 5, error: { code: -32003 } });
  });

  it('a name cannot break out of the header', () => {
    const answer = challengeDenied(denialsOf(call('x", error="none\r\nSet-Cookie: a=b')), { access, resourceMetadataUrl: METADATA });
    expect(answer.headers['www-authenticate']).toMatch(/^[\x20-\x7E]*$/);
    expect(answer.headers['www-authenticate']?.match(/"/g)).toHaveLength(8);
  });

  it('a machine grant has no consent, so no link', () => {
    const machine = accessWith('', { consentId: undefined });
    const answer = challengeDenied(denialsOf(call('x'), machine), { access: machine, resourceMetadataUrl: METADATA });
    expect(JSON.parse(answer.body)).not.toHaveProperty('widen_uri');
  });
});

describe('denials as results', () => {
  it('a tool result that a model reads, with the link', () => {
    const body = call('delete_issue', 7);
    const answer = answerDeniedInBand(body, denialsOf(body), { access });
    expect(answer.status).toBe(200);
    const { id, result } = JSON.parse(answer.body) as {
      id: number;
      result: { isError: boolean; content: { text: string }[]; resultType?: string };
    };
    expect([id, result.isError, result.resultType]).toEqual([7, true, undefined]);
    expect(result.content[0]?.text).toContain('https://issuer.example/widen?consent=cns_1&tool=delete_issue');
  });

  it('since 2026-07-28 with its result type', () => {
    const body = {
      ...call('delete_issue'),
      params: { name: 'delete_issue', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
    };
    expect(JSON.parse(answerDeniedInBand(body, denialsOf(body), { access }).body)).toMatchObject({ result: { resultType: 'complete' } });
  });

  it('in a batch nothing runs, and everything that waits is told', () => {
    const body = [
      call('list_issues', 1),
      call('delete_issue', 2),
      { jsonrpc: '2.0', method: 'tools/call', params: { name: 'delete_issue' } },
      { jsonrpc: '2.0', id: 3, method: 'prompts/list' },
    ];
    const answers = JSON.parse(answerDeniedInBand(body, denialsOf(body), { access }).body) as {
      id: number;
      result?: unknown;
      error?: unknown;
    }[];
    expect(answers.map(({ id, result, error }) => [id, result !== undefined, error !== undefined])).toEqual([
      [1, false, true],
      [2, true, false],
      [3, false, true],
    ]);
  });

  it('a notification gets no answer', () => {
    const body = { jsonrpc: '2.0', method: 'tools/call', params: { name: 'delete_issue' } };
    expect(answerDeniedInBand(body, denialsOf(body), { access })).toEqual({ status: 202, headers: {}, body: '' });
  });
});

describe('MCP-35: the RFC 9728 document', () => {
  it.each([
    ['https://mcp.example', 'https://mcp.example/.well-known/oauth-protected-resource'],
    ['https://mcp.example/', 'https://mcp.example/.well-known/oauth-protected-resource'],
    ['https://mcp.example/mcp', 'https://mcp.example/.well-known/oauth-protected-resource/mcp'],
    ['https://mcp.example/a/b/', 'https://mcp.example/.well-known/oauth-protected-resource/a/b/'],
    ['https://mcp.example/mcp?x=1', 'https://mcp.example/.well-known/oauth-protected-resource/mcp?x=1'],
  ])('of %s is at %s', (resource, url) => {
    expect(resourceMetadataUrlOf(resource)).toBe(url);
    expect(isResourceMetadataPath(new URL(url).pathname, resource)).toBe(true);
    expect(isResourceMetadataPath('/.well-known/oauth-protected-resource/other', resource)).toBe(false);
  });

  it('names the resource as the person typed it, the issuer, and ceilings only', () => {
    const document = protectedResourceDocument({
      issuer: 'https://issuer.example',
      resource: 'https://MCP.example/mcp',
      resourceName: 'X',
    });
    expect(document).toEqual({
      resource: 'https://MCP.example/mcp',
      authorization_servers: ['https://issuer.example'],
      scopes_supported: ['tools', 'resources', 'prompts'],
      bearer_methods_supported: ['header'],
      resource_name: 'X',
    });
  });
});

describe('the library', () => {
  it('announces the version that it has', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(LIBRARY_VERSION).toBe(version);
  });

  it('says where its document is', () => {
    expect(createVerifier({ issuer: 'https://issuer.example', resource: 'http://localhost:4001/mcp' }).resourceMetadataUrl).toBe(METADATA);
  });
});
