/** Servers that were not written here, from the first reading of their tools to a release in which one is riskier, by command line, pages and calls. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { jsonOf, runCommand, type Settings } from '../support/command.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { findFreePort } from '../support/free-port.ts';
import { startIssuer, type TestIssuer, type TestPerson } from '../support/issuer.ts';
import { authorizationUrl, connect, newPkce, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { type Browser, readForms, signedIn } from '../support/person.ts';
import { publishedServers, type RunningDoor, type SampleCall, startDoor } from '../support/published-servers.ts';

let issuer: TestIssuer;
let env: Settings;
let person: TestPerson;
let client: TestClient;
let browser: Browser;
beforeAll(async () => {
  issuer = await startIssuer();
  env = {
    DATABASE_URL: issuer.database.runtimeUrl,
    TOOLGRANT_SECRET: issuer.secret,
    TOOLGRANT_DATABASE_POOL_SIZE: '3',
    TOOLGRANT_DATABASE_WAIT: '0s',
    TOOLGRANT_ISSUER: issuer.url,
  };
  person = await issuer.addPerson();
  client = await registerTestClient(issuer, { client_name: 'Helper' });
  browser = await signedIn(issuer, person);
});
afterAll(() => issuer.stop());

const told = async <T>(...args: string[]): Promise<T> => jsonOf<T>(await runCommand([...args, '--json'], { env }));

describe('a session over stdio', () => {
  it('ends with its process when nobody uses it, and is not found from then on', async () => {
    const resource = `http://localhost:${await findFreePort()}/mcp`;
    const added = await issuer.addServer([toolNamed('get-sum')], resource);
    const credential = `${added.serverId}:${added.credential}`;
    const program = [process.execPath, join('node_modules', '@modelcontextprotocol/server-everything', 'dist/index.js')];
    const door = await startDoor('stdio-door.ts', program, { issuer: issuer.url, resource, credential, idleSeconds: 0.1 });
    try {
      const decision = { tools: ['get-sum'] };
      const { access_token: token } = await connect(issuer, { client, person, server: { resource }, scope: 'tools', decision, browser });
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      };
      const post = async (message: object, more: Record<string, string> = {}) => {
        const response = await fetch(resource, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(message) });
        await response.text();
        return response;
      };
      const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'helper', version: '1' } };
      const begun = await post({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
      const session = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '' };
      const ping = { jsonrpc: '2.0', id: 2, method: 'ping' };
      let status = begun.status;
      // Each question is a use of the session: they come further apart than it lives.
      while (status === 200) {
        await sleep(500);
        ({ status } = await post(ping, session));
      }
      expect(status).toBe(404);
      expect((await post(ping)).status).toBe(400);
    } finally {
      await door.stop();
    }
  });
});

describe.each(publishedServers)('$name', (published) => {
  const { name, allowed, allowedThen = allowed, refused } = published;
  let folder: string;
  let resource: string;
  let credential: string;
  let door: RunningDoor;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'toolgrant-published-'));
    await writeFile(join(folder, 'a.txt'), 'A.');
    resource = `http://localhost:${await findFreePort()}/mcp`;
    ({ credential } = await told<{ credential: string }>('server', 'add', resource, '--name', name, '--no-sync'));
    door = await start('first');
  });
  afterAll(async () => {
    await door?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = (release: 'first' | 'second') => published.start(release, { issuer: issuer.url, resource, credential, folder });

  /** In a session with this token, and no longer. */
  async function inSession<T>(token: string, act: (session: Client) => Promise<T>): Promise<T> {
    const transport = new StreamableHTTPClientTransport(new URL(resource), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    });
    const session = new Client({ name: 'helper', version: '1' });
    try {
      await session.connect(transport);
      return await act(session);
    } finally {
      await transport.terminateSession();
      await session.close();
    }
  }

  const inFolder = (call: Omit<SampleCall, 'answer'>) => {
    const paths = Object.entries(call.arguments).map(([key, value]) => [
      key,
      /\.txt$/.test(String(value)) ? join(folder, String(value)) : value,
    ]);
    return { name: call.name, arguments: Object.fromEntries(paths) };
  };
  const answerTo = (session: Client, call: SampleCall) => session.callTool(inFolder(call)).then(({ content }) => JSON.stringify(content));
  const verdictOn = async (tool: string) => {
    const about = ['--server', resource, '--user', person.email, '--client', client.clientId, '--tool', tool];
    const [one] = await told<{ tools: { can: boolean; reason: string | null; rule: string | null }[] }[]>('explain', ...about);
    return one?.tools[0];
  };
  const consentPage = async () => {
    const url = authorizationUrl(issuer, client, { resource, scope: 'tools', code_challenge: newPkce().challenge });
    return (await browser.follow(await browser.get(url))).text;
  };
  const allow = async (...tools: string[]) =>
    (await connect(issuer, { client, person, server: { resource }, scope: 'tools', decision: { tools }, browser })).access_token;

  it('is read whole; one tool is allowed and runs, another is refused, and explain says why', async () => {
    expect(await told('server', 'sync', resource)).toMatchObject({ tools: published.toolCount, leftOut: [] });
    const tools = await told<{ name: string; risk: string; openWorld: boolean }[]>('server', 'tool', resource);
    for (const [tool, risk] of Object.entries(published.risks)) expect(tools.find((one) => one.name === tool)).toMatchObject(risk);

    const [form] = readForms(await consentPage());
    expect(
      form?.boxes
        .filter((box) => box.name === 'tool')
        .map(({ value }) => value)
        .sort(),
    ).toEqual(tools.map((tool) => tool.name).sort());

    const token = await allow(allowed.name);
    await inSession(token, async (session) => {
      expect((await session.listTools()).tools.map((tool) => tool.name)).toEqual([allowed.name]);
      expect(await answerTo(session, allowed)).toMatch(allowed.answer);
      await expect(session.callTool(inFolder(refused))).rejects.toMatchObject({ code: 403 });
    });
    expect(await readdir(folder)).not.toContain('new.txt');
    expect(await verdictOn(allowed.name)).toMatchObject({ can: true, rule: 'people-decide' });
    expect(await verdictOn(refused.name)).toMatchObject({ can: false, reason: 'not-ticked' });
  });

  it('ABUSE-38: when a release makes the tool riskier it waits, until the person has seen how and allows it again', async () => {
    await door.stop();
    door = await start('second');
    const change = await told<{ riskier: string[] }>('server', 'sync', resource);
    expect(change.riskier).toContain(allowed.name);
    expect(await verdictOn(allowed.name)).toMatchObject({ can: false, reason: 'riskier-than-consented' });

    const page = await consentPage();
    expect(page).toContain('changed since you allowed it');
    for (const words of published.difference) expect(page).toContain(words);
    const token = await allow(allowed.name);
    await inSession(token, async (session) => expect(await answerTo(session, allowedThen)).toMatch(allowedThen.answer));
    expect(await verdictOn(allowed.name)).toMatchObject({ can: true, rule: 'people-decide' });
  });
});
