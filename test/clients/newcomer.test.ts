import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type StartedCommand, settingsForFolder, startByNpm } from '../support/command.ts';
import { findFreePort } from '../support/free-port.ts';
import { connectByConsent, isUnauthorized } from './support/connect-by-consent.ts';
import { createPerson } from './support/person.ts';
import { createSdkV2Client } from './support/sdk-v2-client.ts';

let folder: string;
let started: StartedCommand;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'toolgrant-newcomer-'));
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  started?.process.kill('SIGTERM');
  await started?.ended;
  await rm(folder, { recursive: true, force: true });
});

describe('a newcomer with two terminals', () => {
  it('starts it, gives her client what the first one prints, and has one call allowed and another refused', async () => {
    const env = settingsForFolder(folder, { issuer: await findFreePort(), demo: await findFreePort() });
    started = startByNpm({ env, cwd: folder });
    await started.says('Ctrl-C stops everything.');
    const text = started.out() + started.err();
    const read = (pattern: RegExp): string => text.match(pattern)?.[1] ?? '';

    const resource = read(/Demo MCP server +(\S+)/);
    const person = await createPerson(browser, { email: read(/Sign in with +(\S+)/), password: read(/pass phrase +(.+)/) });
    const client = await createSdkV2Client(resource, { clientName: 'Her agent' });
    try {
      await connectByConsent(client, person, {});
      expect(await client.listTools()).toContain('create_issue');
      expect(await client.callTool('list_issues')).toMatchObject({ isError: false, text: expect.stringContaining('Safari') });
      const refused = await client.callTool('delete_issue', { id: 1 }).catch((error: unknown) => error);
      expect(isUnauthorized(refused)).toBe(true);
      expect(await client.callTool('get_issue', { id: 1 })).toMatchObject({ isError: false });
      const did = async (): Promise<string> => {
        await person.open(`${read(/running at (\S+)/)}/account`);
        const deeds = person.page.getByRole('listitem').filter({ hasText: 'Reported by Tracker (demo)' });
        return (await deeds.allTextContents()).join(' ').replaceAll(/\s+/g, ' ');
      };
      // The reports of the last calls may be under way still; a call that never arrives lets the test end by its time.
      const calls = ['Read an issue once', 'List issues once', 'Delete an issue once'];
      let told = await did();
      while (!calls.every((call) => told.includes(call))) told = await did();
      expect(told).toContain('Her agent not verified read (Read an issue once, List issues once) on Tracker (demo).');
      expect(told).toContain('Refused: Delete an issue once (why? “Delete an issue”).');
    } finally {
      await client.close();
      await person.close();
    }
  });
});
