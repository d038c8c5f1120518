/** Clients that registered themselves go when they are not in use any more, and never before (MCP-33). */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { neverAllowedSeconds } from '../../src/domain/client-use.ts';
import type { ConsentId } from '../../src/domain/ids.ts';
import { createManualClient } from '../../src/services/create-client.ts';
import { endConsent } from '../../src/services/end-consent.ts';
import { reapBatch, reapClients } from '../../src/services/reap-clients.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { authorizationUrl, connect, newPkce, refresh, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { Browser, decide } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let time: MovedTime;

beforeAll(async () => {
  time = moveTime();
  issuer = await startIssuer({ lifetimes: { refreshTokenSeconds: 20 * 86_400, refreshTokenIdleSeconds: 10 * 86_400 } });
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(async () => {
  await issuer.stop();
  time.restore();
});

const day = 86_400;
const longest = 20 * day;

const reapAll = async () => {
  while ((await reapClients(issuer.runtime)) > 0);
};
const isThere = async ({ clientId }: Pick<TestClient, 'clientId'>) =>
  (await issuer.runtime.store.client.count({ where: { id: clientId } })) === 1;
const manage = ({ clientId, managementToken }: TestClient, method = 'GET') =>
  issuer.send({ method, path: `/register/${clientId}`, headers: { Authorization: `Bearer ${managementToken}` } });

/** What people allowed a client ends then, or never. */
const endsAt = ({ clientId }: TestClient, expiresAt: Date | null) =>
  issuer.runtime.store.consentVersion.updateMany({ where: { consent: { clientId } }, data: { expiresAt } });

/** Whether clients are there just before an instant and just after it. */
async function around(seconds: number, ...clients: TestClient[]): Promise<boolean[][]> {
  const seen: boolean[][] = [];
  for (const step of [seconds - 600, 1_200]) {
    time.forward(step);
    await reapAll();
    seen.push(await Promise.all(clients.map(isThere)));
  }
  return seen;
}

describe('a client that nobody ever allowed anything', () => {
  it('its day begins when it registers, by the clock of the issuer and not of the database', async () => {
    time.forward(3_600);
    const { clientId } = await registerTestClient(issuer);
    const { createdAt, reapAfter } = await issuer.runtime.store.client.findFirstOrThrow({ where: { id: clientId } });
    expect(reapAfter.getTime() - createdAt.getTime()).toBe(neverAllowedSeconds * 1_000);
  });

  it('goes after a day, identical ones among them; managing it is then as managing an unknown one', async () => {
    const same = { client_name: 'Same' };
    const [one, two] = [await registerTestClient(issuer, same), await registerTestClient(issuer, same)];
    expect(one.clientId).not.toBe(two.clientId);
    await connect(issuer, { client: two, person, server });
    expect(await around(neverAllowedSeconds, one, two)).toEqual([
      [true, true],
      [false, true],
    ]);
    const [gone, unknown] = [await manage(one), await manage({ ...one, clientId: 'cli_unknown' })];
    expect(gone.status).toBe(401);
    expect([gone.text, gone.headers['www-authenticate']]).toEqual([unknown.text, unknown.headers['www-authenticate']]);
    expect((await manage(two)).status).toBe(200);
    expect(await issuer.runtime.store.artifact.count({ where: { uid: one.clientId } })).toBe(0);
    const events = await listAuditEvents(issuer.runtime.store, issuer.tenant.id, 20);
    const removals = events.filter(({ type, clientId }) => type === 'client.removed' && clientId === one.clientId);
    expect(removals).toMatchObject([{ actorType: 'issuer', detail: { reason: 'never-allowed', consents: 0 } }]);
  });

  it('stays while a person is asked about it, though it is a day old; and goes when she turns away', async () => {
    const [answered, left] = [await registerTestClient(issuer), await registerTestClient(issuer)];
    time.forward(neverAllowedSeconds - 300);
    const open = async (client: TestClient) => {
      const { challenge } = newPkce();
      const url = authorizationUrl(issuer, client, { code_challenge: challenge, resource: server.resource, state: 's' });
      const browser = new Browser(issuer.origin);
      await browser.get(url);
      return { browser, url };
    };
    const pages = [await open(answered), await open(left)];
    time.forward(issuer.runtime.lifetimes.interactionSeconds - 60);
    await reapAll();
    expect([await isThere(answered), await isThere(left)]).toEqual([true, true]);
    const { browser, url } = pages[0] as Awaited<ReturnType<typeof open>>;
    const location = await decide(browser, url, { person });
    expect(location.searchParams.get('code')).toBeTruthy();
    time.forward(2 * 3_600);
    await reapAll();
    expect([await isThere(answered), await isThere(left)]).toEqual([true, false]);
  });

  it('that is being managed stays for as long as that may take', async () => {
    const client = await registerTestClient(issuer);
    time.forward(neverAllowedSeconds - 60);
    expect((await manage(client)).status).toBe(200);
    time.forward(1_200);
    await reapAll();
    expect(await isThere(client)).toBe(true);
    time.forward(2 * 3_600);
    await reapAll();
    expect(await isThere(client)).toBe(false);
  });
});

describe('a client that was allowed something', () => {
  it('goes as long after its last use as its longest refresh token lives, once nothing holds', async () => {
    const [used, ended] = [await registerTestClient(issuer), await registerTestClient(issuer)];
    const other = await issuer.addPerson();
    let { refresh_token: token } = await connect(issuer, { client: used, person: other, server });
    await endsAt(used, null);
    await connect(issuer, { client: ended, person: other, server });
    const consents = await issuer.runtime.store.consent.findMany({ where: { clientId: ended.clientId } });
    for (const { id } of consents) {
      await endConsent(issuer.runtime, issuer.tenant, {
        consentId: id as ConsentId,
        reason: 'ended-by-admin',
        origin: { actorType: 'operator' },
      });
    }
    expect(await around(longest, used, ended)).toEqual([
      [true, true],
      [true, false],
    ]);
    // A consent without an end holds, used or not.
    expect((await refresh(issuer, used, token)).json()).toMatchObject({ error: 'invalid_grant' });
    time.forward(10 * longest);
    await reapAll();
    expect(await isThere(used)).toBe(true);
    ({ refresh_token: token } = await connect(issuer, { client: used, person: other, server }));
    expect((await refresh(issuer, used, token)).status).toBe(200);
  });

  it('that is used goes on, however old it is; when it goes, its tokens are known to be over', async () => {
    const client = await registerTestClient(issuer);
    const other = await issuer.addPerson();
    let { refresh_token: token } = await connect(issuer, { client, person: other, server });
    for (let times = 0; times < 6; times += 1) {
      time.forward(3 * day);
      await reapAll();
      const answer = await refresh(issuer, client, token);
      expect(answer.status).toBe(200);
      token = String(answer.json().refresh_token);
    }
    const installations = await issuer.runtime.store.installation.findMany({ where: { consent: { clientId: client.clientId } } });
    await endsAt(client, new Date());
    expect(await around(longest, client)).toEqual([[true], [false]]);
    const entries = await issuer.runtime.store.statusEntry.findMany({
      where: { installationId: { in: installations.map(({ id }) => id) } },
    });
    expect(entries.filter(({ invalidAt }) => invalidAt === null)).toEqual([]);
    const [event] = (await listAuditEvents(issuer.runtime.store, issuer.tenant.id, 20)).filter(({ type }) => type === 'client.removed');
    expect(event).toMatchObject({ clientId: client.clientId, detail: { reason: 'unused', consents: 1 } });
    expect((await refresh(issuer, client, token)).status).toBe(401);
  });
});

it('a client made by hand stays, used or not', async () => {
  const made = await createManualClient(issuer.runtime, issuer.tenant, {
    request: { name: 'Console', redirectUris: ['https://console.example/cb'] },
    origin: { actorType: 'operator' },
  });
  if (!made.ok) throw new Error(made.problem.reason);
  time.forward(10 * longest);
  await reapAll();
  expect(await isThere({ clientId: made.client.id })).toBe(true);
});

describe('a backlog', () => {
  it('goes in batches, beside other processes, and what somebody holds is left for later', async () => {
    const createdAt = new Date(Date.now() - 2 * neverAllowedSeconds * 1_000);
    const { metadata } = await issuer.runtime.store.client.findFirstOrThrow();
    const ids = Array.from({ length: 2 * reapBatch + 50 }, (_, index) => `cli_old_${index}`);
    await issuer.runtime.store.client.createMany({
      data: ids.map((id) => ({ tenantId: 'root', id, kind: 'dynamic', metadata: metadata as object, createdAt, reapAfter: createdAt })),
    });
    const left = () => issuer.runtime.store.client.count({ where: { id: { in: ids } } });
    const holder = new Client({ connectionString: issuer.database.runtimeUrl });
    await holder.connect();
    try {
      await holder.query('BEGIN');
      // What allowing it something does.
      await holder.query(`SELECT 1 FROM clients WHERE id = 'cli_old_7' FOR KEY SHARE`);
      expect(await reapClients(issuer.runtime)).toBeLessThanOrEqual(reapBatch);
      const together = async () => {
        while ((await reapClients(issuer.runtime)) > 0);
      };
      await Promise.all([together(), together(), together()]);
      expect(await left()).toBe(1);
      await holder.query('COMMIT');
      await reapAll();
      expect(await left()).toBe(0);
    } finally {
      await holder.end();
    }
  });

  it('of clients in use is looked at once, and makes no token request wait', async () => {
    const client = await registerTestClient(issuer);
    const { refresh_token: token } = await connect(issuer, { client, person: await issuer.addPerson(), server });
    await issuer.runtime.store.client.updateMany({ where: { id: client.clientId }, data: { reapAfter: new Date(0) } });
    const [answer] = await Promise.all([refresh(issuer, client, token), reapAll(), reapAll()]);
    expect(answer.status).toBe(200);
    const { reapAfter } = await issuer.runtime.store.client.findFirstOrThrow({ where: { id: client.clientId } });
    expect(reapAfter.getTime()).toBeGreaterThan(Date.now() + longest * 1_000 - 60_000);
  });
});
