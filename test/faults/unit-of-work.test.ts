import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../src/store/client.ts';
import { UnitOfWork } from '../../src/store/unit-of-work.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

let test: TestRuntime;

beforeAll(async () => {
  test = await createTestRuntime();
});
afterAll(() => test.end());

const add = (digest: string) => (db: Database) =>
  db.artifact.create({ data: { tenantId: test.tenant.id, model: 'Test', digest, payload: {}, createdAt: new Date() } });
const count = (digest: string) => (db: Database) => db.artifact.count({ where: { model: 'Test', digest } });

describe('ENG-4: a unit of work', () => {
  it('shows its writes to itself at once, to others after the commit', async () => {
    const unit = new UnitOfWork(test.runtime.store);
    await unit.write(add('a'));
    expect(await unit.read(count('a'))).toBe(1);
    expect(await count('a')(test.runtime.store)).toBe(0);
    await unit.commit();
    expect(await count('a')(test.runtime.store)).toBe(1);
  });

  it('undoes its writes', async () => {
    const unit = new UnitOfWork(test.runtime.store);
    await unit.write(add('b'));
    await unit.rollback();
    expect(await count('b')(test.runtime.store)).toBe(0);
  });

  it('holds no connection before its first write, and none after its end', async () => {
    const units = Array.from({ length: 30 }, () => new UnitOfWork(test.runtime.store));
    expect(await Promise.all(units.map((unit) => unit.read(count('c'))))).toEqual(units.map(() => 0));
    await Promise.all(units.map((unit) => unit.commit()));
    for (const unit of units) {
      await unit.write(count('c'));
      await unit.rollback();
    }
  });

  it('runs what comes at the same time one after another', async () => {
    const unit = new UnitOfWork(test.runtime.store);
    const order: string[] = [];
    const step = (name: string) => async (db: Database) => {
      order.push(`${name} begins`);
      await db.$queryRaw`SELECT 1 FROM pg_sleep(0.02)`;
      order.push(`${name} ends`);
    };
    await Promise.all([unit.write(step('first')), unit.write(step('second')), unit.read(step('third'))]);
    await unit.commit();
    expect(order).toEqual(['first begins', 'first ends', 'second begins', 'second ends', 'third begins', 'third ends']);
  });

  it('after a failed write nothing of it can be committed', async () => {
    const unit = new UnitOfWork(test.runtime.store);
    await unit.write(add('d'));
    await expect(unit.write((db) => db.$executeRaw`INSERT INTO no_such_table VALUES (1)`)).rejects.toThrow();
    await unit.commit().catch(() => undefined);
    expect(await count('d')(test.runtime.store)).toBe(0);
  });

  it('a commit that the database did not make is told', async () => {
    const unit = new UnitOfWork(test.runtime.store);
    await unit.write(add('e'));
    const [{ pid } = { pid: 0 }] = await unit.read((db) => db.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`);
    await test.runtime.store.$queryRaw`SELECT 1 AS done FROM pg_terminate_backend(${pid}::int)`;
    await expect(unit.commit()).rejects.toThrow();
    // The pool may hand out the dead connection once, before it hears of its end.
    const left = await count('e')(test.runtime.store).catch(() => count('e')(test.runtime.store));
    expect(left).toBe(0);
  });
});
