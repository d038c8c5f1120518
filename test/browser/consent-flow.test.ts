/** A person in a real browser, on the running issuer: sign-in, consent, what comes after. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { type BrowserScene, openScene } from './browser-scene.ts';

let scene: BrowserScene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const modes = [
  { mode: 'with script', javaScriptEnabled: true },
  { mode: 'without script', javaScriptEnabled: false },
];

describe.each(modes)('a person $mode', ({ javaScriptEnabled }) => {
  let context: BrowserContext;
  let page: Page;
  beforeEach(async () => {
    context = await scene.browser.newContext({ javaScriptEnabled });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
  });
  afterEach(() => context.close());

  it('signs in, sees who asks for what, allows, and is back at the agent', async () => {
    const started = await scene.startAgent();
    await page.goto(started.url);
    expect(await page.locator('main').textContent()).toContain('Claude Code asks for access to Tracker');
    await scene.signIn(page);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Claude Code asks to use Tracker');
    expect(await page.locator('.parties').textContent()).toContain(new URL(scene.callback).host);
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${scene.callback}?**`);
    expect(await page.title()).toBe('Agent');
    expect(new URL(page.url()).searchParams.get('state')).toBe('kept');
    expect(await scene.scopeOf(started, page)).toBe('tool:create_issue tool:get_issue tool:list_issues');
  });

  it('switches groups, ticks single tools, and allows exactly that', async () => {
    const started = await scene.startAgent();
    await page.goto(started.url);
    await scene.signIn(page);
    await page
      .getByRole('button', { name: 'Turn all off in “Change”' })
      .or(page.getByRole('button', { name: 'Turn off in “Change”' }))
      .click();
    await page.getByRole('button', { name: 'Turn on in “Delete or overwrite”' }).click();
    await page.locator('#group-read summary').click();
    await page.getByRole('checkbox', { name: /^List issues/ }).uncheck();
    await page.getByRole('checkbox', { name: /^search_web/ }).check();
    await page.getByLabel('Allow until').selectOption('1h');
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${scene.callback}?**`);
    expect(await scene.scopeOf(started, page)).toBe('tool:delete_issue tool:get_issue tool:search_web');
  });

  it('is told when nothing is ticked, and can go on from there', async () => {
    const started = await scene.startAgent();
    await page.goto(started.url);
    await scene.signIn(page);
    for (const name of ['Read', 'Change']) await page.getByRole('button', { name: new RegExp(`^Turn (?:all )?off in “${name}”`) }).click();
    await page.getByRole('button', { name: 'Allow' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('Nothing is ticked');
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.waitForURL(`${scene.callback}?**`);
    expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
  });

  it('finds the agent under Connected agents, changes it, and revokes it', async () => {
    const started = await scene.startAgent({ name: `Agent ${javaScriptEnabled}` });
    await page.goto(started.url);
    await scene.signIn(page);
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${scene.callback}?**`);
    await page.goto(`${scene.issuer.url}/account`);
    const entry = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: `Agent ${javaScriptEnabled}` }) });
    await entry.getByRole('link', { name: 'Change' }).click();
    await page.getByRole('button', { name: /^Turn on in “Delete/ }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    expect(await page.getByRole('status').textContent()).toContain('Saved. It takes effect within 15 minutes.');
    expect(await entry.textContent()).toContain('Delete or overwrite 1');
    // Until when one tool is allowed: three presses.
    await entry.getByText('tools, until when, and when each was last called').click();
    await entry.getByRole('link', { name: 'Change time of List issues' }).click();
    await page.getByRole('button', { name: /^1 hour, until/ }).click();
    expect(await page.getByRole('status').textContent()).toContain('Saved: that tool ends when you said.');
    expect(await entry.locator('.use', { hasText: 'List issues' }).textContent()).toMatch(/until \d/);
    await entry.getByRole('link', { name: 'Revoke' }).click();
    expect(await page.locator('main').textContent()).toContain('It stops within 15 minutes');
    await page.getByRole('button', { name: 'Revoke' }).click();
    expect(await page.getByRole('status').textContent()).toContain('Revoked.');
    expect(await entry.count()).toBe(0);
  });

  it('comes back to the page she wanted after signing in', async () => {
    await page.goto(`${scene.issuer.url}/account/password`);
    await scene.signIn(page);
    expect(page.url()).toBe(`${scene.issuer.url}/account/password`);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Change password');
  });

  it('signs out, and is signed out', async () => {
    await page.goto(`${scene.issuer.url}/account`);
    await scene.signIn(page);
    await page.getByRole('link', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('You are signed out');
    await page.goto(`${scene.issuer.url}/account`);
    expect(await page.getByLabel('Password').isVisible()).toBe(true);
  });
});

/** Presses Tab until what has the focus, as `id|value|text`, is what is wanted. */
function tabbing(page: Page): (wanted: RegExp) => Promise<void> {
  const focused = () =>
    page.evaluate(() => {
      const { activeElement } = (
        globalThis as unknown as { document: { activeElement: { textContent: string; id: string; value?: string } } }
      ).document;
      return `${activeElement.id}|${activeElement.value ?? ''}|${activeElement.textContent.trim()}`;
    });
  return async (wanted) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      if (wanted.test(await focused())) return;
    }
    throw new Error(`${wanted} is out of reach`);
  };
}

describe('by keyboard alone', () => {
  it('a person signs in, unfolds a group, unticks a tool, and allows', async () => {
    const context = await scene.browser.newContext({ viewport: { width: 900, height: 900 } });
    const page = await context.newPage();
    const started = await scene.startAgent();
    await page.goto(started.url);
    const tabTo = tabbing(page);
    await tabTo(/^email\|/);
    await page.keyboard.type(scene.person.email);
    await tabTo(/^password\|/);
    await page.keyboard.type(scene.person.password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1:has-text("asks to use")');
    await tabTo(/^\|\|Tool by tool in “Read”/);
    await page.keyboard.press('Enter');
    await tabTo(/\|list_issues\|/);
    await page.keyboard.press('Space');
    await tabTo(/\|allow\|Allow$/);
    const bar = await page.locator('.bar').boundingBox();
    const allow = await page.getByRole('button', { name: 'Allow' }).boundingBox();
    expect(allow!.y).toBeGreaterThanOrEqual(bar!.y);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${scene.callback}?**`);
    expect(await scene.scopeOf(started, page)).toBe('tool:create_issue tool:get_issue');
    await context.close();
  });

  it('a person changes what she allowed, revokes it, and signs out', async () => {
    const context = await scene.browser.newContext();
    const page = await context.newPage();
    const started = await scene.startAgent({ name: 'Keyboard agent' });
    await page.goto(started.url);
    await scene.signIn(page);
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${scene.callback}?**`);
    await page.goto(`${scene.issuer.url}/account`);
    const entry = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Keyboard agent' }) });
    const tabTo = tabbing(page);
    const follow = async (wanted: RegExp, heading: RegExp) => {
      await tabTo(wanted);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    };
    await follow(/\|Change$/, /^What Keyboard agent may do/);
    await tabTo(/\|delete_issue\|/);
    await page.keyboard.press('Space');
    await follow(/\|Save$/, /^Connected agents$/);
    expect(await entry.textContent()).toContain('Delete or overwrite 1');
    await follow(/\|Revoke$/, /^Revoke Keyboard agent/);
    await follow(/\|Revoke$/, /^Connected agents$/);
    expect(await entry.count()).toBe(0);
    await follow(/\|Sign out$/, /^Sign out/);
    await follow(/\|Sign out$/, /^You are signed out$/);
    await context.close();
  });

  it('the Enter key in a field decides nothing', async () => {
    const context = await scene.browser.newContext();
    const page = await context.newPage();
    const started = await scene.startAgent();
    await page.goto(started.url);
    await scene.signIn(page);
    await page.locator('#group-read summary').click();
    await page.getByRole('checkbox', { name: /^List issues/ }).focus();
    await page.keyboard.press('Enter');
    await page.waitForLoadState();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Claude Code asks to use Tracker');
    await context.close();
  });
});
