import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { type Listener, listenOnLoopback } from '../../src/demo/loopback-listener.ts';
import { accessOf, type ProtectedRequest, type ProtectOptions, protect } from '../../src/resource-server/express.ts';
import type { VerifierOptions } from '../../src/resource-server/index.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { postWith, rpc, type Sent, send } from './rpc-over-http.ts';

const key = await makeKey('key-1');
const issuer = new FakeIssuer({ key });

function post(body: unknown, scope: string, url: string): Promise<Sent> {
  return postWith(issuer, { url, body, scope });
}

describe('any express server', () => {
  /** An express app behind the door, with its own handlers. */
  async function serve(
    build: (app: express.Express) => void,
    options: Partial<VerifierOptions & ProtectOptions> = {},
    before: (app: express.Express) => void = () => {},
  ): Promise<Listener & { url: string }> {
    const app = express();
    before(app);
    app.use(protect({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, ...options }));
    build(app);
    const listener = await listenOnLoopback(app, { port: 0 });
    return { ...listener, url: `http://localhost:${listener.port}/mcp` };
  }

  const list = { jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'get_issue' }, { name: 'delete_issue' }] } };
  const filtered = { jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'get_issue' }] } };

  it.each<[string, (response: express.Response) => void]>([
    ['res.json', (response) => void response.json(list)],
    ['res.send with a length', (response) => void response.set('content-length', '9999').type('json').send(JSON.stringify(list))],
    [
      'writeHead and pieces',
      (response) => {
        const text = JSON.stringify(list);
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
        response.write(text.slice(0, 20));
        response.write(Buffer.from(text.slice(20)));
        response.end();
      },
    ],
    [
      'a flat list of headers',
      (response) => {
        response.writeHead(200, 'Fine', ['Content-Type', 'application/json']);
        response.end(JSON.stringify(list), 'utf8');
      },
    ],
    [
      'a stream, flushed',
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        response.write(`data: ${JSON.stringify(list)}\n`);
        response.end('\n');
      },
    ],
  ])('filters a list that comes by %s', async (_name, respond) => {
    const server = await serve((app) => void app.post('/mcp', (_request, response) => respond(response)));
    const sent = await post(rpc('tools/list'), 'tool:get_issue', server.url);
    expect(sent.status).toBe(200);
    expect(JSON.parse(sent.text.replace(/^data: /, ''))).toEqual(filtered);
    await server.close();
  });

  it('a list that is already compressed is not let out', async () => {
    const server = await serve((app) => {
      app.post('/mcp', (_request, response) => {
        response
          .set('content-encoding', 'gzip')
          .type('json')
          .send(Buffer.from(JSON.stringify(list)));
      });
    });
    const sent = await post(rpc('tools/list'), 'tool:get_issue', server.url).catch(() => ({ status: 0, text: '' }));
    expect(sent.status).not.toBe(200);
    expect(sent.text).not.toContain('"delete_issue"');
    await server.close();
  });

  it('hands on the parsed body and the SDK’s AuthInfo; also behind express.json()', async () => {
    for (const before of [() => {}, (app: express.Express) => void app.use(express.json())]) {
      const server = await serve(
        (app) => {
          app.post('/mcp', (request, response) => {
            const { auth } = request as unknown as ProtectedRequest;
            const { token, ...rest } = auth ?? { token: '' };
            response.json({ body: request.body, auth: rest, hasToken: token !== '', allows: accessOf(auth)?.allows('a b') });
          });
        },
        {},
        before,
      );
      const body = rpc('tools/call', { name: 'a b' });
      const sent = JSON.parse((await post(body, 'tool:a%20b', server.url)).text) as Record<string, unknown>;
      expect(sent).toMatchObject({
        body,
        hasToken: true,
        allows: true,
        auth: {
          clientId: 'client-1',
          scopes: ['tool:a%20b'],
          resource: RESOURCE,
          resourceMetadataUrl: 'http://localhost:4001/.well-known/oauth-protected-resource/mcp',
          extra: { subject: 'usr_ada', consentId: 'cns_1' },
        },
      });
      expect((await post(rpc('tools/call', { name: 'x' }), 'tool:a%20b', server.url)).status).toBe(403);
      await server.close();
    }
  });

  it('ABUSE-60: PUT and unheard-of methods with a body are judged like POST', async () => {
    const server = await serve((app) => void app.use((_request, response) => void response.send('ran')));
    for (const method of ['PUT', 'PATCH', 'QUERY']) {
      const sent = await send(server.url, {
        method,
        headers: { authorization: `Bearer ${await issuer.token()}`, 'content-type': 'application/json' },
        body: JSON.stringify(rpc('tools/call', { name: 'delete_issue' })),
      });
      expect([method, sent.status]).toEqual([method, 403]);
    }
    await server.close();
  });

  it('mounted at a path it protects the path; its document is published apart', async () => {
    const app = express();
    const door = protect({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch });
    app.use(door.metadata);
    app.use('/mcp', door, (_request, response) => void response.send('in'));
    app.get('/open', (_request, response) => void response.send('open'));
    const listener = await listenOnLoopback(app, { port: 0 });
    const at = (path: string) => send(`http://localhost:${listener.port}${path}`);
    expect((await at('/open')).text).toBe('open');
    expect((await at('/mcp')).status).toBe(401);
    expect((await at('/mcp/deeper')).status).toBe(401);
    expect((await at('/.well-known/oauth-protected-resource/mcp')).status).toBe(200);
    await listener.close();
  });

  it('MCP-39: a session id of somebody else → 404', async () => {
    const server = await serve((app) => {
      app.post('/mcp', (_request, response) => void response.set('mcp-session-id', 'session-1').json(rpc('x')));
    });
    const initialize = rpc('initialize', { protocolVersion: '2025-06-18' });
    await post(initialize, 'tool:x', server.url);
    const asSubject = async (sub: string) =>
      send(server.url, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await issuer.token({ sub })}`,
          'content-type': 'application/json',
          'mcp-session-id': 'session-1',
        },
        body: JSON.stringify(rpc('ping')),
      });
    expect((await asSubject('usr_ada')).status).toBe(200);
    expect((await asSubject('usr_grace')).status).toBe(404);
    await server.close();
  });

  it('MCP-48: a long stream ends once its token has expired or was revoked', async () => {
    let nowMs = Date.now();
    const now = () => new Date(nowMs);
    const clocked = new FakeIssuer({ key, now });
    const streams = new Set<express.Response>();
    const server = await serve(
      (app) => {
        app.get('/mcp', (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write(': open\n\n');
          streams.add(response);
        });
      },
      { fetch: clocked.fetch, now },
    );
    const open = async (idx: number) => {
      const response = await fetch(server.url, {
        headers: { authorization: `Bearer ${await clocked.token({ status: { status_list: { idx, uri: `${ISSUER}/status/0` } } })}` },
      });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      return reader;
    };
    /** Writes a keep-alive and lets what it sets off finish. */
    const beat = async (stream: express.Response) => {
      stream.write(': beat\n\n');
      await new Promise((resolve) => setTimeout(resolve, 50));
    };

    const revoked = await open(7);
    const [revokedStream] = streams;
    await beat(revokedStream as express.Response);
    expect((await revoked.read()).done).toBe(false);
    clocked.revoked.add(7);
    nowMs += 11_000;
    await beat(revokedStream as express.Response);
    await revoked.read();
    await beat(revokedStream as express.Response);
    expect((await revoked.read()).done).toBe(true);

    const expired = await open(8);
    const stream = [...streams][1] as express.Response;
    nowMs += 900_000;
    await beat(stream);
    expect((await expired.read()).done).toBe(true);
    await server.close();
  });
});
