/** How far the name on the consent page can be trusted: what the page says, and who is asked again. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { unverifyClient, verifyClient } from '../../src/services/judge-client.ts';
import { countPeopleOfClient } from '../../src/store/client-consents.ts';
import { query } from '../support/database-holder.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { authorizationUrl, connect, newPkce, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { Browser, signInOn } from '../support/person.ts';

let host: DocumentHost;
let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

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

const operator = { actorType: 'operator' } as const;
type AskingClient = Pick<TestClient, 'clientId' | 'redirectUri'>;

function startOf(client: AskingClient): string {
  return authorizationUrl(issuer, client, { code_challenge: newPkce().challenge, resource: server.resource });
}

/** The top of the consent page, as text. */
async function topOf(client: AskingClient, who: TestPerson = person): Promise<string> {
  const browser = new Browser(issuer.origin);
  const page = await signInOn(browser, await browser.follow(await browser.get(startOf(client))), who);
  const [top = ''] = page.text.slice(page.text.indexOf('<h1>')).split('<form class="decision"');
  return top
    .replaceAll(/<svg[\s\S]*?<\/svg>/g, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ');
}

const register = (name: string, redirectUri: string) => registerTestClient(issuer, { client_name: name, redirect_uris: [redirectUri] });

describe('MCP-17: the consent page says who stands for the name', () => {
  it('of a client that registered itself: nobody; the host of the answer is named', async () => {
    const top = await topOf(await register('Acme Portal', 'https://portal.acme.example/cb'));
    expect(top).toContain('Who asks Acme Portal not verified');
    expect(top).toContain('Your answer goes to portal.acme.example');
    expect(top).not.toContain('Did you start this yourself');
    expect(top).not.toContain('may not be who it seems to be');
  });

  it('of one that was verified: whoever runs this site, and since when', async () => {
    const client = await register('Acme Portal', 'https://portal.acme.example/cb');
    await verifyClient(issuer.runtime, issuer.tenant, { clientId: client.clientId as ClientId, origin: operator });
    expect(await topOf(client)).toMatch(/Who asks Acme Portal checked by whoever runs this site, \d/);
  });

  it('warns of a name that is a famous one’s, and of one made to look like it; nothing of it is markup (ABUSE-6)', async () => {
    const top = await topOf(await register('Cl\u0430ude <b>', 'https://claude-ai.example/cb'));
    expect(top).toContain('This may not be who it seems to be. If you are not sure, press Deny. Its name is made to look like “Claude”');
    expect(top).toContain('It uses the name of Claude, which is at claude.ai. This one is at claude-ai.example.');
    expect(top).toContain('&lt;b&gt;');
    expect(await topOf(await register('Claude', 'https://claude.ai/api/mcp/auth_callback'))).not.toContain('may not be who');
  });

  it('warns of a client that uses the name of one that this tenant verified', async () => {
    const ours = await register('Payroll Helper', 'https://payroll.acme.example/cb');
    await verifyClient(issuer.runtime, issuer.tenant, { clientId: ours.clientId as ClientId, origin: operator });
    const top = await topOf(await register('Payroll Helper', 'https://evil.example/cb'));
    expect(top).toContain('It uses the name of Payroll Helper, which is at payroll.acme.example. This one is at evil.example.');
  });
});

describe('MCP-17: a client that is a document', () => {
  const clientId = 'https://claude.ai/oauth/mcp-client.json';
  const redirects = {
    own: 'https://claude.ai/api/mcp/auth_callback',
    loopback: 'http://localhost:53123/callback',
    elsewhere: 'https://callbacks.example/cb',
  };
  beforeAll(() => {
    const redirect_uris = Object.values(redirects);
    host.serve(clientId, { client_id: clientId, client_name: 'Claude', redirect_uris, token_endpoint_auth_method: 'none' });
  });

  it('is published by its host where the answer goes there too', async () => {
    const top = await topOf({ clientId, redirectUri: redirects.own });
    expect(top).toContain('Who asks Claude published by claude.ai');
    expect(top).toContain('Your answer goes to claude.ai');
    expect(top).not.toMatch(/not verified|may not be who it seems|Did you start this/);
  });

  it('ABUSE-18: a famous one with a loopback redirect is not verified; the page names the redirect host, and warns', async () => {
    const top = await topOf({ clientId, redirectUri: redirects.loopback });
    expect(top).toContain('Who asks Claude not verified ');
    expect(top).toContain(
      'Your answer goes to localhost:53123 — a program on this computer Its description is at claude.ai, but any program on this computer can use that description.',
    );
    expect(top).toContain('Did you start this yourself, just now? Any program on this computer can call itself');
    expect(top).not.toContain('published by');
  });

  it('with an answer at another host is not verified, and both hosts are named', async () => {
    const top = await topOf({ clientId, redirectUri: redirects.elsewhere });
    expect(top).toContain('but your answer goes to callbacks.example: neither vouches for the other.');
    expect(top).toContain('It uses the name of Claude, which is at claude.ai. This one is at callbacks.example.');
    expect(top).not.toContain('published by');
  });

  it('loses its verification when it says something else of itself', async () => {
    const id = 'https://agent.example/client.json';
    const serve = (client_name: string) =>
      host.serve(
        id,
        { client_id: id, client_name, redirect_uris: ['https://agent.example/cb'], token_endpoint_auth_method: 'none' },
        { 'Cache-Control': 'max-age=300' },
      );
    serve('Agent');
    const client = { clientId: id, redirectUri: 'https://agent.example/cb' };
    await topOf(client);
    await verifyClient(issuer.runtime, issuer.tenant, { clientId: id as ClientId, origin: operator });
    expect(await topOf(client)).toContain('checked by whoever runs this site');
    serve('Another agent');
    const time = moveTime();
    time.forward(2 * 86_400);
    try {
      const top = await topOf(client);
      expect(top).toContain('Another agent');
      expect(top).not.toContain('checked by whoever runs this site');
    } finally {
      time.restore();
    }
  });
});

describe('what is known here', () => {
  it('counts the people of this tenant who use it now, and says whether she did before', async () => {
    const client = await register('Counted', 'https://counted.example/cb');
    const people = [person, await issuer.addPerson(), await issuer.addPerson()];
    expect(await topOf(client)).toMatch(/First seen just now\. Nobody here uses it now\. You have not used it before\./);
    for (const [index, one] of people.entries()) {
      await connect(issuer, { client, person: one, server });
      expect(await topOf(client, people[2])).toContain(`${index === 0 ? '1 person here uses' : `${index + 1} people here use`} it.`);
    }
    expect(await topOf(client)).toMatch(/3 people here use it\. You used it before, first on \d/);
    await query(
      issuer.database.ownerUrl,
      `UPDATE consents SET ended_at = now() WHERE client_id = '${client.clientId}' AND user_id = '${person.userId}'`,
    );
    expect(await topOf(client)).toMatch(/2 people here use it\. You used it before/);
    const ended = `UPDATE consent_versions SET expires_at = now() WHERE consent_id IN (SELECT id FROM consents WHERE client_id = '${client.clientId}')`;
    await query(issuer.database.ownerUrl, ended);
    expect(await topOf(client)).toContain('Nobody here uses it now. You used it before');
  });

  it('does not count those of another tenant', async () => {
    const other = await issuer.addTenant('elsewhere');
    const client = await register('Shared', 'https://shared.example/cb');
    await connect(issuer, { client, person, server });
    const count = await countPeopleOfClient(issuer.runtime.store, other.tenant.id, {
      clientId: client.clientId as ClientId,
      now: new Date(),
    });
    expect(count).toEqual({ count: 0, isMore: false });
  });
});

describe('MCP-16: who goes on with what stands without being asked', () => {
  const isAsked = async (client: AskingClient, browser: Browser) =>
    (await browser.follow(await browser.get(startOf(client)))).status === 200;

  it('ABUSE-39: not one that registered itself, until it is verified, and not after that is taken back', async () => {
    const client = await register('Returning', 'https://returning.example/cb');
    const { browser } = await connect(issuer, { client, person, server });
    expect(await isAsked(client, browser)).toBe(true);
    const about = { clientId: client.clientId as ClientId, origin: operator };
    await verifyClient(issuer.runtime, issuer.tenant, about);
    expect(await isAsked(client, browser)).toBe(false);
    await unverifyClient(issuer.runtime, issuer.tenant, about);
    expect(await isAsked(client, browser)).toBe(true);
  });

  it('not where any program can take the answer, though it is verified', async () => {
    const client = await register('Verified CLI', 'http://127.0.0.1:9/callback');
    await verifyClient(issuer.runtime, issuer.tenant, { clientId: client.clientId as ClientId, origin: operator });
    const { browser } = await connect(issuer, { client, person, server });
    expect(await isAsked(client, browser)).toBe(true);
    expect(await topOf(client)).toMatch(/checked by whoever runs this site.*Did you start this yourself, just now\?/);
  });
});
