import type { Browser, Locator, Page } from 'playwright-core';

/** A checkbox of a consent page, as the person meets it. */
export interface TickedTool {
  /** The accessible name. */
  readonly name: string;
  readonly ticked: boolean;
  /** What the page says about it. */
  readonly description: string;
}

/** What a person does on a consent page; tools are named by the start of the checkbox's accessible name. */
export interface Decision {
  readonly tick?: readonly string[];
  readonly untick?: readonly string[];
}

/**
 * A person with a browser of her own. She finds everything by the accessible names that the pages promise, and presses what she
 * sees; cookies stay until `close`.
 */
export interface Person {
  readonly page: Page;
  open(url: URL | string): Promise<void>;
  /** Fills in the login page, where that is what she sees, and waits for what comes after it. */
  signIn(): Promise<void>;
  /** All tools on the page, groups opened first. */
  seeTools(): Promise<TickedTool[]>;
  change(decision: Decision): Promise<void>;
  /** Chooses an end by the start of its words. */
  allowUntil(words: string): Promise<void>;
  /** Presses a button, and waits for the page that follows. */
  press(name: string): Promise<void>;
  /** Follows a link of one entry of "Connected agents". */
  follow(link: 'Change' | 'Revoke', agentName: string): Promise<void>;
  heading(): Promise<string>;
  close(): Promise<void>;
}

/** Opens a browser context for a person. */
export async function createPerson(browser: Browser, account: { email: string; password: string }): Promise<Person> {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const box = (name: string): Locator => page.getByRole('checkbox', { name: startingWith(name) });
  return {
    page,
    async open(url) {
      await page.goto(String(url));
    },
    async signIn() {
      if (!(await page.getByLabel('Password').isVisible())) return;
      await page.getByLabel('Email').fill(account.email);
      await page.getByLabel('Password').fill(account.password);
      await leaveBy(page, page.getByRole('button', { name: 'Sign in' }));
    },
    async seeTools() {
      await openGroups(page);
      const boxes = await page.getByRole('listitem').getByRole('checkbox').all();
      return Promise.all(boxes.map((locator) => look(page, locator)));
    },
    async change({ tick = [], untick = [] }) {
      await openGroups(page);
      for (const name of tick) await box(name).check();
      for (const name of untick) await box(name).uncheck();
    },
    async allowUntil(words) {
      const option = page.getByRole('option').filter({ hasText: words });
      await page.getByLabel('Allow until').selectOption(await option.getAttribute('value'));
    },
    press: (name) => leaveBy(page, page.getByRole('button', { name, exact: true })),
    async follow(link, agentName) {
      const entry = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: agentName }) });
      await leaveBy(page, entry.getByRole('link', { name: link }));
    },
    heading: () => textOf(page.getByRole('heading', { level: 1 })),
    close: () => context.close(),
  };
}

function startingWith(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)}`);
}

/** A click that ends in another document, be it the same address again. */
async function leaveBy(page: Page, target: Locator): Promise<void> {
  await Promise.all([page.waitForEvent('load'), target.click()]);
}

async function openGroups(page: Page): Promise<void> {
  const closed = page.locator('details:not([open]) > summary');
  while ((await closed.count()) > 0) await closed.first().click();
}

async function look(page: Page, checkbox: Locator): Promise<TickedTool> {
  const describedBy = (await checkbox.getAttribute('aria-describedby')) ?? '';
  const id = (await checkbox.getAttribute('id')) ?? '';
  const [name, ticked, description] = await Promise.all([
    textOf(page.locator(`label[for="${id}"]`)),
    checkbox.isChecked(),
    textOf(page.locator(`[id="${describedBy}"]`)),
  ]);
  return { name, ticked, description };
}

async function textOf(locator: Locator): Promise<string> {
  return ((await locator.textContent()) ?? '').replaceAll(/\s+/g, ' ').trim();
}
