/** The consent page as a person meets it: what she must know and can press, before she looks any closer. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Locator } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type Gallery, openGallery } from './rendered-pages.ts';

let browser: Browser;
let gallery: Gallery;
beforeAll(async () => {
  browser = await launchBrowser();
  gallery = await openGallery(browser, { viewport: { width: 320, height: 640 }, javaScriptEnabled: false });
});
afterAll(async () => {
  await gallery.close();
  await browser.close();
});

async function boxOf(part: Locator) {
  const box = await part.boundingBox();
  if (!box) throw new Error('it is not shown');
  return { ...box, bottom: box.y + box.height, right: box.x + box.width };
}

/** What is shown of a line that is made of several texts. */
async function shownIn(line: Locator): Promise<string> {
  return (await line.locator('> span:visible').allTextContents()).join(' ').trim();
}

const windows = [
  { width: 320, height: 640 },
  { width: 390, height: 844 },
  { width: 1280, height: 720 },
];

describe.each(windows)('the first view of the consent page in $width × $height', (window) => {
  beforeAll(async () => {
    await gallery.page.setViewportSize(window);
    await gallery.show('consent/first');
  });

  it('says who asks and for which server, and has three groups, each with its count and a switch', async () => {
    expect(await gallery.page.getByRole('heading', { level: 1 }).textContent()).toMatch(/Claude Code.*Acme Issues/);
    const groups = gallery.page.locator('.group');
    expect(await groups.locator('h2').allTextContents()).toEqual(['Read', 'Change', 'Delete or overwrite']);
    for (const group of await groups.all()) {
      expect(await shownIn(group.locator('.state'))).toMatch(/\d/);
      expect(await group.getByRole('button', { name: /^Turn/ }).count()).toBeGreaterThan(0);
      expect(await group.getByRole('checkbox').count()).toBe(0);
    }
  });

  it.each(['consent/hundred', 'consent/one', 'consent/first'])(
    '%s: the groups, the worst that can happen, one duration, Allow and Deny are in sight',
    async (sample) => {
      const { page } = gallery;
      await gallery.show(sample);
      expect(await page.getByRole('combobox').count()).toBe(1);
      const buttons = ['Allow', 'Deny'].map((name) => page.getByRole('button', { name, exact: true }));
      const switches = await page.getByRole('button', { name: /^Turn/ }).all();
      const parts = [
        page.locator('h1'),
        page.locator('.parties'),
        page.locator('.groups'),
        page.locator('.worst'),
        page.getByRole('combobox'),
      ];
      for (const part of [...parts, ...buttons, ...switches]) {
        const { x, y, bottom, right } = await boxOf(part);
        expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
        expect(bottom).toBeLessThanOrEqual(window.height);
        expect(right).toBeLessThanOrEqual(window.width);
      }
    },
  );

  it('covers nothing', async () => {
    const parts = ['h1', '.parties', '.started', '.groups', '.choice__foot', '.bar'].map((part) => boxOf(gallery.page.locator(part)));
    const boxes = await Promise.all(parts);
    for (const [index, one] of boxes.entries()) {
      for (const other of boxes.slice(index + 1)) {
        const isApart = one.bottom <= other.y || other.bottom <= one.y || one.right <= other.x || other.right <= one.x;
        expect([one, other, isApart]).toEqual([one, other, true]);
      }
    }
  });
});

it('has Deny in the first view where the agent looks like another one', async () => {
  for (const window of windows.slice(1)) {
    await gallery.page.setViewportSize(window);
    await gallery.show('consent/lookalike');
    expect((await boxOf(gallery.page.getByRole('button', { name: 'Deny', exact: true }))).bottom).toBeLessThanOrEqual(window.height);
  }
});

it('has what decides within reach while tools are unfolded, where the window is high enough for both', async () => {
  await gallery.page.setViewportSize({ width: 820, height: 1180 });
  await gallery.show('consent/hundred');
  await gallery.page.locator('#group-read summary').click();
  expect((await boxOf(gallery.page.getByRole('button', { name: 'Allow', exact: true }))).bottom).toBeLessThanOrEqual(1180);
  await gallery.page.setViewportSize({ width: 390, height: 844 });
  await gallery.show('consent/open');
  expect((await boxOf(gallery.page.locator('.groups'))).bottom).toBeLessThan((await boxOf(gallery.page.locator('.bar'))).y);
});

describe('the lines above Allow', () => {
  beforeAll(() => gallery.page.setViewportSize({ width: 900, height: 900 }));

  const amount = () => shownIn(gallery.page.locator('.amount'));
  // As it is seen: each part of the sentence is there, and the style sheet shows those that hold.
  // biome-ignore lint/performance/useDomNodeTextContent: what is hidden is what matters.
  const worst = () => gallery.page.locator('.worst').innerText();
  const leak = () => gallery.page.locator('.leak');
  // biome-ignore lint/performance/useDomNodeTextContent: here, too.
  const outside = () => gallery.page.locator('#group-read .outside-note').innerText();
  const box = (name: RegExp) => gallery.page.getByRole('checkbox', { name });
  const unfold = async () => {
    for (const group of ['read', 'write', 'destructive'])
      await gallery.page.locator(`#group-${group}:not(:has(details[open])) summary`).click();
  };

  it('say what the page offers and the worst of it, and follow the ticks without script', async () => {
    await gallery.show('consent/first');
    expect(await amount()).toBe('4 of 8 tools');
    expect(await worst()).toBe('At worst, it adds or changes things in your name (Create issue, Add comment).');
    expect(await leak().isVisible()).toBe(false);
    await unfold();
    expect(await outside()).toBe('1 reaches outside this server, and is off');
    await box(/^Search the web/).check();
    expect(await outside()).toBe('1 reaches outside this server');
    expect(await amount()).toBe('Some of 8, as you ticked them');
    expect(await worst()).toBe('At worst, it adds or changes things in your name, and sends what it reads to others outside.');
    expect(await shownIn(leak())).toBe('It reads, and reaches outside: that is how data leaks out.');
    for (const tool of await gallery.page.locator('.tool').all()) await tool.check();
    expect(await amount()).toBe('All 8');
    expect(await worst()).toBe('At worst, it deletes or overwrites things for good, and sends what it reads to others outside.');
    for (const tool of await gallery.page.locator('.tool').all()) await tool.uncheck();
    expect(await amount()).toBe('None of 8');
    // Resources are read, too; and as long as nothing reaches outside, nothing leaks.
    expect(await box(/^Resources/).isChecked()).toBe(true);
    expect(await worst()).toBe('At worst, it reads what you can see there.');
    expect(await leak().isVisible()).toBe(false);
    await box(/^run_script/).check();
    expect(await leak().isVisible()).toBe(true);
    for (const extra of [/^Resources/, /^Prompts/]) await box(extra).uncheck();
    expect(await worst()).toBe('At worst, it deletes or overwrites things for good, and reaches people or services outside.');
    await box(/^run_script/).uncheck();
    expect(await worst()).toBe('Nothing is ticked, so it can do nothing. Tick at least one tool.');
  });

  it('name what could destroy something, once it is switched on, and whose word that is', async () => {
    await gallery.show('consent/open');
    expect(await amount()).toBe('6 of 8 tools');
    expect(await worst()).toBe(
      'At worst, it deletes or overwrites things for good (Delete issue, run_script), and sends what it reads to others outside.',
    );
    expect(await leak().isVisible()).toBe(true);
    expect(await gallery.page.locator('.source-note').textContent()).toContain('The server’s own word, checked by nobody.');
  });

  it('ABUSE-89: a title in them is text, and stays inside its quotes', async () => {
    await gallery.show('consent/hostile');
    expect(await gallery.page.locator('.worst q').count()).toBeGreaterThan(0);
    expect(await gallery.page.locator('.worst script, .worst img').count()).toBe(0);
    expect(await gallery.page.title()).not.toBe('owned');
  });
});
