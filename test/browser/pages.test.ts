import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { readAssets } from '../../src/http/documents/assets.ts';
import { launchBrowser } from '../support/browser.ts';
import { findAccessibilityProblems, findOverflow, type Gallery, openAllDetails, openGallery, samplePaths } from './rendered-pages.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const wide = { width: 900, height: 900 };
interface Window {
  window: string;
  colorScheme: 'light' | 'dark';
  size: { width: number; height: number };
  rules?: readonly string[];
}
const windows: readonly Window[] = [
  { window: 'light', colorScheme: 'light', size: wide },
  // Colours are all that differs, so that only the rules about colours can find something else.
  { window: 'dark', colorScheme: 'dark', size: wide, rules: ['color-contrast', 'link-in-text-block'] },
  { window: 'light, 320 px', colorScheme: 'light', size: { width: 320, height: 640 } },
];

describe('every page', () => {
  let gallery: Gallery;
  beforeAll(async () => {
    gallery = await openGallery(browser, { reducedMotion: 'reduce' });
  });
  afterAll(() => gallery.close());

  describe.each(samplePaths)('%s', (samplePath) => {
    beforeAll(async () => {
      await gallery.show(samplePath);
      await openAllDetails(gallery.page);
    });

    it.each(windows)('$window: axe finds nothing, nothing is cut off, nothing is blocked', async ({ colorScheme, size, ...options }) => {
      await gallery.page.emulateMedia({ colorScheme });
      await gallery.page.setViewportSize(size);
      expect(await findAccessibilityProblems(gallery.page, options)).toEqual([]);
      expect(await findOverflow(gallery.page)).toBe(0);
      expect(gallery.complaints).toEqual([]);
    });
  });

  it('is dark by colours alone', () => {
    const sheets = [...readAssets()].flatMap(([name, { bytes }]) => (name.endsWith('.css') ? [bytes.toString()] : []));
    const dark = sheets.flatMap((sheet) => [...sheet.matchAll(/@media \(prefers-color-scheme: dark\) \{([^}]*\})\s*\}/g)]);
    expect(sheets.join('\n').match(/prefers-color-scheme/g)).toHaveLength(dark.length);
    for (const [, block] of dark) expect(block).toMatch(/^\s*:root \{(?:\s*--[\w-]+: #[\da-f]{3,8};)+\s*\}$/);
  });
});

describe('the check itself', () => {
  it('finds what is wrong', async () => {
    const gallery = await openGallery(browser, {});
    await gallery.show('start/plain');
    await gallery.page.locator('main').evaluate((main) => main.insertAdjacentHTML('beforeend', '<input><p class="quiet">x</p>'));
    await gallery.page.locator('html').evaluate((html) => html.removeAttribute('lang'));
    const problems = await findAccessibilityProblems(gallery.page);
    expect(problems.map((problem) => problem.split(':')[0]).sort()).toEqual(['html-has-lang', 'label']);
    await gallery.close();
  });
});

describe('what follows the ticks, without script', () => {
  let gallery: Gallery;
  beforeAll(async () => {
    gallery = await openGallery(browser, { javaScriptEnabled: false });
  });
  afterAll(() => gallery.close());

  const visible = async (selector: string): Promise<string[]> => {
    const found = await gallery.page.locator(selector).all();
    const shown = await Promise.all(
      found.map(async (entry) => ((await entry.isVisible()) ? ((await entry.textContent()) ?? '').trim() : '')),
    );
    return shown.filter((text) => text !== '');
  };

  it('the state of a group and its switches follow its ticks', async () => {
    await gallery.show('consent/first');
    expect(await visible('.state > span')).toEqual(['2 of 3 on', '2 of 3 on', 'all 2 off']);
    await gallery.page.locator('#group-read summary').click();
    await gallery.page.getByRole('checkbox', { name: /^Search the web/ }).check();
    expect(await visible('.state > span')).toEqual(['all 3 on', '2 of 3 on', 'all 2 off']);
    expect(await gallery.page.getByRole('button', { name: /^Turn all on in “Read”/ }).isVisible()).toBe(false);
    expect(await gallery.page.getByRole('button', { name: /^Turn all off in “Read”/ }).isVisible()).toBe(true);
    await gallery.page.getByRole('checkbox', { name: /^List issues/ }).uncheck();
    expect(await visible('.state > span')).toEqual(['some of 3 on', '2 of 3 on', 'all 2 off']);
  });

  it('says so when nothing is ticked', async () => {
    await gallery.show('consent/nothing');
    expect(await visible('.worst > span')).toEqual(['Nothing is ticked, so it can do nothing. Tick at least one tool.']);
  });
});

describe('names, by which everything is found', () => {
  let gallery: Gallery;
  beforeAll(async () => {
    gallery = await openGallery(browser, {});
  });
  afterAll(() => gallery.close());

  it('sign in: "Email", "Password", "Sign in"', async () => {
    await gallery.show('login/agent');
    expect(await gallery.page.getByLabel('Email', { exact: true }).getAttribute('autocomplete')).toBe('username');
    expect(await gallery.page.getByLabel('Password', { exact: true }).getAttribute('type')).toBe('password');
    expect(await gallery.page.getByRole('button', { name: 'Sign in', exact: true }).count()).toBe(1);
  });

  it('consent: a heading with both names, a box per tool, "Allow until", "Allow", "Deny"', async () => {
    await gallery.show('consent/first');
    expect(await gallery.page.getByRole('heading', { level: 1 }).textContent()).toMatch(/Claude Code.*Acme Issues/);
    await openAllDetails(gallery.page);
    expect(await gallery.page.getByRole('checkbox', { name: /^(?:List issues|run_script)/ }).count()).toBe(2);
    expect(await gallery.page.getByLabel('Allow until', { exact: true }).inputValue()).toBe('30d');
    for (const name of ['Allow', 'Deny']) expect(await gallery.page.getByRole('button', { name, exact: true }).count()).toBe(1);
  });

  it('connected agents: the heading, and "Change" and "Revoke" in each entry', async () => {
    await gallery.show('account/connected');
    expect(await gallery.page.getByRole('heading', { level: 1, name: 'Connected agents' }).count()).toBe(1);
    const connections = gallery.page.locator('.connection').filter({ has: gallery.page.getByRole('heading', { level: 2 }) });
    for (const name of ['Change', 'Revoke']) expect(await connections.getByRole('link', { name, exact: true }).count()).toBe(2);
  });

  it('API keys: the heading, "New API key", "Replace" and "Revoke" in each entry; a form with "Name", "Works for", "Make key"', async () => {
    await gallery.show('account/connected');
    expect(await gallery.page.getByRole('heading', { level: 2, name: 'API keys' }).count()).toBe(1);
    expect(await gallery.page.getByRole('link', { name: 'New API key', exact: true }).count()).toBe(1);
    const keys = gallery.page.locator('.connection').filter({ has: gallery.page.getByRole('heading', { level: 3 }) });
    for (const name of ['Replace', 'Revoke']) expect(await keys.getByRole('link', { name, exact: true }).count()).toBe(3);
    await gallery.show('key-new/first');
    expect(await gallery.page.getByLabel('Name', { exact: true }).inputValue()).toBe('');
    expect(await gallery.page.getByLabel('Works for', { exact: true }).inputValue()).toBe('90d');
    expect(await gallery.page.getByRole('button', { name: 'Make key', exact: true }).count()).toBe(1);
    await openAllDetails(gallery.page);
    expect(await gallery.page.locator('input:checked').count()).toBe(0);
  });

  it('a new key is selected whole by one click', async () => {
    await gallery.show('key-told/made');
    await gallery.page.locator('#secret').click();
    const selected = await gallery.page.evaluate(() => String((globalThis as unknown as { getSelection(): unknown }).getSelection()));
    expect(selected.trim()).toMatch(/^tgk_\w{44}$/);
  });
});

describe('attack texts in a real browser', () => {
  it('ABUSE-6, ABUSE-73, ABUSE-89: markup and scripts in names are text; nothing runs, nothing is fetched', async () => {
    const gallery = await openGallery(browser, {});
    await gallery.show('consent/hostile');
    expect(await gallery.page.title()).not.toBe('owned');
    expect(await gallery.page.locator('main script, main img').count()).toBe(0);
    expect(await gallery.page.getByRole('heading', { level: 1 }).textContent()).toContain('<script>document.title="owned"</script>');
    await gallery.show('activity/hostile');
    expect(await gallery.page.title()).not.toBe('owned');
    expect(await gallery.page.locator('main script, main img').count()).toBe(0);
    expect(await gallery.page.locator('.deed').textContent()).toContain(
      '[U+001B][31m<script>document.title="owned"</script> [U+202E]gnp.exe',
    );
    await gallery.show('error/client');
    expect(await gallery.page.title()).not.toBe('owned');
    expect(gallery.complaints).toEqual([]);
    await gallery.close();
  });
});
