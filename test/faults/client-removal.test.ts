/** A client of more people than one transaction goes through is removed, and the work is interrupted between its batches. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { removalBatch } from '../../src/services/removal-batches.ts';
import { finishClientRemoval, removeClient } from '../../src/services/remove-client.ts';
import { listInvalidIndices } from '../../src/store/status.ts';
import { addBusyClient, type BusyClient, cleanUpUntil, countRows, killOnSecondBatch, otherPeople } from '../support/busy-client.ts';
import { problemOf, runCommand, settingsFor } from '../support/command.ts';
import { query } from '../support/database-holder.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorizationUrl, claimsOf, connect, isActive, newPkce, postForm, refresh, registerTestClient } from '../support/oauth-client.ts';
import { answerConsent, Browser, signInOn } from '../support/person.ts';
import { publishClient, requestOf, visit } from '../support/published-client.ts';

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
const busyClient = () => addBusyClient(issuer, { person, server });
const remove = (clientId: string) => removeClient(issuer.runtime, issuer.tenant, { clientId: clientId as ClientId, origin: operator });
const clients = ({ client }: BusyClient) => countRows(issuer, `clients WHERE id = '${client.clientId}'`);
const consents = ({ client }: BusyClient) => countRows(issuer, `consents WHERE client_id = '${client.clientId}'`);
const removals = () => countRows(issuer, 'clients WHERE removed_at IS NOT NULL');
const cleanUp = () => cleanUpUntil(issuer, async () => (await removals()) === 0);
const settings = () => ({ ...settingsFor(issuer.database), TOOLGRANT_SECRET: issuer.secret, TOOLGRANT_ISSUER: issuer.url });
const command = (...args: string[]) => runCommand(args, { env: settings() });
const startOf = (busy: BusyClient) =>
  authorizationUrl(issuer, busy.client, { code_challenge: newPkce().challenge, resource: server.resource });

/** The same question by the engine, which is asked where the server proves itself in the body. */
async function isActiveByPost(token: string): Promise<unknown> {
  const asked = { token, client_id: server.serverId, client_secret: server.credential };
  return (await postForm(issuer, '/introspect', asked)).json().active;
}

/** Whatever a client that was removed could do. None of its people's rows is looked at: it is gone to all of them alike. */
async function expectGone(busy: BusyClient): Promise<void> {
  const { client, tokens, consentId } = busy;
  expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
  expect(await isActiveByPost(tokens.access_token)).toBe(false);
  const refused = await refresh(issuer, client, tokens.refresh_token);
  expect([refused.status, refused.json().error]).toEqual([401, 'invalid_client']);
  const asked = await tokens.browser.get(startOf(busy));
  expect([asked.status, asked.headers.location]).toEqual([400, undefined]);
  expect(asked.text).toContain('This agent’s id is not accepted here');
  expect((await tokens.browser.get(`${issuer.url}/account`)).text).not.toContain(consentId);
  expect((await tokens.browser.get(`${issuer.url}/account/consents/${consentId}`)).status).toBe(404);
  const headers = { Authorization: `Bearer ${client.managementToken}` };
  expect((await issuer.send({ path: `/register/${client.clientId}`, headers })).status).toBe(401);
  expect(problemOf(await command('client', 'show', client.clientId, '--json')).code).toBe('unknown-client');
  expect((await command('client', 'list', '--json')).out).not.toContain(client.clientId);
}

/** The last person's index, which no batch has come to. */
async function isIndexPublishedInvalid({ tokens }: BusyClient): Promise<boolean> {
  const { status } = claimsOf(tokens.access_token) as { status?: { status_list: { idx: number } } };
  return (await listInvalidIndices(issuer.runtime.store, issuer.tenant.id, 0))?.includes(status?.status_list.idx ?? -1) ?? false;
}

/** Begins a removal that ends after its first batch. */
async function interrupt(busy: BusyClient): Promise<void> {
  expect(await remove(busy.client.clientId)).toEqual({ isChanged: true });
  expect(await consents(busy)).toBe(otherPeople + 1 - removalBatch);
}

describe('ABUSE-84: the removal of a client with many people', () => {
  it('ABUSE-81: counts from its first commit on, through kill -9 between its batches; clean-up does the rest', async () => {
    const busy = await busyClient();
    const { client } = busy;
    const killed = await killOnSecondBatch(issuer, { busy, args: ['client', 'remove', client.clientId], env: settings() });
    expect(killed.code).toBe('SIGKILL');
    await expectGone(busy);
    expect([await clients(busy), await consents(busy)]).toEqual([1, otherPeople + 1 - removalBatch]);
    expect(await isIndexPublishedInvalid(busy)).toBe(true);
    const events = await query(
      issuer.database.ownerUrl,
      `SELECT detail, actor_type FROM audit_events WHERE type = 'client.removed' AND client_id = '${client.clientId}'`,
    );
    expect(events).toEqual([{ actor_type: 'operator', detail: { client: client.clientId, consents: otherPeople + 1 } }]);

    await cleanUp();
    expect([await clients(busy), await consents(busy), await busy.untold()]).toEqual([0, 0, 0]);
    const ofThem = (table: string) => countRows(issuer, `${table} WHERE consent_id LIKE 'cns\\_0%'`);
    expect([await ofThem('installations'), await ofThem('consent_versions')]).toEqual([0, 0]);
    expect(await isIndexPublishedInvalid(busy)).toBe(true);
    await expectGone(busy);
  });

  it('is brought to its end by removing again', async () => {
    const busy = await busyClient();
    await interrupt(busy);
    const again = await command('client', 'remove', busy.client.clientId);
    expect([again.code, again.out]).toEqual([0, expect.stringContaining('is removed')]);
    expect([await clients(busy), await consents(busy), await busy.untold()]).toEqual([0, 0, 0]);
    expect(problemOf(await command('client', 'remove', busy.client.clientId, '--json')).code).toBe('unknown-client');
    expect(await countRows(issuer, `audit_events WHERE type = 'client.removed' AND client_id = '${busy.client.clientId}'`)).toBe(1);
  });

  it('MCP-28: by the client itself is answered after one batch, and once', async () => {
    const busy = await busyClient();
    const { client } = busy;
    const request = {
      method: 'DELETE',
      path: `/register/${client.clientId}`,
      headers: { Authorization: `Bearer ${client.managementToken}` },
    };
    const answers = await Promise.all([issuer.send(request), issuer.send(request)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401]);
    expect(await consents(busy)).toBeGreaterThan(0);
    await expectGone(busy);
    await cleanUp();
    expect([await clients(busy), await consents(busy), await busy.untold()]).toEqual([0, 0, 0]);
  });

  it('ABUSE-41: two who remove it at the same time, and clean-up beside them, remove it once', async () => {
    const busy = await busyClient();
    const { clientId } = busy.client;
    const key = { tenantId: issuer.tenant.id, clientId: clientId as ClientId };
    const finish = () => finishClientRemoval(issuer.runtime, key);
    const both = await Promise.all([remove(clientId), remove(clientId)]);
    expect(both.map((one) => one?.isChanged).sort()).toEqual([false, true]);
    await Promise.all([finish(), finish(), cleanUp()]);
    expect([await clients(busy), await consents(busy), await busy.untold()]).toEqual([0, 0, 0]);
    expect(await countRows(issuer, `audit_events WHERE type = 'client.removed' AND client_id = '${clientId}'`)).toBe(1);
  });

  it('ABUSE-32: whoever has its consent page open allows it nothing any more', async () => {
    const busy = await busyClient();
    const late = await issuer.addPerson();
    const browser = new Browser(issuer.origin);
    const page = await signInOn(browser, await browser.follow(await browser.get(startOf(busy))), late);
    await interrupt(busy);
    const answered = await answerConsent(browser, page, { tools: ['list_issues'] });
    expect([answered.status, answered.headers.location]).toEqual([400, undefined]);
    expect(await countRows(issuer, `consents WHERE user_id = '${late.userId}'`)).toBe(0);
    await cleanUp();
  });

  it('nobody can take back: verified, blocked, let in again, it is not there', async () => {
    const busy = await busyClient();
    await interrupt(busy);
    for (const judgement of ['verify', 'unverify', 'quarantine', 'block', 'unblock']) {
      expect(problemOf(await command('client', judgement, busy.client.clientId, '--json')).code).toBe('unknown-client');
    }
    await expectGone(busy);
    await cleanUp();
  });
});

describe('a client that is a document', () => {
  it('comes back as a new one, once all of the one before is gone; until then it is asked to wait', async () => {
    const { client } = publishClient(host);
    const tokens = await connect(issuer, { client, person, server });
    const begun = new Date();
    await issuer.runtime.store.client.updateMany({ where: { id: client.clientId }, data: { removedAt: begun, blockedAt: begun } });
    const page = await visit(new Browser(issuer.origin), requestOf(issuer, client, server));
    expect([page.status, page.headers['retry-after']]).toEqual([503, '60']);
    expect(page.text).toContain('This agent is just being removed here');
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    await cleanUp();
    const again = await connect(issuer, { client, person, server });
    expect(await isActive(issuer, server, again.access_token)).toBe(true);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect((await refresh(issuer, client, tokens.refresh_token)).json().error).toBe('invalid_grant');
  });
});

it('a client of few people leaves nothing behind, in one go', async () => {
  const client = await registerTestClient(issuer);
  const tokens = await connect(issuer, { client, person, server });
  expect(await remove(client.clientId)).toEqual({ isChanged: true });
  expect(await remove(client.clientId)).toBeUndefined();
  expect(await remove('no such\u0000client')).toBeUndefined();
  expect(await countRows(issuer, `clients WHERE id = '${client.clientId}'`)).toBe(0);
  expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
});
