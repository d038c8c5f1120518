import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { readAssets } from '../../src/http/documents/assets.ts';
import { setSecurityHeaders } from '../../src/http/security-headers.ts';
import type { ViewName } from '../../src/http/views/contexts.ts';
import { createRenderer } from '../../src/http/views/render.ts';
import { viewSamples } from '../unit/http/view-samples.ts';

/** Each sample of each view, as `view/sample`. */
export const samplePaths: readonly string[] = (Object.keys(viewSamples) as ViewName[]).flatMap((name) =>
  Object.keys(viewSamples[name]).map((sample) => `${name}/${sample}`),
);

/** A window in which samples can be looked at: rendered, styled, and under the headers of the product. */
export interface Gallery {
  page: Page;
  /** What the browser complained about: blocked styles, scripts, images, forms. */
  complaints: string[];
  show(samplePath: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens a gallery. Nothing leaves the browser: every request is answered here. */
export async function openGallery(browser: Browser, options: BrowserContextOptions): Promise<Gallery> {
  const render = createRenderer();
  const assets = readAssets();
  const headers = securityHeaders();
  const context = await browser.newContext({ viewport: { width: 900, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await context.route('**/*', (route) => {
    const { pathname } = new URL(route.request().url());
    const asset = assets.get(pathname.replace('/assets/', ''));
    if (asset) return route.fulfill({ body: asset.bytes, headers: { ...headers, 'Content-Type': asset.type } });
    const [, name = '', sample = ''] = pathname.split('/');
    const samples: Readonly<Record<string, never>> = viewSamples[name as ViewName] as never;
    const context = samples?.[sample];
    if (!context) return route.fulfill({ status: 404, body: '' });
    return route.fulfill({ body: render(name as ViewName, context), headers: { ...headers, 'Content-Type': 'text/html; charset=utf-8' } });
  });
  return {
    page,
    complaints,
    show: async (samplePath) => {
      await page.goto(`http://localhost:4000/${samplePath}`);
    },
    close: () => context.close(),
  };
}

/** The headers that the product sets, as it sets them. */
function securityHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => {
      headers[name] = value;
    },
  };
  setSecurityHeaders(response as unknown as ServerResponse, { isSecure: false });
  return headers;
}

const axeSource = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Everything that axe finds wrong with the page as it stands, WCAG 2.2 A and AA and good practice, or by some rules only: rule and element. */
export async function findAccessibilityProblems(page: Page, { rules }: { rules?: readonly string[] } = {}): Promise<string[]> {
  const isThere = await page.evaluate(() => 'axe' in globalThis);
  if (!isThere) await page.evaluate(await axeSource);
  return page.evaluate(async (runOnly) => {
    const { axe } = globalThis as unknown as {
      axe: { run(options: object): Promise<{ violations: { id: string; nodes: { target: unknown[]; failureSummary?: string }[] }[] }> };
    };
    const { violations } = await axe.run({ resultTypes: ['violations'], ...(runOnly && { runOnly }) });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')} ${failureSummary ?? ''}`),
    );
  }, rules);
}

/** What of the page lies outside its width. */
export function findOverflow(page: Page): Promise<number> {
  return page.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth);
}

/** Opens everything that is folded away, as a person would. */
export async function openAllDetails(page: Page): Promise<void> {
  const closed = page.locator('details:not([open]) > summary');
  while ((await closed.count()) > 0) await closed.first().click();
}
