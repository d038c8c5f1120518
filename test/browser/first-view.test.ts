/** The consent page as a person with a small telephone meets it: what she must know and can press, before she looks any closer. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Locator } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type Gallery, openGallery } from './rendered-pages.ts';

const window = { width: 320, height: 640 };

let browser: Browser;
let gallery: Gallery;
beforeAll(async () => {
  browser = await launchBrowser();
  gallery = await openGallery(browser, { viewport: window, javaScriptEnabled: false });
  await gallery.show('consent/first');
});
afterAll(async () => {
  await gallery.close();
  await browser.close();
});

async function boxOf(part: Locator) {
  const box = await part.boundingBox();
  if (!box) throw new Error('it is not shown');
  return { ...box, bottom: box.y + box.height };
}

/** What is shown of a line that is made of several texts. */
async function shownIn(line: Locator): Promise<string> {
  return (await line.locator('> span:visible').allTextContents()).join(' ').trim();
}

describe('the consent page at 320 px', () => {
  it('says who asks and for which server without scrolling', async () => {
    const heading = gallery.page.getByRole('heading', { level: 1 });
    expect(await heading.textContent()).toMatch(/Claude Code.*Acme Issues/);
    for (const part of [heading, gallery.page.locator('.parties')]) expect((await boxOf(part)).bottom).toBeLessThan(window.height);
  });

  it('has three groups, each with its count and a switch, and one duration', async () => {
    const groups = gallery.page.locator('.group');
    expect(await groups.locator('h2').allTextContents()).toEqual(['Read', 'Change', 'Delete or overwrite']);
    for (const group of await groups.all()) {
      expect(await shownIn(group.locator('.state'))).toMatch(/\d/);
      expect(await group.getByRole('button', { name: /^Turn/ }).count()).toBeGreaterThan(0);
      expect(await group.getByRole('checkbox').count()).toBe(0);
    }
    expect(await gallery.page.getByRole('combobox').count()).toBe(1);
  });

  it('has Allow and Deny right behind the three groups', async () => {
    const groups = await gallery.page.locator('.group').all();
    const boxes = await Promise.all(groups.map(boxOf));
    const bar = await boxOf(gallery.page.locator('.bar'));
    const decision = await Promise.all(['Allow', 'Deny'].map((name) => boxOf(gallery.page.getByRole('button', { name, exact: true }))));
    const groupsHeight = boxes.reduce((sum, { height }) => sum + height, 0);
    const gaps = 20 * boxes.length;
    expect(bar.y - boxes[0]!.y).toBeLessThanOrEqual(groupsHeight + gaps);
    for (const { y, bottom } of decision) {
      expect(y).toBeGreaterThan(bar.y);
      expect(bottom).toBeLessThanOrEqual(bar.bottom);
    }
    // Groups that are closed take no more than a window, and the bar half of one.
    expect(groupsHeight + gaps).toBeLessThan(window.height);
    expect(bar.height).toBeLessThan(window.height / 2);
  });
});

describe('the line above Allow', () => {
  const amount = () => shownIn(gallery.page.locator('.amount'));
  const leak = () => gallery.page.locator('.leak');

  it('says what the page offers, and follows the ticks without script', async () => {
    await gallery.show('consent/first');
    expect(await amount()).toBe('4 of 8 tools; can change things');
    expect(await leak().isVisible()).toBe(false);
    for (const group of ['read', 'write', 'destructive']) await gallery.page.locator(`#group-${group} summary`).click();
    await gallery.page.getByRole('checkbox', { name: /^Search the web/ }).check();
    expect(await amount()).toBe('Some of 8, as you ticked them');
    expect(await shownIn(leak())).toBe('It reads, and reaches outside: that is how data leaks out.');
    for (const box of await gallery.page.locator('.tool').all()) await box.check();
    expect(await amount()).toBe('All 8');
    for (const box of await gallery.page.locator('.tool').all()) await box.uncheck();
    expect(await amount()).toBe('None of 8');
    // Resources are read, too; and as long as nothing reaches outside, nothing leaks.
    expect(await gallery.page.getByRole('checkbox', { name: 'Resources' }).isChecked()).toBe(true);
    expect(await leak().isVisible()).toBe(false);
    await gallery.page.getByRole('checkbox', { name: /^run_script/ }).check();
    expect(await leak().isVisible()).toBe(true);
  });

  it('names what could destroy something, once it is switched on', async () => {
    await gallery.show('consent/open');
    expect(await amount()).toBe('6 of 8 tools; can delete or overwrite things: Delete issue, run_script');
    expect(await leak().isVisible()).toBe(true);
  });

  it('ABUSE-89: a title in it is text, and stays inside its quotes', async () => {
    await gallery.show('consent/hostile');
    expect(await gallery.page.locator('.amount script, .amount img').count()).toBe(0);
    expect(await gallery.page.title()).not.toBe('owned');
  });
});
