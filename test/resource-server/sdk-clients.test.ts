import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { createDemoServer, type DemoServer } from '../../src/demo/demo-server.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { type AnyClient, sdkClients } from './sdk-client-kinds.ts';

const issuer = new FakeIssuer({ key: await makeKey('key-1') });
const demos: DemoServer[] = [];
let challengeUrl: URL;
let resultUrl: URL;

beforeAll(async () => {
  const start = async (denial: 'challenge' | 'result') => {
    const demo = createDemoServer({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, denial });
    demos.push(demo);
    return new URL(`http://localhost:${await demo.listen(0)}/mcp`);
  };
  challengeUrl = await start('challenge');
  resultUrl = await start('result');
});

afterAll(() => Promise.all(demos.map((demo) => demo.close())));

async function withClient<T>(
  connect: (url: URL, requestInit: RequestInit) => Promise<AnyClient>,
  options: { url: URL; scope: string },
  use: (client: AnyClient) => Promise<T>,
): Promise<T> {
  const client = await connect(options.url, { headers: { authorization: `Bearer ${await issuer.token({ scope: options.scope })}` } });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

describe('MCP-52: a client that can open pages for its person', () => {
  const connectWith = async (capabilities: object) => {
    const asked: { mode?: string; url?: string; message?: string }[] = [];
    const client = new ClientV2({ name: 'test', version: '1.0.0' }, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
    if ('elicitation' in capabilities) {
      client.setRequestHandler('elicitation/create', async ({ params }) => {
        asked.push(params);
        return { action: 'accept' as const };
      });
    }
    const authorization = `Bearer ${await issuer.token({ scope: 'tool:list_issues' })}`;
    await client.connect(new TransportV2(resultUrl, { requestInit: { headers: { authorization } } }));
    return { client, asked };
  };
  const link = `${ISSUER}/widen?consent=cns_1&tool=purge_closed`;
  const refused = { isError: true, content: [{ type: 'text', text: expect.stringContaining(link) }] };

  it('is given the page once, and what to read when it comes back before anything was allowed', async () => {
    const { client, asked } = await connectWith({ elicitation: { url: {} } });
    try {
      expect(await client.callTool({ name: 'purge_closed', arguments: {} })).toMatchObject(refused);
      expect(asked).toEqual([expect.objectContaining({ mode: 'url', url: link, message: expect.stringContaining('"purge_closed"') })]);
      expect(asked[0]).not.toHaveProperty('elicitationId');
      expect(demos[1]?.tracker.listIssues('closed')).toHaveLength(2);
    } finally {
      await client.close();
    }
  });

  it.each([{ elicitation: { form: {} } }, {}])('one that declares %j reads the link', async (capabilities) => {
    const { client, asked } = await connectWith(capabilities);
    try {
      expect(await client.callTool({ name: 'purge_closed', arguments: {} })).toMatchObject(refused);
      expect(asked).toEqual([]);
    } finally {
      await client.close();
    }
  });
});

describe.each(sdkClients)('%s', (_name, connect) => {
  it('sees the allowed tools and calls them', async () => {
    await withClient(connect, { url: challengeUrl, scope: 'tool:list_issues tool:get_issue' }, async (client) => {
      expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(['list_issues', 'get_issue']);
      expect(await client.callTool({ name: 'get_issue', arguments: { id: 2 } })).toMatchObject({
        content: [{ type: 'text', text: expect.stringContaining('Invoices') }],
      });
    });
  });

  it('ABUSE-60: gets an error for another tool, and the tool does not run', async () => {
    await withClient(connect, { url: challengeUrl, scope: 'tool:list_issues' }, async (client) => {
      await expect(client.callTool({ name: 'delete_issue', arguments: { id: 1 } })).rejects.toThrow(/delete_issue|insufficient/i);
      expect(demos[0]?.tracker.getIssue(1).id).toBe(1);
    });
  });

  it('with denial: result, reads why not and where to change that', async () => {
    await withClient(connect, { url: resultUrl, scope: 'tool:list_issues' }, async (client) => {
      expect(await client.callTool({ name: 'purge_closed', arguments: {} })).toMatchObject({
        isError: true,
        content: [{ type: 'text', text: expect.stringContaining(`${ISSUER}/widen?consent=cns_1&tool=purge_closed`) }],
      });
      expect(demos[1]?.tracker.listIssues('closed')).toHaveLength(2);
    });
  });

  it('MCP-45: is told of resources and prompts only when it may use them', async () => {
    await withClient(connect, { url: challengeUrl, scope: 'tool:list_issues' }, async (client) => {
      expect(Object.keys(client.getServerCapabilities() ?? {})).toEqual(['tools']);
      await expect(client.readResource({ uri: 'tracker://summary' })).rejects.toThrow();
    });
    await withClient(connect, { url: challengeUrl, scope: 'resources prompts' }, async (client) => {
      expect(Object.keys(client.getServerCapabilities() ?? {})).toEqual(expect.arrayContaining(['tools', 'resources', 'prompts']));
      expect(await client.readResource({ uri: 'tracker://summary' })).toMatchObject({ contents: [{ uri: 'tracker://summary' }] });
      expect(await client.getPrompt({ name: 'triage_issue', arguments: { id: '3' } })).toMatchObject({ messages: [{ role: 'user' }] });
    });
  });

  it('works through a selection of 2,000 tools', async () => {
    const names = [...Array.from({ length: 2000 }, (_, index) => `tool_${index}`), 'list_people'];
    const token = await issuer.token({ scope: 'tools.listed', selection: issuer.select(names) });
    const client = await connect(challengeUrl, { headers: { authorization: `Bearer ${token}` } });
    expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(['list_people']);
    expect(await client.callTool({ name: 'list_people', arguments: {} })).toMatchObject({
      content: [{ text: expect.stringContaining('ada') }],
    });
    await client.close();
  });
});
