import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { accessOf } from '../../src/resource-server/express.ts';
import { doors, type Handler, type HandlerAnswer, type ServedDoor } from './doors.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { rpc } from './rpc-over-http.ts';

const key = await makeKey('key-1');
const tools = [{ name: 'get_issue' }, { name: 'delete_issue' }];
const list = (id: number | string = 1) => ({ jsonrpc: '2.0', id, result: { tools } });
const onlyGet = (id: number | string = 1) => ({ jsonrpc: '2.0', id, result: { tools: [{ name: 'get_issue' }] } });
const asJson = (value: unknown, type = 'application/json'): HandlerAnswer => ({
  headers: { 'content-type': type },
  body: JSON.stringify(value),
});

describe.each(doors)('the %s door', (_name, serve) => {
  const issuer = new FakeIssuer({ key });
  let door: ServedDoor;
  let handler: Handler;
  let calls: Parameters<Handler>[0][];
  beforeAll(async () => {
    const options = { issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, resourceName: 'Tracker', maxBodyBytes: 10_000 };
    door = await serve(options, (call) => {
      calls.push(call);
      return handler(call);
    });
  });
  afterAll(() => door.close());
  beforeEach(() => {
    calls = [];
    handler = () => asJson(list());
  });

  async function post(body: unknown, scope = 'tool:get_issue', headers: Record<string, string> = {}): Promise<Response> {
    const authorization = `Bearer ${await issuer.token({ scope })}`;
    return door.send('/mcp', {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  describe('without a good token', () => {
    it.each(['POST', 'GET', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS'])('MCP-36: %s → 401 with resource_metadata', async (method) => {
      const response = await door.send('/mcp', { method });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe(
        'Bearer resource_metadata="http://localhost:4001/.well-known/oauth-protected-resource/mcp", scope="tools resources prompts"',
      );
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect((await response.text()) === '').toBe(method === 'HEAD');
      expect(calls).toEqual([]);
    });

    it('MCP-38: one for another server → 401 invalid_token; one in the query → 400', async () => {
      const authorization = `Bearer ${await issuer.token({ aud: 'http://localhost:4002/mcp' })}`;
      const foreign = await door.send('/mcp', { headers: { authorization } });
      expect([foreign.status, foreign.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('error="invalid_token"')]);
      expect((await door.send(`/mcp?access_token=${await issuer.token()}`)).status).toBe(400);
      expect(calls).toEqual([]);
    });

    it('MCP-54: a foreign page → 403; one of this machine may ask first', async () => {
      expect((await door.send('/mcp', { headers: { origin: 'https://evil.example' } })).status).toBe(403);
      const origin = 'http://localhost:6274';
      const asked = await door.send('/mcp', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
      expect([asked.status, asked.headers.get('access-control-allow-origin'), await asked.text()]).toEqual([204, origin, '']);
    });
  });

  it('MCP-35: publishes the RFC 9728 document, to pages too', async () => {
    const path = '/.well-known/oauth-protected-resource/mcp';
    const response = await door.send(path);
    expect([response.status, response.headers.get('content-type'), response.headers.get('access-control-allow-origin')]).toEqual([
      200,
      'application/json',
      '*',
    ]);
    expect(await response.json()).toEqual({
      resource: RESOURCE,
      authorization_servers: [ISSUER],
      scopes_supported: ['tools', 'resources', 'prompts'],
      bearer_methods_supported: ['header'],
      resource_name: 'Tracker',
    });
    const head = await door.send(path, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await door.send(path, { method: 'OPTIONS' })).status).toBe(204);
    expect((await door.send(path, { method: 'POST' })).status).toBe(405);
  });

  describe('what may pass', () => {
    it('comes with the parsed body and the caller', async () => {
      handler = () => asJson({ jsonrpc: '2.0', id: 1, result: {} });
      const body = rpc('tools/call', { name: 'get_issue', arguments: { id: 1 } });
      const response = await post(body);
      expect([response.status, await response.json()]).toEqual([200, { jsonrpc: '2.0', id: 1, result: {} }]);
      expect(calls).toEqual([
        { body, method: 'POST', auth: expect.objectContaining({ clientId: 'client-1', scopes: ['tool:get_issue'] }) },
      ]);
      expect(accessOf(calls[0]?.auth)?.allows('get_issue')).toBe(true);
    });

    it('of two members of one name, the one that is judged is the one that arrives', async () => {
      await post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_issue","name":"get_issue"}}');
      expect(calls.map(({ body }) => body)).toEqual([rpc('tools/call', { name: 'get_issue' })]);
    });
  });

  describe('what may not', () => {
    it('MCP-36, ABUSE-60: a call of another tool → 403 with exactly its scope, alone and in a batch', async () => {
      for (const body of [rpc('tools/call', { name: 'delete_issue' }), [rpc('ping'), rpc('tools/call', { name: 'delete_issue' }, 2)]]) {
        const response = await post(body);
        expect(response.status).toBe(403);
        expect(response.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="tool:delete_issue"');
      }
      expect(calls).toEqual([]);
    });

    it('denial: result → a tool result with the link', async () => {
      const options = { issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, denial: 'result' as const };
      const other = await serve(options, () => asJson(list()));
      const authorization = `Bearer ${await issuer.token({ scope: '' })}`;
      const headers = { authorization, 'content-type': 'application/json' };
      const response = await other.send('/mcp', { method: 'POST', headers, body: JSON.stringify(rpc('tools/call', { name: 'x' })) });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ result: { isError: true, content: [{ text: expect.stringContaining('/widen?') }] } });
      await other.close();
    });

    it.each([
      ['not JSON', '{"jsonrpc"', {}, 400],
      ['empty', '', {}, 400],
      ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
      ['compressed', 'x', { 'content-encoding': 'gzip' }, 415],
      ['too long', JSON.stringify('x'.repeat(10_000)), {}, 413],
      ['a header that says something else', rpc('tools/call', { name: 'get_issue' }), { 'mcp-name': 'other' }, 400],
    ])('a body that is: %s', async (_what, body, headers, status) => {
      expect((await post(body, 'tool:get_issue', headers as Record<string, string>)).status).toBe(status);
      expect(calls).toEqual([]);
    });
  });

  describe('lists show what the token allows', () => {
    it.each(['application/json', 'Application/JSON; charset=utf-8', 'text/plain', 'application/problem+json'])('as %s', async (type) => {
      handler = () => asJson(list(), type);
      const response = await post(rpc('tools/list'));
      expect(JSON.parse(await response.text())).toEqual(onlyGet());
    });

    it('in a batch', async () => {
      handler = () => asJson([list(1), { jsonrpc: '2.0', id: 2, result: {} }]);
      expect(await (await post([rpc('tools/list'), rpc('ping', undefined, 2)])).json()).toEqual([
        onlyGet(),
        { jsonrpc: '2.0', id: 2, result: {} },
      ]);
    });

    it('with the length that is left, and no ETag of the whole', async () => {
      const body = JSON.stringify(list());
      handler = () => ({ headers: { 'content-type': 'application/json', 'content-length': String(body.length), etag: '"whole"' }, body });
      const response = await post(rpc('tools/list'));
      expect([await response.json(), response.headers.get('etag')]).toEqual([onlyGet(), null]);
    });

    it('not when they are already compressed: then nothing goes out', async () => {
      handler = () => ({ headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: JSON.stringify(list()) });
      const sent = await post(rpc('tools/list')).then(
        async (response) => [response.status, await response.text()],
        () => [500, ''],
      );
      expect(sent[0]).toBe(500);
      expect(sent[1]).not.toContain('"tools"');
    });

    it('in an event stream, event by event as they come, cut anywhere', async () => {
      const text = `: hello\n\ndata: ${JSON.stringify(list())}\n\n`;
      let goOn = (): void => {};
      const mayGoOn = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      handler = () => ({
        headers: { 'content-type': 'text/event-stream' },
        body: (async function* () {
          yield text.slice(0, 30);
          yield text.slice(30);
          await mayGoOn;
          yield 'data: last\n\n';
        })(),
      });
      const response = await post(rpc('tools/list'));
      const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
      let seen = '';
      while (!seen.includes('data: ')) seen += (await reader.read()).value;
      // The first events are here while the handler still waits: nothing was held back.
      expect(seen).toBe(`: hello\n\ndata: ${JSON.stringify(onlyGet())}\n\n`);
      goOn();
      expect((await reader.read()).value).toBe('data: last\n\n');
      expect((await reader.read()).done).toBe(true);
    });
  });

  it('bodies that are no list pass as they are', async () => {
    handler = () => ({ headers: { 'content-type': 'application/pdf' }, body: JSON.stringify(list()) });
    const authorization = `Bearer ${await issuer.token()}`;
    expect(await (await door.send('/report.pdf', { headers: { authorization } })).json()).toEqual(list());
  });

  it('MCP-39: a session of somebody else → 404', async () => {
    handler = () => ({ headers: { 'content-type': 'application/json', 'mcp-session-id': 's-1' }, body: JSON.stringify(rpc('x')) });
    await post(rpc('initialize', { protocolVersion: '2025-06-18' }));
    const asSubject = async (sub: string) => {
      const headers = { authorization: `Bearer ${await issuer.token({ sub })}`, 'mcp-session-id': 's-1' };
      return (await door.send('/mcp', { method: 'DELETE', headers })).status;
    };
    expect([await asSubject('usr_ada'), await asSubject('usr_grace')]).toEqual([200, 404]);
  });

  it('an issuer with a path; one that is away → 503 with Retry-After', async () => {
    const away = new FakeIssuer({ key, issuer: `${ISSUER}/t/acme` });
    const other = await serve({ issuer: away.issuer, resource: RESOURCE, fetch: away.fetch }, () => asJson({}));
    const send = async () => other.send('/mcp', { headers: { authorization: `Bearer ${await away.token()}` } });
    expect((await send()).status).toBe(200);
    expect(away.asked[0]).toBe(`${ISSUER}/.well-known/oauth-authorization-server/t/acme`);
    await other.close();

    away.isDown = true;
    const lonely = await serve({ issuer: away.issuer, resource: RESOURCE, fetch: away.fetch }, () => asJson({}));
    const authorization = `Bearer ${await away.token()}`;
    const refused = await lonely.send('/mcp', { headers: { authorization } });
    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('www-authenticate')]).toEqual([503, '5', null]);
    await lonely.close();
  });

  it('MCP-48: a long stream ends once its token has expired', async () => {
    let nowMs = Date.now();
    const clocked = new FakeIssuer({ key, now: () => new Date(nowMs) });
    let beat = (): void => {};
    const options = { issuer: ISSUER, resource: RESOURCE, fetch: clocked.fetch, now: clocked.now };
    const other = await serve(options, () => ({
      headers: { 'content-type': 'text/event-stream' },
      body: (async function* () {
        for (;;) {
          yield ': beat\n\n';
          await new Promise<void>((resolve) => {
            beat = resolve;
          });
        }
      })(),
    }));
    const response = await other.send('/mcp', { headers: { authorization: `Bearer ${await clocked.token()}` } });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect((await reader.read()).done).toBe(false);
    beat();
    expect((await reader.read()).done).toBe(false);
    nowMs += 1_000_000;
    beat();
    expect((await reader.read()).done).toBe(true);
    await other.close();
  });
});
