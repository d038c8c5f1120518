/** Trouble while people and agents are served: connections that break at the worst moment, a database that hangs, too much at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { createPasswordHasher } from '../../src/platform/passwords.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../support/database-proxy.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { countLiveTokens } from '../support/live-tokens.ts';
import {
  authorizationUrl,
  authorize,
  connect,
  isActive,
  newPkce,
  postForm,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { Browser, signInOn } from '../support/person.ts';

const connections = 3;

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
  issuer = await startIssuer({ wayToDatabase, maxConnections: connections });
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(async () => {
  proxy.flow();
  await issuer.stop();
  await proxy.stop();
});

/** Trouble that says so, and sounds like nothing else. */
function expectTrouble(answer: RawResponse): void {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 503 });
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  expect(answer.text).not.toMatch(/invalid_|"active"|prisma|postgres/i);
}

/** Runs something while the answers to COMMIT are lost: everything was written, and we cannot know. */
async function withoutCommitAnswers<T>(work: () => Promise<T>): Promise<T> {
  proxy.cut(); // a statement that a connection knows already has no text
  await proxy.restore();
  proxy.loseAnswers(/COMMIT|token-request-settle/);
  try {
    return await work();
  } finally {
    proxy.flow();
  }
}

async function asOwner<T>(work: (owner: Client) => Promise<T>): Promise<T> {
  const owner = new Client({ connectionString: issuer.database.ownerUrl });
  await owner.connect();
  try {
    return await work(owner);
  } finally {
    await owner.end();
  }
}

describe('a commit whose answer is lost', () => {
  it('ABUSE-82: a refresh is 503; its repeat brings the one live successor', async () => {
    const tokens = await connect(issuer, { client, person, server });
    expectTrouble(await withoutCommitAnswers(() => refresh(issuer, client, tokens.refresh_token)));
    const answer = await refresh(issuer, client, tokens.refresh_token);
    expect(answer.status).toBe(200);
    const next = answer.json<Tokens>();
    const again = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    expect(again.refresh_token).toBe(next.refresh_token);
    expect((await refresh(issuer, client, next.refresh_token)).status).toBe(200);
  });

  it('ABUSE-82: a code is 503, and is never good for two live families', async () => {
    const authorized = await authorize(issuer, { client, person, server });
    expectTrouble(await withoutCommitAnswers(() => redeem(issuer, client, authorized)));
    const answers = [await redeem(issuer, client, authorized), await redeem(issuer, client, authorized)];
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    expect(answers.every(({ status }) => status === 200 || status === 400)).toBe(true);
  });

  it('ABUSE-82: a revocation is not answered as done; its repeat is, and nothing lives', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const revoke = () => postForm(issuer, '/revoke', { token: tokens.refresh_token, client_id: client.clientId });
    expectTrouble(await withoutCommitAnswers(revoke));
    expect((await revoke()).status).toBe(200);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
  });
});

/** A connection that is gone may be found so by the next request that takes it; there are no more of these than connections. */
async function untilServed(ask: () => Promise<RawResponse>): Promise<RawResponse> {
  for (let tries = 0; ; tries += 1) {
    const answer = await ask();
    if (answer.status === 200 || tries === connections) return answer;
    expectTrouble(answer);
  }
}

/** Waits until so many sessions wait for a lock that this one holds; returns them. */
async function untilWaitFor(owner: Client, count: number): Promise<number[]> {
  for (const deadline = performance.now() + 30_000; ; await sleep(10)) {
    const { rows } = await owner.query<{ pid: number }>(
      'SELECT DISTINCT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))',
    );
    if (rows.length >= count) return rows.map(({ pid }) => pid);
    if (performance.now() > deadline) throw new Error(`${rows.length} of ${count} sessions wait`);
  }
}

/** No family of all that were begun here has two tokens that live, and each of these has one that can be used. */
async function expectOneLiveEach(refreshTokens: readonly string[]): Promise<void> {
  for (const token of refreshTokens) expect((await untilServed(() => refresh(issuer, client, token))).status).toBe(200);
  const counts = [...(await countLiveTokens(issuer.database.ownerUrl)).values()];
  expect(counts.filter((count) => count !== 1)).toEqual([]);
}

describe('backends that are killed', () => {
  it('ABUSE-82: in the middle of a refresh: those requests are told to come again; then all are served, and one token lives in each', async () => {
    const families: string[] = [];
    for (let count = 0; count < connections + 1; count += 1)
      families.push((await connect(issuer, { client, person, server })).refresh_token);
    const { answers, killed } = await asOwner(async (owner) => {
      await owner.query('BEGIN; SELECT FROM installations FOR UPDATE');
      const asked = families.map((token) => refresh(issuer, client, token));
      const waiting = await untilWaitFor(owner, connections);
      const ended = await owner.query('SELECT FROM unnest($1::int[]) AS pid WHERE pg_terminate_backend(pid)', [waiting]);
      await owner.query('ROLLBACK');
      return { answers: await Promise.all(asked), killed: ended.rowCount };
    });
    const troubled = answers.filter(({ status }) => status !== 200);
    troubled.forEach(expectTrouble);
    expect(killed).toBeGreaterThan(0);
    expect(troubled.length).toBeGreaterThanOrEqual(killed ?? 0);
    await expectOneLiveEach(families);
  });
});

describe('a deadlock', () => {
  it('ABUSE-82: a refresh that waits for whoever waits for it is told to come again, or served; then one token lives', async () => {
    const { refresh_token: token } = await connect(issuer, { client, person, server });
    issuer.log.length = 0;
    const { answer, refusal } = await asOwner(async (owner) => {
      await owner.query('BEGIN; SELECT FROM installations FOR UPDATE');
      const asked = refresh(issuer, client, token);
      await untilWaitFor(owner, 1);
      // It has used its token, and waits for us; now we wait for it. The database lets one of the two go on.
      const taking = owner.query("UPDATE artifacts SET expires_at = expires_at WHERE model = 'RefreshToken'");
      const refusal = await taking.then(
        () => undefined,
        (error: { code: string }) => error.code,
      );
      await owner.query('ROLLBACK');
      return { answer: await asked, refusal };
    });
    if (answer.status !== 200) expectTrouble(answer);
    const refused = issuer.log.flatMap((line) => /Code: `(40P01)`/.exec(line)?.[1] ?? []);
    expect([...refused, ...(refusal === undefined ? [] : [refusal])]).toEqual(['40P01']);
    await expectOneLiveEach([token]);
  });
});

describe('a way to the database that falls silent', () => {
  it.each([
    ['before a refresh', undefined],
    ['when a refresh is written down', /token-request-settle/],
  ])('ABUSE-82: %s: it is 503 in bounded time; when it speaks again a repeat brings the one live successor', async (_, at) => {
    const { refresh_token: token } = await connect(issuer, { client, person, server });
    let way: DatabaseProxy | undefined;
    const wayToDatabase = async (url: string) => {
      way = await startDatabaseProxy(url);
      return way.url;
    };
    const beside = await startIssuer({ beside: issuer, wayToDatabase, maxConnections: connections, silenceTimeoutMs: 1_000 });
    try {
      way?.stall(at);
      expectTrouble(await refresh(beside, client, token));
      way?.flow();
      const repeat = await untilServed(() => refresh(beside, client, token));
      expect(repeat.status).toBe(200);
      const { refresh_token: next } = repeat.json<Tokens>();
      expect((await refresh(issuer, client, token)).json<Tokens>().refresh_token).toBe(next);
      await expectOneLiveEach([next]);
    } finally {
      way?.flow();
      await beside.stop();
      await way?.stop();
    }
  });
});

describe('a database that hangs', () => {
  it('ABUSE-77, ABUSE-79, ABUSE-82: with every connection taken all are answered in bounded time; keys are served; then all is well', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const order: string[] = [];
    await asOwner(async (owner) => {
      await owner.query('BEGIN; LOCK TABLE clients, artifacts IN ACCESS EXCLUSIVE MODE');
      const waiting = Promise.all(Array.from({ length: 30 }, () => refresh(issuer, client, tokens.refresh_token))).then((answers) => {
        order.push('token');
        return answers;
      });
      for (const path of ['/jwks', '/.well-known/oauth-authorization-server', '/healthz']) {
        expect((await issuer.send({ path })).status).toBe(200);
        order.push(path);
      }
      (await waiting).forEach(expectTrouble);
      await owner.query('ROLLBACK');
    });
    expect(order).toEqual(['/jwks', '/.well-known/oauth-authorization-server', '/healthz', 'token']);
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
  });
});

describe('a full disk', () => {
  it('ABUSE-83: is trouble, leaves no half of a grant, and is over when there is room', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const authorized = await authorize(issuer, { client, person, server });
    await asOwner(async (owner) => {
      // What PostgreSQL says when a table cannot grow; at the last write of a grant.
      await owner.query(`
        CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER disk_is_full BEFORE INSERT ON audit_events EXECUTE FUNCTION disk_is_full()`);
      expectTrouble(await redeem(issuer, client, authorized));
      expectTrouble(await refresh(issuer, client, tokens.refresh_token));
      expectTrouble(await postForm(issuer, '/revoke', { token: tokens.refresh_token, client_id: client.clientId }));
      await owner.query('DROP TRIGGER disk_is_full ON audit_events; DROP FUNCTION disk_is_full()');
    });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    expect((await redeem(issuer, client, authorized)).status).toBe(200);
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
  });
});

describe('too many passwords at once', () => {
  it('ABUSE-30, ABUSE-77: is 503, never "wrong password"; the next one signs in', async () => {
    const usual = issuer.runtime.passwords;
    const narrow = createPasswordHasher({ memoryKib: 32_768, passes: 3, maxConcurrent: 1, maxWaiting: 0 });
    const url = authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge });
    const browser = new Browser(issuer.origin);
    const page = await browser.follow(await browser.get(url));
    issuer.runtime.passwords = narrow;
    let isOver = false;
    const occupy = async () => {
      while (!isOver) await narrow.hash('somebody else');
    };
    const occupying = occupy();
    const refused = await signInOn(browser, page, person);
    isOver = true;
    await occupying;
    issuer.runtime.passwords = usual;
    expect(refused.status).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    const again = await browser.follow(await browser.get(url));
    expect((await signInOn(browser, again, person)).text).toContain('name="shown"');
  });
});
