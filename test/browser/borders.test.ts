/** The borders of pages in a real browser: where their forms may lead, who may frame them, who may post to them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createManualClient } from '../../src/services/create-client.ts';
import { type BrowserScene, openScene, type StartedAgent, serve } from './browser-scene.ts';

let scene: BrowserScene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

describe('where Allow leads', () => {
  /** Goes through a request and says where the browser was about to go in the end, and whether its policy stopped it. */
  async function goThrough(started: StartedAgent, { allow }: { allow: boolean }): Promise<{ reached: string[]; refusals: string[] }> {
    const { redirectUri } = started.client;
    const context = await scene.browser.newContext();
    const page = await context.newPage();
    const reached: string[] = [];
    const refusals: string[] = [];
    const ended = Promise.withResolvers<void>();
    // Playwright says nothing of navigations that leave for an app; the browser itself does.
    const devtools = await context.newCDPSession(page);
    await devtools.send('Network.enable');
    devtools.on('Network.requestWillBeSent', ({ request }) => {
      if (!request.url.startsWith(redirectUri)) return;
      reached.push(request.url);
      ended.resolve();
    });
    page.on('console', (message) => {
      if (!message.text().includes('Content Security Policy')) return;
      refusals.push(message.text());
      ended.resolve();
    });
    await page.goto(started.url);
    await scene.signIn(page);
    if (allow) await page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true });
    await ended.promise;
    await context.close();
    return { reached, refusals };
  }

  it.each([
    ['a loopback program by name', () => scene.callback],
    ['a loopback program by address', () => scene.callback.replace('localhost', '127.0.0.1')],
    ['a web agent', () => 'https://agent.example/callback'],
    ['an app by its scheme', () => 'cursor://anysphere.cursor-retrieval/oauth/callback'],
  ])('ABUSE-37: reaches %s', async (_, redirectUri) => {
    const { reached, refusals } = await goThrough(await scene.startAgent({ redirectUri: redirectUri() }), { allow: true });
    expect(refusals).toEqual([]);
    expect(reached).toHaveLength(1);
    expect(new URL(reached[0]!).searchParams.get('code')).toMatch(/^[\w-]+$/);
  });

  it('ABUSE-37: signing in leads straight back to a proven agent whose consent stands', async () => {
    const redirectUri = 'https://agent.example/callback';
    const made = await createManualClient(scene.issuer.runtime, scene.issuer.tenant, {
      request: { name: 'Office agent', redirectUris: [redirectUri], authMethod: 'none' },
      origin: { actorType: 'operator' },
    });
    if (!made.ok) throw new Error('no client');
    const client = { clientId: made.client.id, redirectUri, managementToken: '', registration: {} };
    for (const allow of [true, false]) {
      const { reached, refusals } = await goThrough(await scene.startAgent({ client }), { allow });
      expect([allow, refusals]).toEqual([allow, []]);
      expect(new URL(reached[0]!).searchParams.get('code')).toMatch(/^[\w-]+$/);
    }
  });

  it('ABUSE-37: the policy names this redirect and no other', async () => {
    const context = await scene.browser.newContext();
    const page = await context.newPage();
    const started = await scene.startAgent({ redirectUri: 'https://agent.example/callback' });
    const response = await page.goto(started.url);
    expect(await response?.headerValue('content-security-policy')).toContain("form-action 'self' https://agent.example;");
    await scene.signIn(page);
    await page.evaluate((target) => {
      const { document } = globalThis as unknown as { document: { querySelector(query: string): { action: string } } };
      document.querySelector('form.decision').action = target;
    }, scene.callback);
    const refused = page.waitForEvent('console', (message) => message.text().includes('form-action'));
    await page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true });
    expect((await refused).text()).toContain(new URL(scene.callback).origin);
    await context.close();
  });
});

describe('pages of others', () => {
  it('ABUSE-6: a client whose name is a script is shown as text on every page that names it', async () => {
    const name = '<script>document.title="owned"</script>';
    const context = await scene.browser.newContext();
    const page = await context.newPage();
    const started = await scene.startAgent({ name });
    await page.goto(started.url);
    const seen: string[] = [];
    const look = async () => {
      seen.push((await page.locator('main').textContent()) ?? '');
      expect(await page.title()).not.toBe('owned');
      expect(await page.locator('script').count()).toBe(0);
    };
    await look();
    await scene.signIn(page);
    await look();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${scene.callback}?**`);
    await page.goto(`${scene.issuer.url}/account`);
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
    const started = await scene.startAgent();
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
    const frames = await serve(`<!doctype html>${paths.map((path) => `<iframe src="${scene.issuer.url}${path}"></iframe>`).join('')}`);
    const context = await scene.browser.newContext();
    const page = await context.newPage();
    const refusals: string[] = [];
    page.on('console', (message) => refusals.push(message.text()));
    await page.goto(`http://127.0.0.1:${frames.port}/`);
    const inner = page.frames().filter((frame) => frame !== page.mainFrame());
    expect(inner).toHaveLength(paths.length);
    for (const frame of inner) expect(frame.url()).toBe('chrome-error://chromewebdata/');
    expect(refusals.filter((text) => text.includes('frame-ancestors'))).toHaveLength(paths.length);
    await context.close();
    await frames.close();
  });

  it('ABUSE-31: a form on another site that posts to us is refused', async () => {
    const context = await scene.browser.newContext();
    const page = await context.newPage();
    await page.goto(`${scene.issuer.url}/account`);
    await scene.signIn(page);
    const other = await serve(
      `<!doctype html><form method="post" action="${scene.issuer.url}/account/sign-out"><button>Win a prize</button></form>`,
    );
    await page.goto(`http://127.0.0.1:${other.port}/`);
    const answer = page.waitForResponse((response) => response.url() === `${scene.issuer.url}/account/sign-out`);
    await page.getByRole('button').click();
    expect((await answer).status()).toBe(403);
    await page.goto(`${scene.issuer.url}/account`);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Connected agents');
    await context.close();
    await other.close();
  });

  it('ABUSE-34: the address of a request opened in another browser is refused', async () => {
    const started = await scene.startAgent();
    const first = await scene.browser.newContext();
    const page = await first.newPage();
    await page.goto(started.url);
    const address = page.url();
    expect(address).toContain('/interaction/');
    const second = await scene.browser.newContext();
    const elsewhere = await second.newPage();
    const response = await elsewhere.goto(address);
    expect(response?.status()).toBe(400);
    expect(await elsewhere.getByRole('heading', { level: 1 }).textContent()).toContain('belongs to another browser');
    await scene.signIn(page);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Claude Code asks to use Tracker');
    await first.close();
    await second.close();
  });
});
