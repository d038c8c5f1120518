import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { toAuthInfo } from '../../src/resource-server/auth-info.ts';
import { createVerifier } from '../../src/resource-server/index.ts';
import { protectTools } from '../../src/resource-server/mcp-sdk-v1.ts';
import { doors, type ServedDoor } from './doors.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { rpc } from './rpc-over-http.ts';

const key = await makeKey('key-1');
const credential = 'srv_1:secret';
const tool = (name: string, about: object = {}) => ({ name, inputSchema: { type: 'object' }, ...about });

const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe.each(doors)('the %s door with a credential', (_name, serve) => {
  let nowMs = Date.now();
  const issuer = new FakeIssuer({ key, now: () => new Date(nowMs) });
  let door: ServedDoor;
  let tools: object[] = [];
  beforeAll(async () => {
    issuer.instead.set('/servers/tools', () => new Response(null, { status: 204 }));
    door = await serve({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, now: issuer.now, credential }, () => ({
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools } }),
    }));
  });
  afterAll(() => door.close());

  const list = async (): Promise<string[]> => {
    const response = await door.send('/mcp', {
      method: 'POST',
      headers: { authorization: `Bearer ${await issuer.token({ scope: 'tool:look' })}`, 'content-type': 'application/json' },
      body: JSON.stringify(rpc('tools/list')),
    });
    const { result } = (await response.json()) as { result: { tools: { name: string }[] } };
    return result.tools.map(({ name }) => name);
  };
  const told = () =>
    issuer.posted
      .filter(({ path }) => path === '/servers/tools')
      .map(({ body, authorization }) => ({ authorization, tools: (JSON.parse(body) as { tools: { name: string }[] }).tools }));
  const later = (seconds: number) => {
    nowMs += seconds * 1_000;
  };

  it('ABUSE-61: tells the issuer every tool that is listed, those that the client is not shown too, and each definition once', async () => {
    tools = [tool('look', { description: 'Looks.', icons: [{ src: 'x' }] }), tool('wipe', { annotations: { destructiveHint: true } })];
    expect(await list()).toEqual(['look']);
    await until(() => told().length === 1);
    expect(told()).toEqual([
      {
        authorization: `Basic ${btoa(credential)}`,
        tools: [tool('look', { description: 'Looks.' }), tool('wipe', { annotations: { destructiveHint: true } })],
      },
    ]);
    later(11);
    tools.reverse();
    expect(await list()).toEqual(['look']);
    tools.push(tool('fresh'));
    expect(await list()).toEqual(['look']);
    await until(() => told().length === 2);
    expect(told()[1]?.tools).toEqual([tool('fresh')]);
  });

  it('leaves an issuer that refuses alone for a minute, and then tells what it has not heard', async () => {
    issuer.instead.set('/servers/tools', () => new Response(null, { status: 503 }));
    later(11);
    tools = [tool('look', { description: 'Looks around.' })];
    await list();
    await until(() => told().length === 3);
    issuer.instead.set('/servers/tools', () => new Response(null, { status: 204 }));
    later(59);
    await list();
    later(2);
    tools.push(tool('other'));
    await list();
    await until(() => told().length === 4);
    expect(told()[3]?.tools.map(({ name }) => name)).toContain('look');
  });

  it('tells no more at once than the issuer takes, in whatever alphabet', async () => {
    later(61);
    const long = (name: string) => tool(name, { description: '\u8aad'.repeat(60_000) });
    tools = [long('one'), long('two'), long('three')];
    const before = told().length;
    await list();
    await until(() => told().length === before + 1);
    later(11);
    tools = [tool('look')];
    await list();
    await until(() => told().length === before + 2);
    const batches = issuer.posted.filter(({ path }) => path === '/servers/tools').slice(before);
    for (const { body } of batches) expect(Buffer.byteLength(body)).toBeLessThan(512 * 1024);
    expect(batches.map(({ body }) => (JSON.parse(body) as { tools: unknown[] }).tools.length)).toEqual([2, 2]);
  });

  it('keeps two million bytes for an issuer that is away, and tells the others when they are listed again', async () => {
    later(61);
    issuer.instead.set('/servers/tools', () => new Response(null, { status: 503 }));
    const names = Array.from({ length: 8 }, (_, index) => `large_${index}`);
    tools = names.map((name) => tool(name, { description: 'x'.repeat(390_000) }));
    const before = told().length;
    await list();
    await until(() => told().length === before + 1);
    issuer.instead.set('/servers/tools', () => new Response(null, { status: 204 }));
    const heard = () =>
      told()
        .slice(before + 1)
        .flatMap((message) => message.tools.map(({ name }) => name));
    let turn = 0;
    const listUntilHeard = async (listed: object[], count: number) => {
      for (; heard().length < count; turn += 1) {
        later(61);
        // What is no tool makes another list of it: one that was seen before is passed over.
        tools = [...listed, turn as never];
        await list();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const large = tools;
    await listUntilHeard([tool('look')], 5);
    expect(heard()).toEqual(names.slice(0, 5));
    await listUntilHeard(large, 8);
    expect(heard()).toEqual(names);
  });

  it('shows the list all the same when it holds what is no tool', async () => {
    later(61);
    tools = [tool('look'), null as never, 7 as never, { name: 3 }, tool('x'.repeat(500_000))];
    expect(await list()).toEqual(['look']);
  });
});

describe('protectTools', () => {
  it('tells the same, where the verifier has a credential', async () => {
    const issuer = new FakeIssuer({ key });
    issuer.instead.set('/servers/tools', () => new Response(null, { status: 204 }));
    const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, credential });
    const token = await issuer.token({ scope: 'tool:look' });
    const authInfo = toAuthInfo(await verifier.verifyToken(token), token, { isReported: false } as never);
    const server = new McpServer({ name: 'theirs', version: '1.0.0' });
    for (const name of ['look', 'wipe']) server.registerTool(name, { description: name }, () => ({ content: [] }));
    protectTools(server);
    const [theirs, ours] = InMemoryTransport.createLinkedPair();
    await server.connect(theirs);
    const answered = new Promise<unknown>((resolve) => {
      ours.onmessage = resolve;
    });
    await ours.start();
    await ours.send({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }, { authInfo } as never);
    expect(JSON.stringify(await answered)).not.toContain('wipe');
    await until(() => issuer.count('/servers/tools') === 1);
    expect(issuer.posted.find(({ path }) => path === '/servers/tools')?.body).toContain('"name":"wipe"');
  });
});
