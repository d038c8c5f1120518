/** A person in a real browser, on the running issuer: sign-in, consent, what comes after. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorizationUrl, newPkce, redeem, registerTestClient, type TestClient } from '../support/oauth-client.ts';

let browser: Browser;
let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let agent: Server;
let callback: string;

beforeAll(async () => {
  browser = await launchBrowser();
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer([
    { ...toolNamed('list_issues'), title: 'List issues', description: 'Newest first.', annotations: { readOnlyHint: true } },
    { ...toolNamed('search_web', 'read', { openWorld: true }), annotations: { readOnlyHint: true, openWorldHint: true } },
    { ...toolNamed('get_issue'), title: 'Get issue', annotations: { readOnlyHint: true } },
    { ...toolNamed('create_issue', 'write'), title: 'Create issue', annotations: { destructiveHint: false } },
    { ...toolNamed('delete_issue', 'destructive'), annotations: { destructiveHint: true } },
  ]);
  agent = createServer((_, response) => response.end('<!doctype html><title>Agent</title><p>Back at the agent.'));
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  callback = `http://localhost:${(agent.address() as AddressInfo).port}/callback`;
});
afterAll(async () => {
  await browser.close();
  agent.closeAllConnections();
  await new Promise((resolve) => agent.close(resolve));
  await issuer.stop();
});

/** Registers an agent and returns where it sends the person. */
async function startAgent(options: { redirectUri?: string; name?: string; scope?: string; client?: TestClient } = {}) {
  const redirectUri = options.redirectUri ?? callback;
  const client =
    options.client ?? (await registerTestClient(issuer, { client_name: options.name ?? 'Claude Code', redirect_uris: [redirectUri] }));
  const { verifier, challenge } = newPkce();
  const url = authorizationUrl(issuer, client, {
    resource: server.resource,
    code_challenge: challenge,
    state: 'kept',
    scope: options.scope,
  });
  return { client, verifier, url };
}

async function signIn(page: Page, who: TestPerson = person): Promise<void> {
  await page.getByLabel('Email').fill(who.email);
  await page.getByLabel('Password').fill(who.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function scopeOf(agentState: { client: TestClient; verifier: string }, page: Page): Promise<string> {
  const code = new URL(page.url()).searchParams.get('code') ?? '';
  const response = await redeem(issuer, agentState.client, { code, verifier: agentState.verifier });
  return response.json<{ scope: string }>().scope;
}

const modes = [
  { mode: 'with script', javaScriptEnabled: true },
  { mode: 'without script', javaScriptEnabled: false },
];

describe.each(modes)('a person $mode', ({ javaScriptEnabled }) => {
  let context: BrowserContext;
  let page: Page;
  beforeEach(async () => {
    context = await browser.newContext({ javaScriptEnabled });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
  });
  afterEach(() => context.close());

  it('signs in, sees who asks for what, allows, and is back at the agent', async () => {
    const started = await startAgent();
    await page.goto(started.url);
    expect(await page.locator('main').textContent()).toContain('Claude Code asks for access to Tracker');
    await signIn(page);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Claude Code asks to use Tracker');
    expect(await page.locator('.parties').textContent()).toContain(new URL(callback).host);
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${callback}?**`);
    expect(await page.title()).toBe('Agent');
    expect(new URL(page.url()).searchParams.get('state')).toBe('kept');
    expect(await scopeOf(started, page)).toBe('tool:create_issue tool:get_issue tool:list_issues');
  });

  it('switches groups, ticks single tools, and allows exactly that', async () => {
    const started = await startAgent();
    await page.goto(started.url);
    await signIn(page);
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
    await page.waitForURL(`${callback}?**`);
    expect(await scopeOf(started, page)).toBe('tool:delete_issue tool:get_issue tool:search_web');
  });

  it('is told when nothing is ticked, and can go on from there', async () => {
    const started = await startAgent();
    await page.goto(started.url);
    await signIn(page);
    for (const name of ['Read', 'Change']) await page.getByRole('button', { name: new RegExp(`^Turn (?:all )?off in “${name}”`) }).click();
    await page.getByRole('button', { name: 'Allow' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('Nothing is ticked');
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.waitForURL(`${callback}?**`);
    expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
  });

  it('finds the agent under Connected agents, changes it, and revokes it', async () => {
    const started = await startAgent({ name: `Agent ${javaScriptEnabled}` });
    await page.goto(started.url);
    await signIn(page);
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${callback}?**`);
    await page.goto(`${issuer.url}/account`);
    const entry = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: `Agent ${javaScriptEnabled}` }) });
    await entry.getByRole('link', { name: 'Change' }).click();
    await page.getByRole('button', { name: /^Turn on in “Delete/ }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    expect(await page.getByRole('status').textContent()).toContain('Saved. It takes effect within 15 minutes.');
    expect(await entry.textContent()).toContain('Delete or overwrite 1');
    await entry.getByRole('link', { name: 'Revoke' }).click();
    expect(await page.locator('main').textContent()).toContain('It stops within 15 minutes');
    await page.getByRole('button', { name: 'Revoke' }).click();
    expect(await page.getByRole('status').textContent()).toContain('Revoked.');
    expect(await entry.count()).toBe(0);
  });

  it('comes back to the page she wanted after signing in', async () => {
    await page.goto(`${issuer.url}/account/password`);
    await signIn(page);
    expect(page.url()).toBe(`${issuer.url}/account/password`);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Change password');
  });

  it('signs out, and is signed out', async () => {
    await page.goto(`${issuer.url}/account`);
    await signIn(page);
    await page.getByRole('link', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('You are signed out');
    await page.goto(`${issuer.url}/account`);
    expect(await page.getByLabel('Password').isVisible()).toBe(true);
  });
});

describe('by keyboard alone', () => {
  it('a person signs in, unfolds a group, unticks a tool, and allows', async () => {
    const context = await browser.newContext({ viewport: { width: 900, height: 900 } });
    const page = await context.newPage();
    const started = await startAgent();
    await page.goto(started.url);
    const focused = () =>
      page.evaluate(() => {
        const { activeElement } = (
          globalThis as unknown as { document: { activeElement: { textContent: string; id: string; value?: string } } }
        ).document;
        return `${activeElement.id}|${activeElement.value ?? ''}|${activeElement.textContent.trim()}`;
      });
    const tabTo = async (wanted: RegExp) => {
      for (let presses = 0; presses < 60; presses += 1) {
        await page.keyboard.press('Tab');
        if (wanted.test(await focused())) return;
      }
      throw new Error(`${wanted} is out of reach`);
    };
    await tabTo(/^email\|/);
    await page.keyboard.type(person.email);
    await tabTo(/^password\|/);
    await page.keyboard.type(person.password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1:has-text("asks to use")');
    await tabTo(/Tool by tool in “Read”$/);
    await page.keyboard.press('Enter');
    await tabTo(/\|list_issues\|/);
    await page.keyboard.press('Space');
    await tabTo(/\|allow\|Allow$/);
    const bar = await page.locator('.bar').boundingBox();
    const allow = await page.getByRole('button', { name: 'Allow' }).boundingBox();
    expect(allow!.y).toBeGreaterThanOrEqual(bar!.y);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${callback}?**`);
    expect(await scopeOf(started, page)).toBe('tool:create_issue tool:get_issue');
    await context.close();
  });

  it('the Enter key in a field decides nothing', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const started = await startAgent();
    await page.goto(started.url);
    await signIn(page);
    await page.locator('#group-read summary').click();
    await page.getByRole('checkbox', { name: /^List issues/ }).focus();
    await page.keyboard.press('Enter');
    await page.waitForLoadState();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Claude Code asks to use Tracker');
    await context.close();
  });
});

describe('where Allow leads', () => {
  /** Presses Allow and says where the browser was about to go, and whether its policy stopped it. */
  async function pressAllow(redirectUri: string): Promise<{ reached: string[]; refusals: string[] }> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const reached: string[] = [];
    const refusals: string[] = [];
    // Playwright says nothing of navigations that leave for an app; the browser itself does.
    const devtools = await context.newCDPSession(page);
    await devtools.send('Network.enable');
    devtools.on('Network.requestWillBeSent', ({ request }) => {
      if (request.url.startsWith(redirectUri)) reached.push(request.url);
    });
    page.on('console', (message) => refusals.push(message.text()));
    await context.route('https://agent.example/**', (route) => route.fulfill({ body: 'Back at the agent.' }));
    const started = await startAgent({ redirectUri });
    await page.goto(started.url);
    await signIn(page);
    await page.getByRole('button', { name: 'Allow' }).click();
    await expectEventually(() => reached.length > 0 || refusals.length > 0);
    await page.waitForTimeout(200);
    await context.close();
    return { reached, refusals: refusals.filter((text) => text.includes('Content Security Policy')) };
  }

  async function expectEventually(holds: () => boolean): Promise<void> {
    for (let tries = 0; tries < 100 && !holds(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  it.each([
    ['a loopback program by name', () => callback],
    ['a loopback program by address', () => callback.replace('localhost', '127.0.0.1')],
    ['a web agent', () => 'https://agent.example/callback'],
    ['an app by its scheme', () => 'cursor://anysphere.cursor-retrieval/oauth/callback'],
  ])('ABUSE-37: reaches %s', async (_, redirectUri) => {
    const { reached, refusals } = await pressAllow(redirectUri());
    expect(refusals).toEqual([]);
    expect(reached).toHaveLength(1);
    expect(new URL(reached[0]!).searchParams.get('code')).toMatch(/^[\w-]+$/);
  });

  it('ABUSE-37: the policy names this redirect and no other', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const started = await startAgent({ redirectUri: 'https://agent.example/callback' });
    const response = await page.goto(started.url);
    expect(await response?.headerValue('content-security-policy')).toContain("form-action 'self' https://agent.example;");
    await signIn(page);
    await page.evaluate((target) => {
      const { document } = globalThis as unknown as { document: { querySelector(query: string): { action: string } } };
      document.querySelector('form.decision').action = target;
    }, callback);
    const refused = page.waitForEvent('console', (message) => message.text().includes('form-action'));
    await page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true });
    expect((await refused).text()).toContain(new URL(callback).origin);
    await context.close();
  });
});

describe('pages of others', () => {
  it('ABUSE-6: a client whose name is a script is shown as text on every page that names it', async () => {
    const name = '<script>document.title="owned"</script>';
    const context = await browser.newContext();
    const page = await context.newPage();
    const started = await startAgent({ name });
    await page.goto(started.url);
    const seen: string[] = [];
    const look = async () => {
      seen.push((await page.locator('main').textContent()) ?? '');
      expect(await page.title()).not.toBe('owned');
      expect(await page.locator('script').count()).toBe(0);
    };
    await look();
    await signIn(page);
    await look();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${callback}?**`);
    await page.goto(`${issuer.url}/account`);
    await look();
    const entry = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name }) });
    await entry.getByRole('link', { name: 'Revoke' }).click();
    await look();
    await page.goBack();
    await entry.getByRole('link', { name: 'Change' }).click();
    await look();
    await page.goto(started.url.replace('redirect_uri=', 'redirect_uri=x'));
    await look();
    for (const text of seen) expect(text).toContain(name);
    expect(seen).toHaveLength(6);
    await context.close();
  });

  it('ABUSE-37, ENG-24: no page can be framed, error pages included', async () => {
    const started = await startAgent();
    const { pathname } = new URL(started.url);
    const paths = [
      '/',
      '/account',
      '/widen',
      '/nothing',
      '/link/none',
      pathname,
      `${pathname}?client_id=none`,
      '/interaction/none',
      '/logout',
    ];
    const frames = createServer((_, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end(`<!doctype html>${paths.map((path) => `<iframe src="${issuer.url}${path}"></iframe>`).join('')}`);
    });
    await new Promise<void>((resolve) => frames.listen(0, '127.0.0.1', resolve));
    const context = await browser.newContext();
    const page = await context.newPage();
    const refusals: string[] = [];
    page.on('console', (message) => refusals.push(message.text()));
    await page.goto(`http://127.0.0.1:${(frames.address() as AddressInfo).port}/`);
    const inner = page.frames().filter((frame) => frame !== page.mainFrame());
    expect(inner).toHaveLength(paths.length);
    for (const frame of inner) expect(frame.url()).toBe('chrome-error://chromewebdata/');
    expect(refusals.filter((text) => text.includes('frame-ancestors'))).toHaveLength(paths.length);
    await context.close();
    frames.closeAllConnections();
    await new Promise((resolve) => frames.close(resolve));
  });

  it('ABUSE-31: a form on another site that posts to us is refused', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${issuer.url}/account`);
    await signIn(page);
    const other = createServer((_, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end(`<!doctype html><form method="post" action="${issuer.url}/account/sign-out"><button>Win a prize</button></form>`);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
    const answer = page.waitForResponse((response) => response.url() === `${issuer.url}/account/sign-out`);
    await page.getByRole('button').click();
    expect((await answer).status()).toBe(403);
    await page.goto(`${issuer.url}/account`);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Connected agents');
    await context.close();
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  });

  it('ABUSE-34: the address of a request opened in another browser is refused', async () => {
    const started = await startAgent();
    const first = await browser.newContext();
    const page = await first.newPage();
    await page.goto(started.url);
    const address = page.url();
    expect(address).toContain('/interaction/');
    const second = await browser.newContext();
    const elsewhere = await second.newPage();
    const response = await elsewhere.goto(address);
    expect(response?.status()).toBe(400);
    expect(await elsewhere.getByRole('heading', { level: 1 }).textContent()).toContain('belongs to another browser');
    await signIn(page);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Claude Code asks to use Tracker');
    await first.close();
    await second.close();
  });
});
