import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Server as ServerV1 } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv-provider.js';
import { createMcpHandler, Server as ServerV2, type Tool } from '@modelcontextprotocol/server';
import { CfWorkerJsonSchemaValidator } from '@modelcontextprotocol/server/validators/cf-worker';
import { Ajv2020 } from 'ajv/dist/2020.js';
import express from 'express';
import { type Listener, listenOnLoopback } from '../../src/demo/loopback-listener.ts';
import { serveWithWebHandler } from '../../src/demo/web-bridge.ts';
import { type AuthInfo, protect } from '../../src/resource-server/express.ts';
import { createVerifier, type InputRules, type Verifier } from '../../src/resource-server/index.ts';
import { createTokenVerifier, protectTools } from '../../src/resource-server/mcp-sdk-v2.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { sdkClients } from './sdk-client-kinds.ts';

const key = await makeKey('key-1');
const credential = 'srv_1:secret-of-srv-1';
const scope = 'tool:assign tool:gone';
const assign = {
  name: 'assign',
  description: 'assigns',
  inputSchema: { type: 'object', properties: { issue: { type: 'integer' } }, required: ['issue'], additionalProperties: false },
} satisfies Tool;
const others = Array.from({ length: 3 }, (_, index): Tool => ({ name: `other_${index}`, inputSchema: { type: 'object' } }));
const ran: unknown[] = [];
let lists = 0;

/** A server of its author's own making, which checks nothing; the tool that matters is on the second page of its list. */
const listed = (cursor: string | undefined) => {
  lists += 1;
  return cursor === undefined ? { tools: others, nextCursor: 'more' } : { tools: [assign] };
};
const called = (args: unknown) => {
  ran.push(args);
  return { content: [{ type: 'text' as const, text: 'assigned' }] };
};

function serverOfV1(inputs: InputRules | undefined): ServerV1 {
  const server = new ServerV1({ name: 'theirs', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => listed(params?.cursor));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => called(params.arguments));
  if (inputs !== undefined) protectTools({ server }, { inputs });
  return server;
}

function serverOfV2(inputs: InputRules | undefined): ServerV2 {
  const server = new ServerV2({ name: 'theirs', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler('tools/list', ({ params }) => listed(params?.cursor));
  server.setRequestHandler('tools/call', ({ params }) => called(params.arguments));
  if (inputs !== undefined) protectTools({ server }, { inputs });
  return server;
}

/** Ways to serve: with a door that checks, or with `protectTools` that does, which asks the server for its list. */
const servers: [string, (verifier: Verifier) => express.Express][] = [
  [
    'the express door',
    (verifier) => {
      const handler = createMcpHandler(() => serverOfV2(undefined));
      return express()
        .use(protect(verifier, { inputs: { validator: new Ajv2020(), tools: [...others, assign] } }))
        .all('/mcp', serveWithWebHandler(handler, new URL(RESOURCE).origin));
    },
  ],
  [
    'protectTools of SDK v2',
    (verifier) => {
      const handler = createMcpHandler(() => serverOfV2({ validator: new CfWorkerJsonSchemaValidator() }));
      return express()
        .use(identify(verifier), express.json())
        .all('/mcp', serveWithWebHandler(handler, new URL(RESOURCE).origin));
    },
  ],
  [
    'protectTools of SDK v1',
    (verifier) =>
      express()
        .use(identify(verifier), express.json())
        .all('/mcp', async (request, response) => {
          const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
          await serverOfV1({ validator: new AjvJsonSchemaValidator() }).connect(transport as Transport);
          await transport.handleRequest(request, response, request.body);
        }),
  ],
];

/** What an SDK's `requireBearerAuth` does with our token verifier: no door, and so no reports but those of `protectTools`. */
function identify(verifier: Verifier): express.RequestHandler {
  const hook = createTokenVerifier(verifier, { OAuthError: class extends Error {} });
  return async (request, _response, next) => {
    const auth = await hook.verifyAccessToken(request.headers.authorization?.slice('Bearer '.length) ?? '');
    Object.assign(request, { auth: auth as AuthInfo });
    next();
  };
}

describe.each(servers)('input checking by %s', (where, make) => {
  const issuer = new FakeIssuer({ key });
  const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, credential });
  let listener: Listener;
  beforeAll(async () => {
    listener = await listenOnLoopback(make(verifier), { port: 0 });
  });
  afterAll(async () => {
    await verifier.reports.close();
    await listener.close();
  });

  // SDK v1 does not speak the stateless era.
  const speaking = sdkClients.filter(([name]) => !(where.endsWith('v1') && name.endsWith('stateless era')));

  it.each(speaking)('MCP-53: a client of %s reads where its arguments are at fault, and they do not run', async (_name, connect) => {
    const headers = { authorization: `Bearer ${await issuer.token({ scope })}` };
    const client = await connect(new URL(`http://localhost:${listener.port}/mcp`), { headers });
    await verifier.reports.flush();
    ran.length = 0;
    issuer.posted.length = 0;
    try {
      expect(await client.callTool({ name: 'assign', arguments: { issue: 4 } })).toMatchObject({ content: [{ text: 'assigned' }] });
      for (const [args, pointer] of [
        [{ issue: 'canary-4711' }, '/issue'],
        [{}, where.endsWith('v2') ? '' : '/issue'],
        [{ issue: 4, more: 1 }, where.endsWith('door') || where.endsWith('v2') ? '/more' : ''],
      ] as const) {
        const refused = await client.callTool({ name: 'assign', arguments: args });
        expect(refused).toMatchObject({ isError: true, content: [{ text: expect.stringContaining(`at "${pointer}"`) }] });
        expect(JSON.stringify(refused)).not.toContain('canary-4711');
      }
      await expect(client.callTool({ name: 'gone', arguments: {} })).rejects.toThrow(/Unknown tool: "gone"/);
      // The client's own question is answered as ever; v1 asks for one page at a time.
      expect([[], ['assign']]).toContainEqual((await client.listTools()).tools.map(({ name }) => name));
    } finally {
      await client.close();
    }
    expect(ran).toEqual([{ issue: 4 }]);
    await verifier.reports.flush();
    expect(issuer.reports.map(({ tool, outcome, error }) => `${tool} ${outcome} ${error ?? ''}`).sort()).toEqual([
      'assign denied arguments',
      'assign denied arguments',
      'assign denied arguments',
      'assign success ',
      'gone denied unknown-tool',
    ]);
  });
});

describe('protectTools', () => {
  const setUp = async (inputs: Partial<InputRules>, list: () => unknown) => {
    const issuer = new FakeIssuer({ key });
    const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch });
    const server = new ServerV1({ name: 'theirs', version: '1.0.0' }, { capabilities: { tools: {} } });
    server.setRequestHandler(ListToolsRequestSchema, list as () => { tools: [] });
    server.setRequestHandler(CallToolRequestSchema, ({ params }) => called(params.arguments));
    protectTools({ server }, { inputs: { validator: new Ajv2020(), timeoutMs: 20, ...inputs } });
    const sent: Record<string, unknown>[] = [];
    let answered = (): void => {};
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const transport: Parameters<ServerV1['connect']>[0] = {
      start: async () => {},
      send: async (message) => {
        sent.push(message as Record<string, unknown>);
        answered();
      },
      close: async () => transport.onclose?.(),
    };
    await server.connect(transport);
    const hook = createTokenVerifier(verifier, { OAuthError: class extends Error {} });
    const authInfo = (await hook.verifyAccessToken(await issuer.token({ scope }))) as AuthInfo;
    ran.length = 0;
    transport.onmessage?.(
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'assign', arguments: { issue: 1 } } },
      { authInfo },
    );
    await answer;
    await server.close();
    return sent;
  };

  it.each<[string, () => unknown]>([
    ['is never given', () => new Promise(() => {})],
    ['is refused', () => Promise.reject(new Error('no list'))],
    ['has no end', () => ({ tools: [], nextCursor: 'again' })],
  ])('MCP-53: a list of tools that %s lets nothing through', async (_what, list) => {
    expect(await setUp({}, list)).toEqual([{ jsonrpc: '2.0', id: 1, error: { code: -32603, message: expect.any(String) } }]);
    expect(ran).toEqual([]);
  });

  it('with `tools` given asks nobody', async () => {
    lists = 0;
    expect(await setUp({ tools: [assign] }, () => listed(undefined))).toMatchObject([
      { id: 1, result: { content: [{ text: 'assigned' }] } },
    ]);
    expect([lists, ran.length]).toEqual([0, 1]);
  });
});
