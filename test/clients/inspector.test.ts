import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { startWhole, type Whole } from '../support/whole.ts';
import { type Inspector, startInspector } from './support/inspector.ts';
import { createPerson, type Person } from './support/person.ts';

let time: MovedTime;
let whole: Whole;
let browser: Browser;
let folder: string;
let inspector: Inspector;
let person: Person;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'toolgrant-inspector-'));
  time = moveTime();
  whole = await startWhole();
  browser = await launchBrowser();
  inspector = await startInspector({ serverUrl: whole.resource, folder });
  person = await createPerson(browser, whole.account);
});

afterAll(async () => {
  await person?.close();
  await browser?.close();
  await inspector?.stop();
  await whole?.stop();
  time.restore();
  await rm(folder, { recursive: true, force: true });
});

/** Waits for a text on the Inspector's page. */
const see = (text: string) => person.page.getByText(text).first().waitFor();

/** Calls a tool by the Inspector's own form. */
async function execute(tool: string): Promise<void> {
  await person.page.getByRole('button', { name: tool }).click();
  await person.page.getByRole('button', { name: 'Execute Tool' }).click();
}

describe('the MCP Inspector, unmodified', () => {
  it('MCP-12, MCP-24, MCP-31: takes a person through sign-in and consent; one call is allowed, and one refused that she has taken back', async () => {
    const { page } = person;
    // Its page asks for fonts of another site, and works without.
    await page.context().route(/^https:/, (route) => route.abort());
    const asked = page.waitForRequest((request) => new URL(request.url()).pathname === '/authorize');
    await person.open(inspector.url);
    await page.getByRole('switch', { name: /^Connect or disconnect/ }).click({ force: true });
    const { searchParams } = new URL((await asked).url());
    expect(Object.fromEntries(searchParams)).toMatchObject({
      redirect_uri: `${new URL(inspector.url).origin}/oauth/callback`,
      scope: 'tools resources prompts offline_access',
      prompt: 'consent',
      resource: whole.resource,
    });
    await page.getByLabel('Password').waitFor();
    await person.signIn();
    expect(await person.heading()).toContain('MCP Inspector');
    await person.press('Allow');
    await see('Authorization complete');

    await page.getByText('Tools', { exact: true }).first().click();
    await execute('List issues');
    await see('Login page is blank in Safari');

    const tab = await createPerson(browser, whole.account);
    await tab.open(`${whole.issuer.url}/account`);
    await tab.signIn();
    await tab.follow('Change', 'MCP Inspector');
    await tab.change({ untick: ['List people'] });
    await tab.press('Save');
    await tab.close();

    time.forward(15);
    await execute('List people');
    await see('Auth challenge: insufficient_scope');
    await execute('List issues');
    await see('Login page is blank in Safari');
    expect(whole.faults).toEqual([]);
  });
});
