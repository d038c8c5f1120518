import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import type { TestDatabase } from '../support/database.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../support/database-proxy.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  authorize,
  basic,
  connect,
  isActive,
  newPkce,
  postForm,
  postJson,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { Browser } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;
let proxy: DatabaseProxy;

beforeAll(async () => {
  const wayToDatabase = async (url: string) => {
    proxy = await startDatabaseProxy(url);
    return proxy.url;
  };
  issuer = await startIssuer({ wayToDatabase });
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(async () => {
  await issuer.stop();
  await proxy.stop();
});

/** Runs something while a table cannot be used: another session renamed it. */
async function withoutTable<T>({ ownerUrl }: TestDatabase, table: string, work: () => Promise<T>): Promise<T> {
  const owner = new Client({ connectionString: ownerUrl });
  await owner.connect();
  try {
    await owner.query(`ALTER TABLE ${table} RENAME TO ${table}_away`);
    return await work();
  } finally {
    await owner.query(`ALTER TABLE ${table}_away RENAME TO ${table}`);
    await owner.end();
  }
}

describe('the infrastructure rule', () => {
  it('a database that is away is 503 with Retry-After, never a verdict on credentials; keys and metadata go on', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const authorized = await authorize(issuer, { client, person, server });
    proxy.cut();
    const answers = [
      await refresh(issuer, client, tokens.refresh_token),
      await redeem(issuer, client, authorized),
      await postForm(issuer, '/introspect', { token: tokens.access_token }, basic(server.serverId, server.credential)),
      await postForm(issuer, '/revoke', { token: tokens.refresh_token, client_id: client.clientId }),
      await postJson(issuer, '/register', { redirect_uris: ['https://app.example/cb'] }),
      await new Browser(issuer.origin).get(
        authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge }),
      ),
      await issuer.send({ path: '/jwks' }),
      await issuer.send({ path: '/.well-known/oauth-authorization-server' }),
    ];
    await proxy.restore();
    const [jwks, metadata] = answers.splice(-2);
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.text).not.toMatch(/invalid_|"active"|prisma|postgres|ECONN/i);
    }
    expect([jwks?.status, metadata?.status]).toEqual([200, 200]);
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
    expect((await redeem(issuer, client, authorized)).status).toBe(200);
  });

  it('ENG-4: a failure after a code or refresh token was consumed leaves it good', async () => {
    for (const table of ['status_entries', 'audit_events', 'consents']) {
      const tokens = await connect(issuer, { client, person, server });
      await connect(issuer, { client, person, server, decision: { tools: ['list_issues'] } });
      const authorized = await authorize(issuer, { client, person, server });
      const [code, token] = await withoutTable(issuer.database, table, async () => [
        await redeem(issuer, client, authorized),
        await refresh(issuer, client, tokens.refresh_token),
      ]);
      for (const answer of [code, token]) {
        expect(answer?.status).toBeGreaterThanOrEqual(500);
        expect(answer?.text).not.toMatch(/invalid_|prisma|relation/i);
      }
      expect((await redeem(issuer, client, authorized)).status).toBe(200);
      expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
    }
  });

  it('ENG-4, ENG-25: a revocation that cannot be recorded is not answered as done', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    const last = (await refresh(issuer, client, next.refresh_token)).json<Tokens>();
    const [reuse, revoked] = await withoutTable(issuer.database, 'audit_events', async () => [
      await refresh(issuer, client, tokens.refresh_token),
      await postForm(issuer, '/revoke', { token: last.refresh_token, client_id: client.clientId }),
    ]);
    expect(reuse?.status).toBeGreaterThanOrEqual(500);
    expect(revoked?.status).toBeGreaterThanOrEqual(500);
    expect(await isActive(issuer, server, last.access_token)).toBe(true);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    expect(await isActive(issuer, server, last.access_token)).toBe(false);
  });

  it('faults are logged with the request’s id, which the answer carries too', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const answer = await withoutTable(issuer.database, 'audit_events', () => refresh(issuer, client, tokens.refresh_token));
    const line = issuer.log
      .map((text) => JSON.parse(text))
      .find(({ requestId, level }) => level === 'error' && requestId === answer.headers['x-request-id']);
    expect(line).toMatchObject({ message: 'a protocol request failed' });
  });
});

describe('an outage that goes on', () => {
  const documents = ['/jwks', '/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'];
  let beside: TestIssuer;
  let way: DatabaseProxy;

  beforeAll(async () => {
    const wayToDatabase = async (url: string) => {
      way = await startDatabaseProxy(url);
      return way.url;
    };
    await issuer.addTenant('acme');
    // What is under way when the database falls silent is given up after three seconds, and not after thirteen.
    beside = await startIssuer({ beside: issuer, wayToDatabase, silenceTimeoutMs: 3_000 });
  });
  afterAll(async () => {
    way.flow();
    await beside.stop();
    await way.stop();
  });

  it.each([
    ['is cut off', () => way.cut(), () => way.restore()],
    ['falls silent', () => way.stall(), async () => way.flow()],
  ])('ABUSE-79: a database that %s keeps no keys and no metadata back, of no tenant, however old they are', async (_, begin, end) => {
    const read = () =>
      Promise.all(['', '/t/acme'].flatMap((tenant) => documents.map(async (path) => beside.send({ path: `${tenant}${path}` }))));
    const before = await read();
    expect(before.map(({ status }) => status)).toEqual(Array(6).fill(200));
    const { refresh_token: token } = await connect(issuer, { client, person, server });
    begin();
    try {
      // From a second on, requests wait for news of keys and tenants.
      await sleep(1_200);
      for (let times = 0; times < 2; times += 1) {
        const answers = await read();
        expect(answers.map(({ status, text }) => [status, text])).toEqual(before.map(({ text }) => [200, text]));
      }
      const refused = await refresh(beside, client, token);
      expect(refused.status).toBe(503);
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      expect((await beside.send({ path: '/jwks' })).text).toBe(before[0]?.text);
    } finally {
      await end();
    }
    // A connection that is gone may be found so by whoever takes it next; there are ten at most.
    let status = 503;
    for (let tries = 0; tries <= 10 && status === 503; tries += 1) status = (await refresh(beside, client, token)).status;
    expect(status).toBe(200);
  });
});

describe('a small pool', () => {
  it('ABUSE-82, ENG-4: 40 requests that wait for each other on 3 connections all get an answer', async () => {
    const narrow = await startIssuer({ beside: issuer, maxConnections: 3 });
    try {
      const tokens = await connect(narrow, { client, person, server });
      const authorized = await authorize(narrow, { client, person, server });
      const answers = await Promise.all([
        ...Array.from({ length: 20 }, () => refresh(narrow, client, tokens.refresh_token)),
        ...Array.from({ length: 20 }, () => redeem(narrow, client, authorized)),
      ]);
      expect(answers.slice(0, 20).every(({ status }) => status === 200)).toBe(true);
      expect(answers.slice(20).filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.every(({ status }) => status < 500)).toBe(true);
    } finally {
      await narrow.stop();
    }
  });
});
