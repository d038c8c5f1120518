import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** Where the documentation keeps its pictures. */
const imagesFolder = join(import.meta.dirname, '../../docs/images');

/** As wide as every picture, unless it says otherwise. */
const width = 860;

/** What happens in front of the camera: brings pages into a state worth showing, and takes the pictures of its list. */
export type Story = (studio: Studio) => Promise<void>;

/** A browser, a camera, and somebody who clears away. */
export interface Studio {
  browser: Browser;
  /** Opens a window of its own, signed in nowhere. */
  openWindow(options?: BrowserContextOptions): Promise<Page>;
  /** Takes the whole page as it stands; with `height`, what a window of so many pixels shows of it. */
  take(page: Page, picture: string, options?: { height?: number }): Promise<void>;
  /** Is done when the story is over, whatever came of it; what was begun last ends first. */
  after(end: () => Promise<void>): void;
}

/** Tells a story. Throws when it takes a picture that is not on its list, or leaves one out. */
export async function tell(story: Story, { browser, list }: { browser: Browser; list: readonly string[] }): Promise<void> {
  const ends: (() => Promise<void>)[] = [];
  const missing = new Set(list);
  const studio: Studio = {
    browser,
    after: (end) => void ends.unshift(end),
    openWindow: async (options = {}) => {
      const context = await browser.newContext({ viewport: { width, height: 600 }, ...options });
      studio.after(() => context.close());
      return context.newPage();
    },
    take: async (page, picture, { height } = {}) => {
      if (!missing.delete(picture)) throw new Error(`${picture} is not in list.ts, or was taken before`);
      await writePicture(page, { picture, height });
      process.stdout.write(`docs/images/${picture}.png\n`);
    },
  };
  try {
    await story(studio);
  } finally {
    for (const end of ends) await end();
  }
  if (missing.size > 0) throw new Error(`not taken: ${[...missing].join(', ')}`);
}

async function writePicture(page: Page, { picture, height }: { picture: string; height: number | undefined }): Promise<void> {
  const before = page.viewportSize() ?? { width, height: 600 };
  // The bar of a form sticks to the lower edge of the window: the window becomes as high as the page.
  const whole = height ?? (await page.locator('html').evaluate((html) => html.scrollHeight));
  await page.setViewportSize({ width: before.width, height: whole });
  const file = join(imagesFolder, `${picture}.png`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, await page.screenshot());
  await page.setViewportSize(before);
}
