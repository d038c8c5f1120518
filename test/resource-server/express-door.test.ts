import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDemoServer, type DemoServer } from '../../src/demo/demo-server.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { namesOf, postWith, resultOf, rpc, type Sent, send } from './rpc-over-http.ts';

const key = await makeKey('key-1');
const issuer = new FakeIssuer({ key });
let demo: DemoServer;
let base: string;

beforeAll(async () => {
  demo = createDemoServer({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch });
  base = `http://localhost:${await demo.listen(0)}`;
});

afterAll(() => demo.close());

function post(body: unknown, scope: string, headers: Record<string, string> = {}, url = `${base}/mcp`): Promise<Sent> {
  return postWith(issuer, { url, body, scope, headers });
}

describe('the way to a token', () => {
  it('MCP-35: the RFC 9728 document', async () => {
    const sent = await send(`${base}/.well-known/oauth-protected-resource/mcp`, { headers: { origin: 'https://anywhere.example' } });
    expect([sent.status, sent.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    expect(JSON.parse(sent.text)).toEqual({
      resource: RESOURCE,
      authorization_servers: [ISSUER],
      scopes_supported: ['tools', 'resources', 'prompts'],
      bearer_methods_supported: ['header'],
      resource_name: 'Tracker (demo)',
    });
  });

  it('MCP-36, MCP-40: no token → 401 with resource_metadata and scope, without error, exposed to pages', async () => {
    const sent = await send(`${base}/mcp`, { method: 'POST', body: '{' });
    expect(sent.status).toBe(401);
    expect(sent.headers.get('www-authenticate')).toBe(
      'Bearer resource_metadata="http://localhost:4001/.well-known/oauth-protected-resource/mcp", scope="tools resources prompts"',
    );
    expect(sent.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
  });

  it.each(['GET', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS'])('%s needs a token too', async (method) => {
    expect((await send(`${base}/mcp`, { method })).status).toBe(401);
  });

  it('MCP-38: a token in the query is refused, beside a good header too', async () => {
    const token = await issuer.token();
    expect((await send(`${base}/mcp?access_token=${token}`, { method: 'POST' })).status).toBe(400);
    const both = await post(rpc('ping'), 'tool:x', {}, `${base}/mcp?a=1&access%5Ftoken=${token}`);
    expect([both.status, JSON.parse(both.text)]).toEqual([400, expect.objectContaining({ error: 'invalid_request' })]);
  });

  it('MCP-36, ABUSE-59: a token for another server → 401 invalid_token', async () => {
    const sent = await send(`${base}/mcp`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await issuer.token({ aud: 'http://localhost:4002/mcp' })}` },
    });
    expect(sent.status).toBe(401);
    expect(sent.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it('an issuer that is away → 503 with Retry-After, never 401', async () => {
    const lonely = new FakeIssuer({ key });
    lonely.isDown = true;
    const server = createDemoServer({ issuer: ISSUER, resource: RESOURCE, fetch: lonely.fetch });
    const port = await server.listen(0);
    const sent = await post(rpc('ping'), 'tool:x', {}, `http://localhost:${port}/mcp`);
    expect([sent.status, sent.headers.get('retry-after'), sent.headers.get('www-authenticate')]).toEqual([503, '5', null]);
    await server.close();
  });
});

describe('MCP-54: browsers', () => {
  it('a foreign origin → 403, before anything is looked at', async () => {
    expect((await post(rpc('ping'), 'tool:x', { origin: 'https://evil.example' })).status).toBe(403);
    expect(
      (
        await send(`${base}/mcp`, {
          method: 'OPTIONS',
          headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
        })
      ).status,
    ).toBe(403);
  });

  it('a page on this machine may call, and read the answer', async () => {
    const origin = 'http://localhost:6274';
    const preflight = await send(`${base}/mcp`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization, content-type' },
    });
    expect([
      preflight.status,
      preflight.headers.get('access-control-allow-origin'),
      preflight.headers.get('access-control-allow-headers'),
    ]).toEqual([204, origin, 'authorization, content-type']);
    const sent = await post(rpc('ping'), 'tool:x', { origin });
    expect([sent.status, sent.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
  });
});

describe('ABUSE-60: tools', () => {
  it('only allowed ones are listed', async () => {
    expect(namesOf(await post(rpc('tools/list'), 'tool:get_issue tool:delete_issue'))).toEqual(['get_issue', 'delete_issue']);
    expect(namesOf(await post(rpc('tools/list'), ''))).toEqual([]);
  });

  it('the issuer’s own token sees all of them and runs none', async () => {
    const names = namesOf(await post(rpc('tools/list'), 'catalogue'));
    expect(names.length).toBeGreaterThanOrEqual(10);
    for (const name of names) expect((await post(rpc('tools/call', { name, arguments: {} }), 'catalogue')).status).toBe(403);
  });

  it('an allowed call runs', async () => {
    const sent = await post(rpc('tools/call', { name: 'get_issue', arguments: { id: 1 } }), 'tool:get_issue');
    expect(resultOf(sent)).toMatchObject({ content: [{ type: 'text', text: expect.stringContaining('Safari') }] });
  });

  it('MCP-36: another is refused with exactly its scope, and does not run', async () => {
    const before = demo.tracker.listIssues().length;
    const sent = await post(rpc('tools/call', { name: 'delete_issue', arguments: { id: 1 } }), 'tool:get_issue');
    expect(sent.status).toBe(403);
    expect(sent.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="tool:delete_issue"');
    expect(demo.tracker.listIssues()).toHaveLength(before);
  });

  it('hidden in a batch it does not run, nor does the rest', async () => {
    const before = demo.tracker.listIssues().length;
    const batch = [
      rpc('tools/call', { name: 'create_issue', arguments: { title: 'x' } }, 1),
      rpc('tools/call', { name: 'delete_issue', arguments: { id: 2 } }, 2),
    ];
    expect((await post(batch, 'tool:create_issue')).status).toBe(403);
    expect(demo.tracker.listIssues()).toHaveLength(before);
    expect((await post([rpc('ping', undefined, 1), rpc('tools/list', undefined, 2)], 'tool:get_issue')).text).not.toContain('delete_issue');
  });

  it('with two keys in the body, the one that is judged is the one that runs', async () => {
    const text = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_issue","arguments":{"id":3},"name":"get_issue"}}';
    const sent = await post(text, 'tool:get_issue');
    expect(resultOf(sent)).toMatchObject({ content: [{ text: expect.stringContaining('CSV') }] });
    expect(demo.tracker.getIssue(3).id).toBe(3);
  });

  it('MCP-46: by a header that says something else → 400 -32020', async () => {
    const sent = await post(rpc('tools/call', { name: 'delete_issue', arguments: { id: 2 } }), 'tool:get_issue', {
      'mcp-name': 'get_issue',
    });
    expect([sent.status, JSON.parse(sent.text)]).toEqual([
      400,
      expect.objectContaining({ id: 1, error: expect.objectContaining({ code: -32020 }) }),
    ]);
  });

  it('resources and prompts need their scopes, and capabilities do not speak of them before', async () => {
    const initialize = rpc('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '1' } });
    const without = resultOf(await post(initialize, 'tool:get_issue'))['capabilities'] as object;
    expect(Object.keys(without)).toEqual(['tools']);
    expect(Object.keys(resultOf(await post(initialize, 'resources prompts'))['capabilities'] as object)).toEqual(
      expect.arrayContaining(['tools', 'resources', 'prompts']),
    );
    const read = rpc('resources/read', { uri: 'tracker://summary' });
    expect((await post(read, 'tool:get_issue prompts')).headers.get('www-authenticate')).toContain('scope="resources"');
    expect(resultOf(await post(read, 'resources'))).toMatchObject({ contents: [{ text: expect.stringContaining('open') }] });
    expect((await post(rpc('prompts/get', { name: 'triage_issue' }), 'resources')).headers.get('www-authenticate')).toContain(
      'scope="prompts"',
    );
  });
});

describe('bodies', () => {
  it.each([
    ['not JSON', '{"jsonrpc"', 'application/json', 400],
    ['empty', '', 'application/json', 400],
    ['a form', 'method=tools%2Fcall', 'application/x-www-form-urlencoded', 415],
    ['text', '{}', 'text/plain', 415],
    ['5,000 levels', `${'['.repeat(5000)}${']'.repeat(5000)}`, 'application/json', 400],
    ['5 MiB', JSON.stringify('x'.repeat(5 * 1024 * 1024)), 'application/json', 413],
  ])('%s', async (_name, body, type, status) => {
    expect((await post(body, 'tool:get_issue', { 'content-type': type })).status).toBe(status);
  });

  it('a compressed one is refused rather than guessed', async () => {
    expect((await post('x', 'tool:get_issue', { 'content-encoding': 'gzip' })).status).toBe(415);
  });
});

describe('denial: result', () => {
  it('the refusal is a tool result with the link, and the call does not run', async () => {
    const server = createDemoServer({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, denial: 'result' });
    const url = `http://localhost:${await server.listen(0)}/mcp`;
    const sent = await post(rpc('tools/call', { name: 'purge_closed', arguments: {} }), 'tool:get_issue', {}, url);
    expect(sent.status).toBe(200);
    expect(resultOf(sent)).toEqual({
      isError: true,
      content: [{ type: 'text', text: expect.stringContaining(`${ISSUER}/widen?consent=cns_1&tool=purge_closed`) }],
    });
    expect(server.tracker.listIssues('closed')).toHaveLength(2);
    await server.close();
  });
});
