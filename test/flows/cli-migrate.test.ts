import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jsonOf, problemOf, runCommand, settingsFor } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { query } from '../support/database-holder.ts';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase({ empty: true });
});

afterEach(async () => {
  await database?.drop();
});

const users = ['user', 'list', '--json'];
/** `migrate` needs neither the secret nor the runtime role's rights. */
const owner = () => ({ DATABASE_URL: database.runtimeUrl, TOOLGRANT_MIGRATION_DATABASE_URL: database.ownerUrl });

describe('migrate', () => {
  it('brings a database up to date, gives the runtime role its rights, and does nothing the second time', async () => {
    const refused = await runCommand(users, { env: settingsFor(database) });
    expect(refused.code).toBe(1);
    expect(problemOf(refused)).toMatchObject({ code: 'start', message: expect.stringContaining('Run "toolgrant migrate"') });

    const first = await runCommand(['migrate'], { env: owner() });
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toMatch(/^Applied:\n {2}\d{14}_init\n/);
    expect(first.out).toContain('The role toolgrant_runtime has the rights that serving needs.');
    const second = jsonOf(await runCommand(['migrate', '--json'], { env: owner() }));
    expect(second).toEqual({ applied: [], database: 'external', runtimeRole: 'toolgrant_runtime' });

    expect(jsonOf(await runCommand(users, { env: settingsFor(database) }))).toEqual([]);
  });

  it('says so when no role is named that will serve', async () => {
    const { code, out } = await runCommand(['migrate'], { env: { TOOLGRANT_MIGRATION_DATABASE_URL: database.ownerUrl } });
    expect(code).toBe(0);
    expect(out).toContain('No other role got rights');
    const refused = await runCommand(users, { env: settingsFor(database) });
    expect(problemOf(refused).message).toMatch(/lacks rights .* Run "toolgrant migrate"/);
  });

  it('as a role that may not, says which one and changes nothing', async () => {
    const { code, out, err } = await runCommand(['migrate', '--json'], { env: { TOOLGRANT_MIGRATION_DATABASE_URL: database.runtimeUrl } });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'migration', message: expect.stringContaining('toolgrant_runtime') } });
    expect(err).not.toContain(new URL(database.runtimeUrl).password);
    expect(await query(database.ownerUrl, `SELECT 1 FROM pg_class WHERE relname = '_prisma_migrations'`)).toEqual([]);
  });

  it('refuses a history that was rewritten', async () => {
    await runCommand(['migrate'], { env: owner() });
    await query(database.ownerUrl, `UPDATE _prisma_migrations SET checksum = 'x' WHERE migration_name LIKE '%_init'`);
    for (const [args, env] of [
      [['migrate', '--json'], owner()],
      [users, settingsFor(database)],
    ] as const) {
      const { code, err } = await runCommand(args, { env });
      expect(code).toBe(1);
      expect(err).toContain('was migrated with another text of');
    }
  });
});
