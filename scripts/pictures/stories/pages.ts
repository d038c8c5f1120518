import type { BrowserContextOptions } from 'playwright-core';
import { openGallery } from '../../../test/browser/rendered-pages.ts';
import type { Studio } from '../studio.ts';

/** Pages with tools have the decision beside them where there is room. */
const wide = { viewport: { width: 1120, height: 600 } };

/** Which sample of which page, and in which light. */
const samples: Readonly<Record<string, { path: string; options?: BrowserContextOptions }>> = {
  consent: { path: 'consent/first', options: wide },
  'consent-dark': { path: 'consent/open', options: { ...wide, colorScheme: 'dark' } },
  'consent-policy': { path: 'consent/bounded', options: wide },
  activity: { path: 'activity/full' },
  account: { path: 'account/connected' },
  'sign-in': { path: 'login/agent' },
};

/** The samples of the views that the documentation shows. */
export async function pages(studio: Studio): Promise<void> {
  for (const [picture, { path, options }] of Object.entries(samples)) {
    const gallery = await openGallery(studio.browser, { viewport: { width: 860, height: 600 }, ...options });
    studio.after(() => gallery.close());
    await gallery.show(path);
    await studio.take(gallery.page, picture);
  }
}
