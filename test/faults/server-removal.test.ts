/** A server of more people than one transaction goes through is removed, and the work is interrupted between its batches. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerId } from '../../src/domain/ids.ts';
import { addServer } from '../../src/services/add-server.ts';
import { prepareDemo } from '../../src/services/prepare-demo.ts';
import { removalBatch } from '../../src/services/removal-batches.ts';
import { finishServerRemoval, removeServer } from '../../src/services/remove-server.ts';
import { listInvalidIndices } from '../../src/store/status.ts';
import { addBusyClient, type BusyClient, cleanUpUntil, countRows, killOnSecondBatch } from '../support/busy-client.ts';
import { problemOf, runCommand, settingsFor } from '../support/command.ts';
import { query } from '../support/database-holder.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { askToken, makeApiKey, makeMachine, type TestApiKey, type TestMachine } from '../support/machine.ts';
import { authorizationUrl, basic, claimsOf, newPkce, postForm, refresh } from '../support/oauth-client.ts';
import { answerConsent, Browser, signInOn } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
});
afterAll(() => issuer.stop());

/** A server with many people, a machine client and an API key. */
interface BusyServer {
  server: TestServer;
  busy: BusyClient;
  /** How many consents there are for it. */
  people: number;
  machine: TestMachine;
  machineToken: string;
  key: TestApiKey;
}

const operator = { actorType: 'operator' } as const;

async function busyServer(): Promise<BusyServer> {
  const server = await issuer.addServer();
  const busy = await addBusyClient(issuer, { person, server });
  const assigned = { server, tools: ['list_issues'] };
  const machine = await makeMachine(issuer, { assigned });
  const machineToken = (await askToken(issuer, machine, { resource: server.resource })).json<{ access_token: string }>().access_token;
  const people = await countRows(issuer, `consents WHERE server_id = '${server.serverId}'`);
  return { server, busy, people, machine, machineToken, key: await makeApiKey(issuer, assigned) };
}

const remove = ({ server }: BusyServer) =>
  removeServer(issuer.runtime, issuer.tenant, { serverId: server.serverId as ServerId, origin: operator });
const servers = ({ server }: BusyServer) => countRows(issuer, `servers WHERE id = '${server.serverId}'`);
const consents = ({ server }: BusyServer) => countRows(issuer, `consents WHERE server_id = '${server.serverId}'`);
const removals = () => countRows(issuer, 'servers WHERE removed_at IS NOT NULL');
const cleanUp = () => cleanUpUntil(issuer, async () => (await removals()) === 0);
const settings = () => ({ ...settingsFor(issuer.database), TOOLGRANT_SECRET: issuer.secret, TOOLGRANT_ISSUER: issuer.url });
const command = (...args: string[]) => runCommand(args, { env: settings() });
const startOf = ({ busy, server }: BusyServer) =>
  authorizationUrl(issuer, busy.client, { code_challenge: newPkce().challenge, resource: server.resource });

/** Whatever is a way to a server that was removed. None of its people's rows is looked at: it is gone to all of them alike. */
async function expectGone(gone: BusyServer): Promise<void> {
  const { server, busy, machine, key } = gone;
  const { client, tokens, consentId } = busy;
  for (const asked of [tokens.access_token, key.secret]) {
    const byBasic = await postForm(issuer, '/introspect', { token: asked }, basic(server.serverId, server.credential));
    const byPost = await postForm(issuer, '/introspect', { token: asked, client_id: server.serverId, client_secret: server.credential });
    expect([byBasic.status, byPost.status]).toEqual([401, 401]);
  }
  const refused = await refresh(issuer, client, tokens.refresh_token);
  expect([refused.status, refused.json().error]).toEqual([400, 'invalid_grant']);
  const ofMachine = await askToken(issuer, machine, { resource: server.resource });
  expect([ofMachine.status, ofMachine.json().error]).toEqual([400, 'invalid_target']);
  const asked = await tokens.browser.get(startOf(gone));
  expect(asked.headers.location ?? asked.text).toMatch(/invalid_target/);
  expect((await tokens.browser.get(`${issuer.url}/account`)).text).not.toContain(consentId);
  expect((await tokens.browser.get(`${issuer.url}/account/consents/${consentId}`)).status).toBe(404);
  expect((await command('server', 'list', '--json')).out).not.toContain(server.serverId);
  for (const what of ['sync', 'credential', 'tool']) {
    expect(problemOf(await command('server', what, server.serverId, '--json')).code).toBe('unknown-server');
  }
}

/** Those of the last person, whom no batch has come to, and of the machine. */
async function areIndicesPublishedInvalid({ busy, machineToken }: BusyServer): Promise<boolean> {
  const invalid = await listInvalidIndices(issuer.runtime.store, issuer.tenant.id, 0);
  return [busy.tokens.access_token, machineToken].every((token) => {
    const { status } = claimsOf(token) as { status?: { status_list: { idx: number } } };
    return invalid?.includes(status?.status_list.idx ?? -1) ?? false;
  });
}

/** Begins a removal that ends after its first batch. */
async function interrupt(busy: BusyServer): Promise<void> {
  expect(await remove(busy)).toEqual({ ok: true, consents: busy.people });
  expect(await consents(busy)).toBe(busy.people - removalBatch);
}

const eventsOf = ({ server }: BusyServer) =>
  query(
    issuer.database.ownerUrl,
    `SELECT detail, actor_type FROM audit_events WHERE type = 'server.removed' AND server_id = '${server.serverId}'`,
  );

describe('ABUSE-84: the removal of a server with many people', () => {
  it('ABUSE-81: counts from its first commit on, through kill -9 between its batches; clean-up does the rest', async () => {
    const gone = await busyServer();
    const { server, busy } = gone;
    expect(await areIndicesPublishedInvalid(gone)).toBe(false);
    const killed = await killOnSecondBatch(issuer, { busy, args: ['server', 'remove', server.resource], env: settings() });
    expect(killed.code).toBe('SIGKILL');
    await expectGone(gone);
    expect([await servers(gone), await consents(gone)]).toEqual([1, gone.people - removalBatch]);
    expect(await areIndicesPublishedInvalid(gone)).toBe(true);
    const detail = { name: 'Tracker', resource: server.resource, consents: gone.people };
    expect(await eventsOf(gone)).toEqual([{ actor_type: 'operator', detail }]);

    await cleanUp();
    expect([await servers(gone), await consents(gone), await busy.untold()]).toEqual([0, 0, 0]);
    const ofThem = (table: string) => countRows(issuer, `${table} WHERE consent_id LIKE 'cns\\_0%'`);
    expect([await ofThem('installations'), await ofThem('consent_versions')]).toEqual([0, 0]);
    expect(await areIndicesPublishedInvalid(gone)).toBe(true);
    await expectGone(gone);
  });

  it('is brought to its end by removing again, by its id or its URL; until then its URL is not free', async () => {
    for (const named of ['serverId', 'resource'] as const) {
      const gone = await busyServer();
      await interrupt(gone);
      const { server } = gone;
      const added = await command('server', 'add', server.resource, '--name', 'Again', '--no-sync', '--json');
      expect(problemOf(added)).toMatchObject({ code: 'being-removed', message: expect.stringContaining('server remove') });
      const again = await command('server', 'remove', server[named]);
      expect([again.code, again.out]).toEqual([0, expect.stringContaining('is removed')]);
      expect([await servers(gone), await consents(gone), await gone.busy.untold()]).toEqual([0, 0, 0]);
      expect(problemOf(await command('server', 'remove', server[named], '--json')).code).toBe('unknown-server');
      expect(await eventsOf(gone)).toHaveLength(1);
    }
  });

  it('ABUSE-61: what comes back at its URL is another server: no token of the one before counts there', async () => {
    const gone = await busyServer();
    await interrupt(gone);
    await cleanUp();
    const request = { resource: gone.server.resource, name: 'Another', origin: operator };
    const added = await addServer(issuer.runtime, issuer.tenant, request);
    if (!added.ok) throw new Error(added.problem.kind);
    const by = basic(added.server.id, added.credential);
    for (const token of [gone.busy.tokens.access_token, gone.machineToken, gone.key.secret]) {
      expect((await postForm(issuer, '/introspect', { token }, by)).json()).toEqual({ active: false });
    }
    expect((await refresh(issuer, gone.busy.client, gone.busy.tokens.refresh_token)).json().error).toBe('invalid_grant');
  });

  it('ABUSE-41: two who remove it at the same time, and clean-up beside them, remove it once', async () => {
    const gone = await busyServer();
    const key = { tenantId: issuer.tenant.id, serverId: gone.server.serverId as ServerId };
    const finish = () => finishServerRemoval(issuer.runtime, key);
    expect((await Promise.all([remove(gone), remove(gone)])).map(({ ok }) => ok)).toEqual([true, true]);
    await Promise.all([finish(), finish(), cleanUp()]);
    expect([await servers(gone), await consents(gone), await gone.busy.untold()]).toEqual([0, 0, 0]);
    expect(await eventsOf(gone)).toHaveLength(1);
  });

  it('ABUSE-32: whoever has its consent page open, or that of a change, allows nothing for it any more', async () => {
    const gone = await busyServer();
    const late = await issuer.addPerson();
    const browser = new Browser(issuer.origin);
    const page = await signInOn(browser, await browser.follow(await browser.get(startOf(gone))), late);
    const own = gone.busy.tokens.browser;
    const change = await own.get(`${issuer.url}/account/consents/${gone.busy.consentId}`);
    expect(change.status).toBe(200);
    await interrupt(gone);
    const answered = await answerConsent(browser, page, { tools: ['list_issues'] });
    expect(answered.headers.location ?? answered.text).not.toMatch(/[?&]code=/);
    expect(await countRows(issuer, `consents WHERE user_id = '${late.userId}'`)).toBe(0);
    const changed = await answerConsent(own, change, { tools: ['list_issues'] });
    expect(changed.status).toBe(404);
    expect(await countRows(issuer, `consent_versions WHERE consent_id = '${gone.busy.consentId}'`)).toBe(1);
    await cleanUp();
  });

  it('a demo whose server is on its way out waits for that, and makes a new one', async () => {
    const gone = await busyServer();
    await interrupt(gone);
    const made = await prepareDemo(issuer.runtime, issuer.tenant, { resource: gone.server.resource, serverName: 'Demo' });
    expect(made.serverId).not.toBe(gone.server.serverId);
    expect([await servers(gone), await consents(gone)]).toEqual([0, 0]);
  });
});

it('a server of few people leaves nothing behind, in one go', async () => {
  const server = await issuer.addServer();
  const removal = { serverId: server.serverId as ServerId, origin: operator };
  expect(await removeServer(issuer.runtime, issuer.tenant, removal)).toEqual({ ok: true, consents: 0 });
  expect(await removeServer(issuer.runtime, issuer.tenant, removal)).toEqual({ ok: false, problem: 'unknown-server' });
  expect(await countRows(issuer, `servers WHERE id = '${server.serverId}'`)).toBe(0);
});
