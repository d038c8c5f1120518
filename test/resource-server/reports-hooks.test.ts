import { describe, expect, it } from '@jest/globals';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { createMcpHandler, McpServer as McpServerV2 } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { AuthInfo } from '../../src/resource-server/express.ts';
import { createVerifier, type Verifier } from '../../src/resource-server/index.ts';
import { createTokenVerifier, protectTools } from '../../src/resource-server/mcp-sdk-v2.ts';
import { protect } from '../../src/resource-server/web.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { rpc } from './rpc-over-http.ts';

const key = await makeKey('key-1');
const credential = 'srv_1:secret-of-srv-1';
const result = { content: [{ type: 'text', text: 'here' }] };

describe('the web door', () => {
  it('hands its runtime a promise that ends when the report is there', async () => {
    const issuer = new FakeIssuer({ key });
    const door = protect({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, credential });
    const waited: Promise<unknown>[] = [];
    const context = { waitUntil: (promise: Promise<unknown>) => void waited.push(promise) };
    const ask = async (name: string) => {
      const headers = { authorization: `Bearer ${await issuer.token({ scope: 'tool:look' })}`, 'content-type': 'application/json' };
      const request = new Request(RESOURCE, { method: 'POST', headers, body: JSON.stringify(rpc('tools/call', { name })) });
      return door(request, () => Response.json({ jsonrpc: '2.0', id: 1, result }), context);
    };
    const answer = await ask('look');
    expect(issuer.reports).toEqual([]);
    await answer.text();
    await ask('wipe');
    await Promise.all(waited);
    expect(issuer.reports.map(({ outcome }) => outcome).sort()).toEqual(['denied', 'success']);
  });

  it('a handler that throws is a failure', async () => {
    const issuer = new FakeIssuer({ key });
    const door = protect({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, credential });
    const headers = { authorization: `Bearer ${await issuer.token({ scope: 'tool:look' })}`, 'content-type': 'application/json' };
    const request = new Request(RESOURCE, { method: 'POST', headers, body: JSON.stringify(rpc('tools/call', { name: 'look' })) });
    await expect(door(request, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await door.verifier.reports.close();
    expect(issuer.reports).toEqual([expect.objectContaining({ outcome: 'failure', error: 'http:500' })]);
  });

  it('an answer that the client does not wait for is a failure', async () => {
    const issuer = new FakeIssuer({ key });
    const door = protect({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, credential });
    const headers = { authorization: `Bearer ${await issuer.token({ scope: 'tool:look' })}`, 'content-type': 'application/json' };
    const request = new Request(RESOURCE, { method: 'POST', headers, body: JSON.stringify(rpc('tools/call', { name: 'look' })) });
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new TextEncoder().encode(': beat\n\n')) });
    const answer = await door(request, () => new Response(endless, { headers: { 'content-type': 'text/event-stream' } }));
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel();
    await door.verifier.reports.close();
    expect(issuer.reports).toEqual([expect.objectContaining({ outcome: 'failure', error: 'unanswered' })]);
  });
});

describe('protectTools', () => {
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2025-11-25' };

  /** A server of SDK v2, with or without a door in front. */
  function serve(verifier: Verifier, { hasDoor }: { hasDoor: boolean }) {
    const make = () => {
      const server = new McpServerV2({ name: 'theirs', version: '1.0.0' });
      server.registerTool('look', { description: 'looks', inputSchema: z.object({}) }, () => ({
        content: [{ type: 'text', text: 'seen' }],
      }));
      server.registerTool('trip', { description: 'trips', inputSchema: z.object({}) }, () => {
        throw new Error('tripped');
      });
      return protectTools(server);
    };
    const handler = createMcpHandler(make);
    const door = protect(verifier, { denial: 'result' });
    const hook = createTokenVerifier(verifier, { OAuthError: class extends Error {} });
    return async (body: Record<string, unknown>, token: string): Promise<string> => {
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      };
      const request = new Request(RESOURCE, { method: 'POST', headers, body: JSON.stringify(body) });
      const answer = hasDoor
        ? await door(request, (passed, { auth, body: parsedBody }) => handler.fetch(passed, { authInfo: auth, parsedBody }))
        : await handler.fetch(request, { authInfo: (await hook.verifyAccessToken(token)) as AuthInfo });
      return answer.text();
    };
  }

  it.each([[true], [false]])('behind a door (%s) each call is reported once', async (hasDoor) => {
    const issuer = new FakeIssuer({ key });
    const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, credential });
    const send = serve(verifier, { hasDoor });
    const token = await issuer.token({ scope: 'tool:look tool:trip' });
    const traceparent = `00-${'a'.repeat(32)}-b7ad6b7169203331-01`;
    const look = await send(rpc('tools/call', { name: 'look', arguments: {}, _meta: { traceparent } }), token);
    expect(look).toContain('seen');
    await send(rpc('tools/call', { name: 'trip', arguments: {} }), token);
    expect(await send(rpc('tools/call', { name: 'wipe', arguments: {} }), token)).toContain('not among those');
    await send(rpc('tools/list', { _meta: meta }), token);
    await verifier.reports.close();
    expect(issuer.reports.map(({ tool, outcome, error, traceId }) => [tool, outcome, error, traceId])).toEqual([
      ['look', 'success', undefined, 'a'.repeat(32)],
      ['trip', 'failure', 'tool', undefined],
      ['wipe', 'denied', undefined, undefined],
    ]);
  });

  it("audit: 'before-call' without a door: a tool result that says why nothing ran", async () => {
    const issuer = new FakeIssuer({ key });
    const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, credential, audit: 'before-call' });
    const send = serve(verifier, { hasDoor: false });
    const token = await issuer.token({ scope: 'tool:look' });
    expect(await send(rpc('tools/call', { name: 'look', arguments: {} }), token)).toContain('seen');
    issuer.instead.set('/servers/reports', () => new Response('{}', { status: 503 }));
    const refused = await send(rpc('tools/call', { name: 'look', arguments: {} }), token);
    expect(refused).toContain('could not be recorded');
    expect(refused).not.toContain('seen');
  });

  it('SDK v1: a call that never is answered is a failure once the transport closes', async () => {
    const issuer = new FakeIssuer({ key });
    const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, credential });
    const server = protectTools(new McpServer({ name: 'theirs', version: '1.0.0' }));
    server.registerTool('look', { description: 'looks' }, () => new Promise(() => {}));
    const transport: Parameters<McpServer['connect']>[0] = {
      start: async () => {},
      send: async () => {},
      close: async () => transport.onclose?.(),
    };
    await server.connect(transport);
    const hook = createTokenVerifier(verifier, { OAuthError: class extends Error {} });
    const authInfo = (await hook.verifyAccessToken(await issuer.token({ scope: 'tool:look' }))) as AuthInfo;
    transport.onmessage?.({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'look' } }, { authInfo });
    await server.close();
    await verifier.reports.close();
    expect(issuer.reports).toEqual([expect.objectContaining({ tool: 'look', outcome: 'failure', error: 'unanswered' })]);
  });
});
