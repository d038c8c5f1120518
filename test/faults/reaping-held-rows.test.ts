/** A reaper that must wait for a row that somebody holds stops nobody, and goes on when it is let go. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { neverAllowedSeconds } from '../../src/domain/client-use.ts';
import { managementTokenModel } from '../../src/services/client-credentials.ts';
import { reapClients } from '../../src/services/reap-clients.ts';
import { query } from '../support/database-holder.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorize, connect, redeem, refresh, registerTestClient, type TestClient } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(() => issuer.stop());

const isThere = async ({ clientId }: TestClient) => (await issuer.runtime.store.client.count({ where: { id: clientId } })) === 1;

/** A client that nobody ever allowed anything, due to go. */
async function registerDue(): Promise<TestClient> {
  const client = await registerTestClient(issuer);
  const long = new Date(Date.now() - 2 * neverAllowedSeconds * 1_000);
  await issuer.runtime.store.client.updateMany({ where: { id: client.clientId }, data: { createdAt: long, reapAfter: long } });
  return client;
}

/** How many sessions wait for a lock. */
const waiting = async () => {
  const rows = await query(
    issuer.database.runtimeUrl,
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows.length;
};

/** One round of the reaper; one that waited as long as statements may wait for a lock has done nothing, and comes again. */
const reap = () =>
  reapClients(issuer.runtime).catch((error: unknown) => {
    if (String(error).includes('lock timeout')) return 0;
    throw error;
  });

/** What people and clients do meanwhile. */
async function everythingGoesOn(living: TestClient, token: string): Promise<void> {
  expect((await refresh(issuer, living, token)).status).toBe(200);
  const authorized = await authorize(issuer, { client: living, person, server });
  expect((await redeem(issuer, living, authorized)).status).toBe(200);
  const fresh = await registerTestClient(issuer);
  await connect(issuer, { client: fresh, person, server });
}

it('MCP-33, ABUSE-84: waits for a management token; refreshes, authorizations and registrations do not', async () => {
  const [due, other, living] = [await registerDue(), await registerDue(), await registerTestClient(issuer)];
  const { refresh_token: token } = await connect(issuer, { client: living, person, server });
  const holder = new Client({ connectionString: issuer.database.runtimeUrl });
  await holder.connect();
  try {
    await holder.query('BEGIN');
    const held = await holder.query('SELECT 1 FROM artifacts WHERE model = $1 AND uid = $2 FOR UPDATE', [
      managementTokenModel,
      due.clientId,
    ]);
    expect(held.rowCount).toBe(1);
    const reaping = reap();
    while ((await waiting()) === 0) await sleep(20);
    // Another process's reaper passes over what this one has in hand.
    expect(await reap()).toBe(0);
    await everythingGoesOn(living, token);
    expect([await isThere(due), await isThere(other)]).toEqual([true, true]);
    await holder.query('COMMIT');
    await reaping;
    await reap();
    expect([await isThere(due), await isThere(other), await isThere(living)]).toEqual([false, false, true]);
  } finally {
    await holder.end();
  }
});

it('MCP-33: passes over a client whose row is held, and takes it when it is free', async () => {
  const [due, other, living] = [await registerDue(), await registerDue(), await registerTestClient(issuer)];
  const { refresh_token: token } = await connect(issuer, { client: living, person, server });
  const holder = new Client({ connectionString: issuer.database.runtimeUrl });
  await holder.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM clients WHERE id = $1 FOR UPDATE', [due.clientId]);
    expect(await reapClients(issuer.runtime)).toBe(1);
    expect([await isThere(due), await isThere(other)]).toEqual([true, false]);
    await everythingGoesOn(living, token);
    await holder.query('COMMIT');
    expect(await reapClients(issuer.runtime)).toBe(1);
    expect(await isThere(due)).toBe(false);
  } finally {
    await holder.end();
  }
});
