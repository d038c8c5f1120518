import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pool } from 'pg';
import { createDatabasePool, type DatabasePoolOptions } from '../../src/platform/database-pool.ts';
import { isDatabaseTrouble } from '../../src/platform/database-trouble.ts';
import { waitUntil } from '../../src/platform/embedded/processes.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';

let database: TestDatabase;
const pools: Pool[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.end();
});
afterAll(() => database.drop());

function open(options: Partial<DatabasePoolOptions> = {}): Pool {
  const pool = createDatabasePool({ url: database.ownerUrl, ...options });
  pools.push(pool);
  return pool;
}

async function readSetting(pool: Pool, name: string): Promise<string> {
  return (await pool.query('SELECT current_setting($1) AS value', [name])).rows[0].value;
}

describe('the database pool', () => {
  it('ABUSE-82: bounds statements, locks and idle transactions on every connection', async () => {
    const pool = open();
    expect(await readSetting(pool, 'statement_timeout')).toBe('10s');
    expect(await readSetting(pool, 'lock_timeout')).toBe('5s');
    expect(await readSetting(pool, 'idle_in_transaction_session_timeout')).toBe('15s');
    expect(await readSetting(pool, 'application_name')).toBe('toolgrant');
  });

  it('ABUSE-82: ends a statement that takes too long, and goes on with the connection', async () => {
    const pool = open({ statementTimeoutMs: 50, maxConnections: 1 });
    await expect(pool.query('SELECT pg_sleep(30)')).rejects.toMatchObject({ code: '57014' });
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('ABUSE-82: gives up on a lock that somebody else keeps', async () => {
    const pool = open({ lockTimeoutMs: 50 });
    const holder = await pool.connect();
    await holder.query('BEGIN; LOCK TABLE tenants');
    await expect(pool.query('SELECT * FROM tenants')).rejects.toMatchObject({ code: '55P03' });
    await holder.query('ROLLBACK');
    holder.release();
  });

  it('ABUSE-82: an exhausted pool makes callers wait, but not for ever', async () => {
    const pool = open({ maxConnections: 1, connectTimeoutMs: 1_000 });
    const only = await pool.connect();
    await expect(pool.query('SELECT 1')).rejects.toThrow(/timeout/);
    only.release();
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('ABUSE-77: a line that is long enough takes nobody more, and is short again later', async () => {
    const pool = open({ maxConnections: 1, maxWaiting: 2 });
    const sleepers = Array.from({ length: 3 }, () => pool.query('SELECT pg_sleep(0.05)'));
    const refused = await Promise.allSettled([pool.query('SELECT 1'), pool.connect()]);
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ status: 'rejected' });
      expect(isDatabaseTrouble((outcome as PromiseRejectedResult).reason)).toBe(true);
    }
    await Promise.all(sleepers);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('ABUSE-82: a server that falls silent in the middle is given up; its place is free again', async () => {
    const proxy = await startDatabaseProxy(database.runtimeUrl);
    try {
      const pool = open({ url: proxy.url, maxConnections: 1, silenceTimeoutMs: 200 });
      const client = await pool.connect();
      await client.query('BEGIN');
      proxy.stall();
      const trouble = await client.query('COMMIT').catch((error: unknown) => error);
      expect(isDatabaseTrouble(trouble)).toBe(true);
      client.release();
      proxy.flow();
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    } finally {
      await proxy.stop();
    }
  });

  it('ABUSE-82: backends that are killed, idle and in use, cost their callers an error and nothing more', async () => {
    const errors: Error[] = [];
    const pool = open({ onConnectionError: (error) => errors.push(error) });
    const [used, idle] = await Promise.all([pool.connect(), pool.connect()]);
    idle.release();
    await used.query('BEGIN');
    const killer = open();
    await killer.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await expect(used.query('SELECT 1')).rejects.toThrow();
    used.release(true);
    await waitUntil(() => pool.totalCount === 0, 5_000);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect(errors.length).toBeGreaterThanOrEqual(2);
  });

  it('ABUSE-79: a database that is not there is an error in bounded time', async () => {
    const pool = open({ url: 'postgresql://nobody@127.0.0.1:1/none', connectTimeoutMs: 500 });
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
