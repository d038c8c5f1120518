/** MCP-52 in its form of 2025-11-25: a refused call names the page on which it can be allowed, where the client has said that it opens pages. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ElicitationCompleteNotificationSchema, UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { z } from 'zod';
import { type Listener, listenOnLoopback } from '../../src/demo/loopback-listener.ts';
import { protect } from '../../src/resource-server/express.ts';
import { createTokenVerifier, protectTools } from '../../src/resource-server/mcp-sdk-v1.ts';
import { doors, type ServedDoor } from './doors.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { rpc } from './rpc-over-http.ts';

const key = await makeKey('key-1');
const issuer = new FakeIssuer({ key });
const able = { elicitation: { url: {} } };
const link = (tool: string) => `${ISSUER}/widen?${new URLSearchParams({ consent: 'cns_1', tool })}`;
const call = (name: string, id: number | string = 1) => rpc('tools/call', { name, arguments: {} }, id);

describe.each(doors)('MCP-52: the %s door with denial: result', (_name, serve) => {
  let door: ServedDoor;
  let ran: unknown[];
  beforeAll(async () => {
    const options = { issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, denial: 'result' as const };
    door = await serve(options, ({ body }) => {
      ran.push(body);
      const { id, method } = body as { id?: number; method?: string };
      const session: Record<string, string> = method === 'initialize' ? { 'mcp-session-id': `s-${String(id)}` } : {};
      const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'theirs', version: '1' } };
      return { headers: { 'content-type': 'application/json', ...session }, body: JSON.stringify({ jsonrpc: '2.0', id, result }) };
    });
  });
  afterAll(() => door.close());

  async function post(body: unknown, { headers = {}, sub = 'usr_1' }: { headers?: Record<string, string>; sub?: string } = {}) {
    ran = [];
    const authorization = `Bearer ${await issuer.token({ scope: 'tool:look', sub })}`;
    const answer = await door.send('/mcp', {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: answer.status, json: JSON.parse(await answer.text()) as unknown };
  }

  /** Begins a session; returns the headers of whatever comes in it. */
  async function begin(id: string, capabilities: object, protocolVersion = '2025-11-25'): Promise<Record<string, string>> {
    await post(rpc('initialize', { protocolVersion, capabilities, clientInfo: { name: 'test', version: '1' } }, id));
    return { 'mcp-session-id': `s-${id}`, 'mcp-protocol-version': protocolVersion };
  }

  const asError = (tool: string, id: number) => ({
    jsonrpc: '2.0',
    id,
    error: {
      code: -32042,
      message: expect.stringContaining(link(tool)),
      data: {
        elicitations: [{ mode: 'url', elicitationId: expect.stringMatching(/^\S{16,}$/), url: link(tool), message: expect.any(String) }],
      },
    },
  });
  const asResult = (id: number) => ({ jsonrpc: '2.0', id, result: { isError: true, content: [expect.anything()] } });

  it('answers with the error and the page of exactly that tool; nothing runs', async () => {
    const headers = await begin('1', able);
    const answer = await post(call('wipe', 7), { headers });
    expect(answer).toEqual({ status: 200, json: asError('wipe', 7) });
    expect(ran).toEqual([]);
    // Other requests of the session do not make it forget.
    expect((await post(rpc('ping'), { headers })).status).toBe(200);
    expect((await post(call('wipe', 8), { headers })).json).toEqual(asError('wipe', 8));
  });

  it.each<[string, object]>([
    ['nothing', {}],
    ['forms alone', { elicitation: { form: {} } }],
    ['elicitation without modes, which means forms', { elicitation: {} }],
    ['something that is none', { elicitation: { url: true } }],
  ])('a client that declares %s reads the link, as before', async (what, capabilities) => {
    const headers = await begin(`declares ${what}`.replaceAll(/\W/g, '-'), capabilities);
    expect((await post(call('wipe', 7), { headers })).json).toEqual(asResult(7));
  });

  it('so does one of an older or a newer revision, one without a session, and whoever did not begin this one', async () => {
    const headers = await begin('2', able);
    const session = { 'mcp-session-id': 's-2' };
    expect((await post(call('wipe', 7), { headers: { ...session, 'mcp-protocol-version': '2025-06-18' } })).json).toEqual(asResult(7));
    expect((await post(call('wipe', 7), { headers: session })).json).toEqual(asResult(7));
    expect((await post(call('wipe', 7), { headers: { 'mcp-protocol-version': '2025-11-25' } })).json).toEqual(asResult(7));
    expect((await post(call('wipe', 7), { headers: { ...headers, 'mcp-session-id': 's-unknown' } })).json).toEqual(asResult(7));
    expect((await post(call('wipe', 7), { headers, sub: 'usr_2' })).status).toBe(404);
  });

  it('ABUSE-60: a batch: each refused call has its own page, nothing of it runs', async () => {
    const headers = await begin('3', able);
    const answer = await post([call('look', 1), call('wipe', 2), call('purge', 3), rpc('prompts/list', {}, 4)], { headers });
    expect(answer.json).toEqual([
      expect.objectContaining({ id: 1, error: expect.objectContaining({ code: -32003 }) }),
      asError('wipe', 2),
      asError('purge', 3),
      expect.objectContaining({ id: 4, error: expect.objectContaining({ code: -32003 }) }),
    ]);
    expect(ran).toEqual([]);
  });

  it('ABUSE-89: a hostile name is in the link encoded, and bounded and visible in what a person reads', async () => {
    const headers = await begin('4', able);
    for (const name of ['a&consent=cns_2#', '\u202Elook\nIgnore this', '"><script>', `x${'y'.repeat(1_500)}`, '__proto__']) {
      const { error } = (await post(call(name), { headers })).json as {
        error: { data: { elicitations: [{ url: string; message: string }] } };
      };
      const [{ url, message }] = error.data.elicitations;
      const asked = new URL(url);
      expect([asked.origin + asked.pathname, [...asked.searchParams]]).toEqual([
        `${ISSUER}/widen`,
        [
          ['consent', 'cns_1'],
          ['tool', name],
        ],
      ]);
      expect(message.length).toBeLessThan(400);
      expect(message).not.toMatch(/[\p{C}]/u);
    }
    // No tool can have this name, so there is no page for it.
    expect((await post(call('lone \uD800', 9), { headers })).json).toEqual(asResult(9));
  });
});

describe.each(['door', 'hook'] as const)('MCP-52: the official client of a server with our %s', (protection) => {
  let listener: Listener;
  /** What the token of the next request allows. */
  let scope: string;
  beforeAll(async () => {
    listener = await serveSessions(protection);
  });
  afterAll(() => listener.close());

  async function connect(capabilities: object) {
    scope = 'tool:look';
    const client = new Client({ name: 'test', version: '1.0.0' }, { capabilities });
    const completed: string[] = [];
    client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => {
      completed.push(params.elicitationId);
    });
    const withToken = async (url: string | URL, init: RequestInit = {}) => {
      const headers = new Headers(init.headers);
      headers.set('authorization', `Bearer ${await issuer.token({ scope })}`);
      return fetch(url, { ...init, headers });
    };
    const transport = new StreamableHTTPClientTransport(new URL(`http://localhost:${listener.port}/mcp`), { fetch: withToken });
    await client.connect(transport as Transport);
    return { client, completed };
  }

  it('is given the page, and the call runs once it is allowed', async () => {
    const { client, completed } = await connect(able);
    try {
      const refused = await client.callTool({ name: 'wipe', arguments: {} }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(UrlElicitationRequiredError);
      const [elicitation] = (refused as UrlElicitationRequiredError).elicitations;
      expect(elicitation).toMatchObject({ mode: 'url', url: link('wipe'), message: expect.stringContaining('"wipe"') });
      expect(await client.callTool({ name: 'look', arguments: {} })).toMatchObject({ content: [{ text: 'look ran' }] });
      expect(completed).toEqual([]);
      scope = 'tool:look tool:wipe';
      expect(await client.callTool({ name: 'wipe', arguments: {} })).toMatchObject({ content: [{ text: 'wipe ran' }] });
      await client.callTool({ name: 'look', arguments: {} });
      // A door changes no answer of the server's; the hook is part of it, and tells once.
      expect(completed).toEqual(protection === 'hook' ? [elicitation?.elicitationId] : []);
    } finally {
      await client.close();
    }
  });

  it.each([{}, { elicitation: { form: {} } }])('one that declares %j reads the link', async (capabilities) => {
    const { client, completed } = await connect(capabilities);
    try {
      expect(await client.callTool({ name: 'wipe', arguments: {} })).toMatchObject({
        isError: true,
        content: [{ type: 'text', text: expect.stringContaining(link('wipe')) }],
      });
      scope = 'tool:look tool:wipe';
      expect(await client.callTool({ name: 'wipe', arguments: {} })).toMatchObject({ content: [{ text: 'wipe ran' }] });
      expect(completed).toEqual([]);
    } finally {
      await client.close();
    }
  });
});

/** A server of SDK v1 that keeps sessions: behind our door, or behind the SDK's own check of tokens, with our hook inside. */
async function serveSessions(protection: 'door' | 'hook'): Promise<Listener> {
  const app = express();
  const target = { issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch };
  if (protection === 'door') app.use(protect({ ...target, denial: 'result' }));
  else
    app.use(
      requireBearerAuth({ verifier: createTokenVerifier(target, { InvalidTokenError }), expectedResource: new URL(RESOURCE) }),
      express.json(),
    );
  const transports = new Map<string, StreamableHTTPServerTransport>();
  app.all('/mcp', async (request, response) => {
    const known = transports.get(String(request.headers['mcp-session-id']));
    const transport =
      known ??
      new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => {
          transports.set(id, transport);
        },
      });
    if (!known) await newServer(protection).connect(transport as Transport);
    await transport.handleRequest(request, response, request.body);
  });
  return listenOnLoopback(app, { port: 0 });
}

function newServer(protection: 'door' | 'hook'): McpServer {
  const server = new McpServer({ name: 'theirs', version: '1.0.0' });
  for (const name of ['look', 'wipe']) {
    server.registerTool(name, { description: name, inputSchema: { text: z.string().optional() } }, () => ({
      content: [{ type: 'text', text: `${name} ran` }],
    }));
  }
  return protection === 'hook' ? protectTools(server) : server;
}
