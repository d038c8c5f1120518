/** Documents of clients that change after people have decided about them. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { listAuditEvents } from '../../src/store/audit.ts';
import { query } from '../support/database-holder.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { connect, isActive, refresh } from '../support/oauth-client.ts';
import { Browser } from '../support/person.ts';
import { type AskingClient, publishClient, requestOf, visit } from '../support/published-client.ts';

let host: DocumentHost;
let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let time: MovedTime;

beforeAll(async () => {
  host = await startDocumentHost();
  issuer = await startIssuer({ strangers: host.fetch });
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(async () => {
  await issuer.stop();
  await host.close();
});
beforeEach(() => {
  time = moveTime();
});
afterEach(() => time.restore());

const publish = (members?: Record<string, unknown>, options?: { id?: string }) => publishClient(host, members, options);
const urlFor = (client: AskingClient) => requestOf(issuer, client, server);
const pageAt = (browser: Browser, client: AskingClient) => visit(browser, urlFor(client));

/** The first form of a page. */
function formOf(html: string): { fields: [string, string][]; action: string } {
  const [form = ''] = /<form[^>]*class="(?:decision|[^"]*)"?[^>]*>[\s\S]*?<\/form>/.exec(html) ?? [];
  const [, action = ''] = /action="([^"]*)"/.exec(form) ?? [];
  const fields = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
    ([, name = '', value = '']): [string, string] => [name, value],
  );
  return { fields, action };
}

describe('ABUSE-17: a document that changed', () => {
  it('is put before the person again, who sees what is different', async () => {
    const { client, change, name } = publish();
    const { browser } = await connect(issuer, { client, person, server });
    change({ client_name: 'Claude', redirect_uris: [client.redirectUri, 'https://evil.example/cb'] });
    time.forward(3_600);
    const page = await pageAt(browser, client);
    expect(page.status).toBe(200);
    expect(page.text).toContain('This agent has changed since you decided about it');
    expect(page.text).toContain(name);
    expect(page.text).toContain('evil.example');
    expect(page.text).not.toContain('Its keys');
    const decided = await connect(issuer, { client, person, server, browser });
    const after = await pageAt(decided.browser, client);
    expect(after.headers.location).toContain(`${client.redirectUri}?code=`);
  });

  it('is no reason to ask when nothing changed that people decide by', async () => {
    const { client, change } = publish();
    const { browser } = await connect(issuer, { client, person, server });
    change({ client_uri: 'https://elsewhere.example', post_logout_redirect_uris: ['https://elsewhere.example/bye'] });
    time.forward(3_600);
    expect((await pageAt(browser, client)).headers.location).toContain(`${client.redirectUri}?code=`);
    change({});
    time.forward(3_600);
    expect((await pageAt(browser, client)).headers.location).toContain(`${client.redirectUri}?code=`);
  });

  it('that changed back is what the person decided about', async () => {
    const { client, change } = publish();
    const { browser } = await connect(issuer, { client, person, server });
    change({ client_name: 'Other' });
    time.forward(3_600);
    expect((await pageAt(browser, client)).text).toContain('This agent has changed');
    change({});
    time.forward(3_600);
    expect((await pageAt(browser, client)).headers.location).toContain(`${client.redirectUri}?code=`);
  });

  it('while a consent page is open is shown before the answer counts', async () => {
    const { client, change } = publish();
    const browser = new Browser(issuer.origin);
    await connect(issuer, { client, person, server, browser });
    change({ client_name: 'Second' });
    time.forward(700);
    const page = await pageAt(browser, client);
    change({ client_name: 'Third' });
    time.forward(700);
    await new Browser(issuer.origin).get(urlFor(client));
    const { fields, action } = formOf(page.text);
    const answered = await browser.post(action, [...fields, ['do', 'allow']]);
    expect(answered.text).toContain('Third');
    expect(answered.headers.location).toBeUndefined();
  });

  it('leaves tokens that were issued and refreshes alone', async () => {
    const { client, change } = publish();
    const tokens = await connect(issuer, { client, person, server });
    change({ client_name: 'Other', redirect_uris: ['https://other.example/cb'] });
    time.forward(600);
    await new Browser(issuer.origin).get(urlFor(client));
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
  });

  it('is kept in versions: the newest, and those by which somebody decided', async () => {
    const { client, change } = publish();
    const versions = () =>
      query(issuer.database.ownerUrl, `SELECT version, name FROM client_versions WHERE client_id = '${client.clientId}' ORDER BY version`);
    await connect(issuer, { client, person, server });
    for (const name of ['Two', 'Three', 'Four']) {
      change({ client_name: name });
      time.forward(3_600);
      await new Browser(issuer.origin).get(urlFor(client));
    }
    expect(await versions()).toMatchObject([{ version: 1 }, { version: 4, name: 'Four' }]);
    const updates = await listAuditEvents(issuer.runtime.store, issuer.tenant.id, 500);
    expect(updates.filter(({ type, clientId }) => type === 'client.updated' && clientId === client.clientId)).toHaveLength(3);
  });

  it('to other redirect URIs stops what was under way', async () => {
    const { client, change } = publish();
    const browser = new Browser(issuer.origin);
    const page = await pageAt(browser, client);
    change({ redirect_uris: ['https://other.example/cb'] });
    time.forward(3_000);
    expect((await new Browser(issuer.origin).get(urlFor({ ...client, redirectUri: 'https://other.example/cb' }))).status).toBe(303);
    const { fields, action } = formOf(page.text);
    const answered = await browser.post(action, [...fields, ['email', person.email], ['password', person.password]]);
    expect(answered.status).toBe(400);
    expect(answered.headers.location).toBeUndefined();
  });
});
