import { describe, expect, it } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  createMcpHandler,
  McpServer as McpServerV2,
  OAuthError,
  requireBearerAuth as requireBearerAuthV2,
} from '@modelcontextprotocol/server';
import express from 'express';
import { z } from 'zod';
import { listenOnLoopback } from '../../src/demo/loopback-listener.ts';
import { createVerifier } from '../../src/resource-server/index.ts';
import * as v1 from '../../src/resource-server/mcp-sdk-v1.ts';
import * as v2 from '../../src/resource-server/mcp-sdk-v2.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { namesOf, postWith, resultOf, rpc, type Sent } from './rpc-over-http.ts';

const key = await makeKey('key-1');
const ran: string[] = [];

/** A server that somebody wrote with SDK v1, tools registered before and after it is protected. */
function serverOfV1(): McpServer {
  const server = new McpServer({ name: 'theirs', version: '1.0.0' });
  const register = (name: string) =>
    server.registerTool(name, { description: name, inputSchema: { text: z.string().optional() } }, () => {
      ran.push(name);
      return { content: [{ type: 'text', text: `${name} ran` }] };
    });
  register('look');
  server.registerResource('secret', 'secret://x', {}, (uri) => ({ contents: [{ uri: uri.href, text: 'secret' }] }));
  v1.protectTools(server);
  register('wipe');
  return server;
}

function serverOfV2(): McpServerV2 {
  const server = new McpServerV2({ name: 'theirs', version: '1.0.0' });
  for (const name of ['look', 'wipe']) {
    server.registerTool(name, { description: name, inputSchema: z.object({}) }, () => {
      ran.push(name);
      return { content: [{ type: 'text', text: `${name} ran` }] };
    });
  }
  return v2.protectTools(server);
}

/** Serves SDK v1 behind its own `requireBearerAuth`. */
async function serveV1(issuer: FakeIssuer) {
  const app = express();
  const verifier = v1.createTokenVerifier(
    { issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, now: issuer.now },
    { InvalidTokenError },
  );
  app.use(requireBearerAuth({ verifier, expectedResource: new URL(RESOURCE) }), express.json());
  app.post('/mcp', async (request, response) => {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await serverOfV1().connect(transport as Transport);
    await transport.handleRequest(request, response, request.body);
  });
  return listenOnLoopback(app, { port: 0 });
}

/** Serves SDK v2 behind its own `requireBearerAuth`, without any HTTP: it is a web-standard handler. */
function callV2(issuer: FakeIssuer) {
  const verifier = v2.createTokenVerifier(createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch }), { OAuthError });
  const gate = requireBearerAuthV2({ verifier, expectedResource: new URL(RESOURCE) });
  const handler = createMcpHandler(serverOfV2);
  return async (body: Record<string, unknown>, scope: string, headers: Record<string, string> = {}): Promise<Sent> => {
    const request = new Request(RESOURCE, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await issuer.token({ scope })}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify(body),
    });
    const auth = await gate(request);
    const response = auth instanceof Response ? auth : await handler.fetch(request, { authInfo: auth });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}

describe('SDK v1: protectTools behind requireBearerAuth', () => {
  it('lists and runs what the token allows, tool registered after protecting included', async () => {
    const issuer = new FakeIssuer({ key });
    const server = await serveV1(issuer);
    const url = `http://localhost:${server.port}/mcp`;
    const post = (body: unknown, scope: string) => postWith(issuer, { url, body, scope });
    expect(namesOf(await post(rpc('tools/list'), 'tool:look'))).toEqual(['look']);
    expect(namesOf(await post(rpc('tools/list'), 'tool:wipe'))).toEqual(['wipe']);
    expect(namesOf(await post(rpc('tools/list'), 'catalogue'))).toEqual(['look', 'wipe']);
    expect(resultOf(await post(rpc('tools/call', { name: 'look', arguments: {} }), 'tool:look'))).toMatchObject({
      content: [{ text: 'look ran' }],
    });
    await server.close();
  });

  it('ABUSE-60: refuses another tool with a tool result, alone and in a batch', async () => {
    const issuer = new FakeIssuer({ key });
    const server = await serveV1(issuer);
    const post = (body: unknown, scope: string) => postWith(issuer, { url: `http://localhost:${server.port}/mcp`, body, scope });
    ran.length = 0;
    expect(resultOf(await post(rpc('tools/call', { name: 'wipe', arguments: {} }), 'tool:look'))).toEqual({
      isError: true,
      content: [{ type: 'text', text: expect.stringContaining(`${ISSUER}/widen?consent=cns_1&tool=wipe`) }],
    });
    await post([rpc('tools/call', { name: 'wipe', arguments: {} }, 1), rpc('tools/call', { name: 'Wipe', arguments: {} }, 2)], 'tool:look');
    await post({ jsonrpc: '2.0', method: 'tools/call', params: { name: 'wipe' } }, 'tool:look');
    expect(ran).toEqual([]);
    const read = await post(rpc('resources/read', { uri: 'secret://x' }), 'tool:look');
    expect(read.text).toContain('-32003');
    expect(read.text).not.toContain('"secret"');
    await server.close();
  });

  it('a bad token is the SDK’s 401, an issuer that is away its 500', async () => {
    let nowMs = Date.now();
    const now = () => new Date(nowMs);
    const issuer = new FakeIssuer({ key, now });
    const server = await serveV1(issuer);
    const url = `http://localhost:${server.port}/mcp`;
    issuer.isDown = true;
    expect((await postWith(issuer, { url, body: rpc('ping'), scope: '' })).status).toBe(500);
    issuer.isDown = false;
    nowMs += 3000;
    const forger = new FakeIssuer({ key: await makeKey('key-1'), now });
    expect((await postWith(forger, { url, body: rpc('ping'), scope: '' })).status).toBe(401);
    expect((await postWith(issuer, { url, body: rpc('ping'), scope: '' })).status).toBe(200);
    await server.close();
  });

  it('without any token nothing is shown and nothing runs', async () => {
    const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
    await serverOfV1().connect(serverSide);
    const client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(clientSide);
    ran.length = 0;
    expect((await client.listTools()).tools).toEqual([]);
    expect(await client.callTool({ name: 'look', arguments: {} })).toMatchObject({ isError: true });
    expect(client.getServerCapabilities()).toEqual({ tools: { listChanged: true } });
    expect(ran).toEqual([]);
    await client.close();
  });
});

describe('SDK v2: protectTools behind requireBearerAuth', () => {
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
  const eras: [string, (method: string, params: Record<string, unknown>) => [Record<string, unknown>, Record<string, string>]][] = [
    ['old era', (method, params) => [rpc(method, params), {}]],
    [
      'stateless era',
      (method, params) => [
        rpc(method, { ...params, _meta: meta }),
        {
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': method,
          ...(typeof params['name'] === 'string' ? { 'mcp-name': params['name'] } : {}),
        },
      ],
    ],
  ];

  it.each(eras)('%s: lists and runs what the token allows, and refuses the rest', async (_name, make) => {
    const call = callV2(new FakeIssuer({ key }));
    const ask = (method: string, params: Record<string, unknown>, scope: string) => {
      const [body, headers] = make(method, params);
      return call(body, scope, headers);
    };
    ran.length = 0;
    expect(namesOf(await ask('tools/list', {}, 'tool:wipe'))).toEqual(['wipe']);
    expect(resultOf(await ask('tools/call', { name: 'look', arguments: {} }, 'tool:look'))).toMatchObject({
      content: [{ text: 'look ran' }],
    });
    expect(resultOf(await ask('tools/call', { name: 'wipe', arguments: {} }, 'tool:look'))).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('tool=wipe') }],
    });
    expect(ran).toEqual(['look']);
  });

  it('MCP-47: the list is private and does not outlive the token', async () => {
    const [body, headers] = (eras[1] as (typeof eras)[number])[1]('tools/list', {});
    expect(resultOf(await callV2(new FakeIssuer({ key }))(body, 'tool:wipe', headers))).toMatchObject({ cacheScope: 'private' });
  });

  it('a bad token is the SDK’s 401', async () => {
    const issuer = new FakeIssuer({ key });
    issuer.revoked.add(7);
    expect((await callV2(issuer)(rpc('ping'), '')).status).toBe(401);
  });
});
