/** Reports of calls while the issuer is killed again and again: between its answer and the disk nothing gets lost, and nothing counts twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { openRuntime } from '../../src/compose/open-runtime.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { protect } from '../../src/resource-server/web.ts';
import { addPerson, addServer, type TestServer } from '../support/issuer.ts';
import { type LoadedIssuer, startLoadedIssuer } from '../support/loaded-issuer.ts';
import { connect, registerTestClient } from '../support/oauth-client.ts';
import { postReports, type ReportsAnswer, reportOf } from '../support/tool-reports.ts';

const seed = Math.floor(Math.random() * 2 ** 31);
const kills = 4;

let issuer: LoadedIssuer;
let server: TestServer;
let token: { access_token: string };

beforeAll(async () => {
  issuer = await startLoadedIssuer({ seed, actors: 0 });
  const { config, secrets } = loadConfig(issuer.settings);
  const { databaseUrl, keyEncryptionKey } = secrets;
  if (!databaseUrl || !keyEncryptionKey) throw new Error('database and key are among the settings');
  const log = createLogger({ level: 'silent' });
  const opened = await openRuntime({ config, secrets: { keyEncryptionKey }, databaseUrl: databaseUrl.reveal(), log }, 'stored');
  server = await addServer(opened.runtime, opened.tenant);
  const person = await addPerson(opened.runtime, opened.tenant);
  await opened.close();
  token = await connect(issuer.door, { client: await registerTestClient(issuer.door), person, server });
});
afterAll(() => issuer.stop());

async function query<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: issuer.database.ownerUrl });
  await client.connect();
  try {
    return (await client.query<Row>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

it(`ABUSE-75: through kill -9: N acknowledged are N events, and each call is counted once (seed ${seed})`, async () => {
  let isOver = false;
  let [sent, acknowledged, lost] = [0, 0, 0];

  // A server that sends each batch until it is acknowledged, and notes what it was told.
  const sendBatches = async (): Promise<void> => {
    while (!isOver) {
      const batch = Array.from({ length: 20 }, () => reportOf(token));
      sent += batch.length;
      for (;;) {
        const answer = await postReports(issuer.door, server, batch).catch(() => undefined);
        if (answer?.status === 200) {
          const { accepted, known, refused } = answer.json<ReportsAnswer>();
          expect([accepted + known, refused]).toEqual([batch.length, []]);
          acknowledged += accepted;
          lost += known;
          break;
        }
        if (answer) expect(answer.status).toBe(503);
        await sleep(20);
      }
    }
  };

  // The library, whose calls never wait for any of it.
  let calls = 0;
  const { serverId: id, credential: secret, resource } = server;
  const door = protect({ issuer: issuer.door.url, resource, credential: { id, secret } });
  const callTools = async (): Promise<void> => {
    const headers = { authorization: `Bearer ${token.access_token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list_issues' } });
    while (!isOver) {
      const answer = await door(new Request(resource, { method: 'POST', headers, body }), () =>
        Response.json({ jsonrpc: '2.0', id: 1, result: { content: [] } }),
      );
      const [status, text] = [answer.status, await answer.text()];
      // Where a start takes longer than a status list counts, tokens cannot be checked meanwhile.
      if (status === 503) expect(text).toContain('temporarily_unavailable');
      else expect([status, text]).toEqual([200, expect.stringContaining('result')]);
      if (status === 200) calls += 1;
      await sleep(5);
    }
  };

  const working = Promise.all([sendBatches(), sendBatches(), sendBatches(), callTools()]);
  for (let round = 0; round < kills; round += 1) {
    await sleep(200 + issuer.random() * 800);
    await issuer.killAndStart();
  }
  await sleep(300);
  isOver = true;
  await working;
  await door.verifier.reports.close();

  expect(calls).toBeGreaterThan(kills);
  expect(door.verifier.reports.stats()).toMatchObject({ queued: 0, delivered: calls, dropped: 0, refused: 0 });
  expect(acknowledged + lost).toBe(sent);
  const [trail] = await query<{ events: number; ids: number }>(
    `SELECT count(*)::int AS events, count(DISTINCT id)::int AS ids FROM audit_events WHERE type = 'tool.called'`,
  );
  expect(trail).toEqual({ events: sent + calls, ids: sent + calls });
  const [counted] = await query<{ calls: number }>('SELECT sum(calls)::int AS calls FROM tool_uses');
  expect(counted).toEqual({ calls: sent + calls });
  expect([...issuer.faults()]).toEqual([]);
});
