/** A client is blocked while it is used, and two other processes serve the same issuer. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { createVerifier } from '../../src/resource-server/index.ts';
import { blockClient, unblockClient } from '../../src/services/block-client.ts';
import { query } from '../support/database-holder.ts';
import { exchange } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { fetchFrom } from '../support/issuer-fetch.ts';
import { type IssuerProcess, startIssuerProcess } from '../support/issuer-process.ts';
import {
  authorizationUrl,
  authorize,
  connect,
  type IssuerDoor,
  isActive,
  newPkce,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
} from '../support/oauth-client.ts';
import { answerConsent, Browser, readForms, signInOn } from '../support/person.ts';

let issuer: TestIssuer;
let processes: IssuerProcess[];
let doors: IssuerDoor[];
let person: TestPerson;
let stranger: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  processes = [await startIssuerProcess(issuer), await startIssuerProcess(issuer)];
  doors = processes.map(({ origin }) => ({ url: issuer.url, origin, send: (request) => exchange(origin, request) }));
  person = await issuer.addPerson();
  stranger = await issuer.addPerson();
  server = await issuer.addServer();
}, 60_000);
afterAll(async () => {
  await Promise.all(processes.map((one) => one.stop()));
  await issuer.stop();
});

const operator = { actorType: 'operator' } as const;
const block = (client: TestClient) =>
  blockClient(issuer.runtime, issuer.tenant, { clientId: client.clientId as ClientId, origin: operator });
const unblock = (client: TestClient) =>
  unblockClient(issuer.runtime, issuer.tenant, { clientId: client.clientId as ClientId, origin: operator });
const startOf = (client: TestClient) =>
  authorizationUrl(issuer, client, { code_challenge: newPkce().challenge, resource: server.resource, state: 's' });
const doorAt = (index: number): IssuerDoor => doors[index % doors.length] as IssuerDoor;

describe('ABUSE-84: a client that is blocked', () => {
  it('is refused on every instance at once: tokens, codes, refreshes, requests', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connect(doorAt(0), { client, person, server });
    const unredeemed = await authorize(doorAt(1), { client, person, server });
    for (const door of doors) expect(await isActive(door, server, tokens.access_token)).toBe(true);

    expect(await block(client)).toEqual({ consents: 1, installations: 2, isChanged: true });
    for (const door of doors) {
      expect(await isActive(door, server, tokens.access_token)).toBe(false);
      for (const refused of [await refresh(door, client, tokens.refresh_token), await redeem(door, client, unredeemed)]) {
        expect([refused.status, refused.json()]).toEqual([400, expect.objectContaining({ error: 'invalid_grant' })]);
      }
      const page = await new Browser(door.origin).get(startOf(client));
      expect([page.status, page.headers.location]).toEqual([400, undefined]);
      expect(page.text).toContain('This agent’s id is not accepted here');
    }
    // Whoever allowed it something is told once she has signed in.
    const told = await tokens.browser.get(startOf(client));
    expect([told.status, told.headers.location]).toEqual([403, undefined]);
    expect(told.text).toContain('This agent is blocked here');
    for (const door of doors) {
      const other = new Browser(door.origin);
      await signInOn(other, await other.get(`${issuer.url}/account`), stranger);
      expect((await other.get(startOf(client))).text).toContain('This agent’s id is not accepted here');
    }
    const [event] = await query(issuer.database.ownerUrl, `SELECT * FROM audit_events WHERE type = 'client.blocked'`);
    expect(event).toMatchObject({
      client_id: client.clientId,
      actor_type: 'operator',
      outcome: 'success',
      detail: { consents: 1, installations: 2 },
    });
  });

  it('ABUSE-61: its tokens end at servers that check the status list, within the bound of the library', async () => {
    const client = await registerTestClient(issuer);
    const { access_token: token } = await connect(issuer, { client, person, server });
    let nowMs = Date.now();
    const verifier = createVerifier({
      issuer: issuer.url,
      resource: server.resource,
      fetch: fetchFrom(issuer),
      now: () => new Date(nowMs),
    });
    expect((await verifier.verify(`Bearer ${token}`)).allows('list_issues')).toBe(true);
    await block(client);
    nowMs += 12_000;
    // The issuer's own copy of the list is at most a second old.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await expect(verifier.verify(`Bearer ${token}`)).rejects.toMatchObject({ code: 'invalid_token', reason: 'revoked' });
  });

  it.each(['sign-in', 'consent'])('ABUSE-32: a request under way ends at a page: it waits for %s', async (step) => {
    const client = await registerTestClient(issuer);
    const browser = new Browser(issuer.origin);
    let page = await browser.follow(await browser.get(startOf(client)));
    if (step === 'consent') page = await signInOn(browser, page, person);
    await block(client);
    const [form] = readForms(page.text);
    const shown = await browser.get(form?.action ?? '');
    const ends = step === 'consent' ? [shown, await answerConsent(browser, page, {})] : [await signInOn(browser, page, person)];
    // Before sign-in the page says nothing of it.
    if (step === 'sign-in') expect([shown.status, shown.text.includes('blocked')]).toEqual([200, false]);
    for (const end of ends) {
      expect([end.status, end.headers.location]).toEqual([403, undefined]);
      expect(end.text).toContain('This agent is blocked here');
    }
    if (step === 'sign-in') return;
    const denied = await answerConsent(browser, page, { deny: true });
    expect([denied.status, denied.headers.location]).toEqual([400, undefined]);
  });

  it('ABUSE-11, ABUSE-64: manages its registration no more; a wrong token learns nothing of the block', async () => {
    const client = await registerTestClient(issuer);
    await block(client);
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const ask = (token: string) =>
        issuer.send({ method, path: `/register/${client.clientId}`, headers: { Authorization: `Bearer ${token}` } });
      expect((await ask(client.managementToken)).status).toBe(403);
      expect((await ask('wrong')).status).toBe(401);
    }
  });

  it('is let in again without anything that it had; people decide anew', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client, person, server });
    const unredeemed = await authorize(issuer, { client, person, server });
    await block(client);
    expect(await block(client)).toEqual({ consents: 0, installations: 0, isChanged: false });
    expect(await unblock(client)).toEqual({ isChanged: true });
    expect(await unblock(client)).toEqual({ isChanged: false });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    expect((await redeem(issuer, client, unredeemed)).json()).toMatchObject({ error: 'invalid_grant' });
    const again = await connect(issuer, { client, person, server });
    expect(await isActive(issuer, server, again.access_token)).toBe(true);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
  });

  it('ABUSE-41: no token that was issued while the block came outlives it', async () => {
    const client = await registerTestClient(issuer);
    const families = [];
    for (const door of [...doors, ...doors]) families.push(await connect(door, { client, person, server }));
    const refreshes = families.map(async (family, index) => {
      let current = family.refresh_token;
      const issued = [family.access_token];
      for (;;) {
        const response = await refresh(doorAt(index), client, current);
        if (response.status !== 200) return { issued, last: response };
        const next = response.json<{ access_token: string; refresh_token: string }>();
        issued.push(next.access_token);
        current = next.refresh_token;
      }
    });
    await block(client);
    for (const { issued, last } of await Promise.all(refreshes)) {
      expect([last.status, last.json()]).toEqual([400, expect.objectContaining({ error: 'invalid_grant' })]);
      for (const token of issued) expect(await isActive(doorAt(0), server, token)).toBe(false);
    }
  });
});
