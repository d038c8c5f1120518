import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { Browser } from 'playwright-core';
import type { ClientId } from '../../src/domain/ids.ts';
import { removeClient } from '../../src/services/remove-client.ts';
import { launchBrowser } from '../support/browser.ts';
import { findFreePort } from '../support/free-port.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { startWhole, type Whole } from '../support/whole.ts';
import { type BrowserOpener, createBrowserOpener } from './support/browser-opener.ts';
import { outcomeOf } from './support/mcp-client.ts';
import { createPerson, type Person } from './support/person.ts';

const program = resolve(import.meta.dirname, '../../node_modules/mcp-remote/dist/proxy.js');

let time: MovedTime;
let whole: Whole;
let browser: Browser;
let folder: string;
let opener: BrowserOpener;
let person: Person;

beforeAll(async () => {
  time = moveTime();
  whole = await startWhole();
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await whole?.stop();
  time.restore();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'toolgrant-mcp-remote-'));
  opener = await createBrowserOpener(folder);
  person = await createPerson(browser, whole.account);
});

afterEach(async () => {
  await opener?.close();
  await person?.close();
  await rm(folder, { recursive: true, force: true });
  expect(whole.faults).toEqual([]);
});

/** Starts mcp-remote as a desktop client does, in a home of its own; it speaks MCP over its standard input and output. */
function startBridge(port: number): { client: Client; connect(): Promise<void> } {
  const env = { HOME: folder, MCP_REMOTE_CONFIG_DIR: join(folder, 'mcp-auth'), BROWSER: opener.command, PATH: process.env['PATH'] ?? '' };
  const args = [program, whole.resource, String(port), '--transport', 'http-only'];
  const transport = new StdioClientTransport({ command: process.execPath, args, env, stderr: 'ignore' });
  const client = new Client({ name: 'A desktop client', version: '1.0.0' });
  return { client, connect: () => client.connect(transport) };
}

/** The whole way, with one tool left out. */
async function connectByConsent({ connect }: { connect(): Promise<void> }): Promise<URL> {
  const connected = connect();
  const url = await opener.next();
  await person.open(url);
  await person.signIn();
  await person.change({ untick: ['Create an issue'] });
  await person.press('Allow');
  await connected;
  return url;
}

const callTool = (client: Client, name: string, args = {}) => client.callTool({ name, arguments: args }).then(outcomeOf);

/** How the issuer answered token requests, in order. */
const tokenAnswers = () =>
  whole.issuer.log.flatMap((line) => {
    const { route, status } = JSON.parse(line) as { route?: string; status?: number };
    return route === 'protocol-token' ? [status] : [];
  });

describe('mcp-remote, unmodified', () => {
  it('MCP-12, MCP-24, MCP-33: registers, takes a person through sign-in and consent, and asks for the union when a call is refused', async () => {
    const port = await findFreePort();
    const bridge = startBridge(port);
    try {
      const url = await connectByConsent(bridge);
      expect(Object.fromEntries(url.searchParams)).toMatchObject({
        redirect_uri: `http://localhost:${port}/oauth/callback`,
        scope: 'tools resources prompts offline_access',
        prompt: 'consent',
        resource: whole.resource,
      });
      expect(await callTool(bridge.client, 'list_issues')).toMatchObject({ isError: false, text: expect.stringContaining('Safari') });

      const issues = whole.demo.tracker.listIssues().length;
      const refused = callTool(bridge.client, 'create_issue', { title: 'From a desktop client' });
      const wider = await opener.next();
      expect(whole.demo.tracker.listIssues()).toHaveLength(issues);
      const asked = (wider.searchParams.get('scope') ?? '').split(' ');
      expect(asked).toEqual(expect.arrayContaining(['tool:create_issue', 'tool:list_issues', 'offline_access']));

      await person.open(wider);
      const shown = new Map((await person.seeTools()).map(({ name, ticked }) => [name, ticked]));
      expect(shown.get('Create an issue create_issue')).toBe(false);
      expect(shown.get('List issues list_issues')).toBe(true);
      await person.change({ tick: ['Create an issue'] });
      await person.press('Allow');
      expect(await refused).toMatchObject({ isError: false });
      expect(whole.demo.tracker.listIssues()).toHaveLength(issues + 1);
    } finally {
      await bridge.client.close();
    }
  });

  it('MCP-24, ENG-28: refreshes by itself, its scope repeated, and starts again without the person', async () => {
    const port = await findFreePort();
    const first = startBridge(port);
    try {
      await connectByConsent(first);
      const before = tokenAnswers().length;
      time.forward(16 * 60);
      expect(await callTool(first.client, 'list_issues')).toMatchObject({ isError: false });
      expect(tokenAnswers().slice(before)).toEqual([200]);
    } finally {
      await first.client.close();
    }
    const second = startBridge(port);
    try {
      await second.connect();
      expect(await callTool(second.client, 'list_issues')).toMatchObject({ isError: false });
      expect(opener.waiting()).toBe(0);
    } finally {
      await second.client.close();
    }
  });

  it('MCP-25, MCP-33: registers anew when its client is gone, and gets through', async () => {
    const port = await findFreePort();
    const first = startBridge(port);
    try {
      await connectByConsent(first);
    } finally {
      await first.client.close();
    }
    const { runtime, tenant } = whole.issuer;
    const [client] = await runtime.store.client.findMany({ where: { kind: 'dynamic' }, orderBy: { createdAt: 'desc' }, take: 1 });
    await removeClient(runtime, tenant, { clientId: client?.id as ClientId, origin: { actorType: 'operator' } });
    time.forward(16 * 60);
    const second = startBridge(port);
    try {
      const url = await connectByConsent(second);
      expect(url.searchParams.get('client_id')).not.toBe(client?.id);
      expect(await callTool(second.client, 'list_issues')).toMatchObject({ isError: false });
    } finally {
      await second.client.close();
    }
  });
});
