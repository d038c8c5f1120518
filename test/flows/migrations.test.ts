import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { findSchemaDifference, schemaPath } from '../../scripts/schema-difference.ts';
import { sha256Hex } from '../../src/platform/digest.ts';
import { applyMigrations, MigrationFailed } from '../../src/store/migrate/apply-migrations.ts';
import { migrationsFolder, readMigrations } from '../../src/store/migrate/migration-files.ts';
import { describeUnfitSchema, readMigrationStatus } from '../../src/store/migrate/migration-status.ts';
import { canRewriteAudit } from '../../src/store/migrate/runtime-grants.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const runtimeRole = 'toolgrant_runtime';

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

describe('the migrations of this version', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('give exactly what prisma/schema.prisma says', async () => {
    expect(await findSchemaDifference(database.ownerUrl)).toBe('');
  });

  it('would be followed by what a changed schema lacks', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'schema-'));
    const changed = join(folder, 'schema.prisma');
    await writeFile(changed, (await readFile(schemaPath, 'utf8')).replace(/^model Tenant \{$/m, '$&\n  nickname String?'));
    expect(await findSchemaDifference(database.ownerUrl, changed)).toMatch(
      /^-- AlterTable\nALTER TABLE "tenants" ADD COLUMN +"nickname" TEXT;\s*$/,
    );
    await rm(folder, { recursive: true });
  });

  it('are kept as Prisma keeps them: one finished row per folder, the checksum that of migration.sql', async () => {
    const known = await readMigrations(migrationsFolder);
    const { rows } = await withClient(database.ownerUrl, (client) =>
      client.query(
        'SELECT migration_name, checksum, finished_at IS NOT NULL AS finished, rolled_back_at, applied_steps_count FROM _prisma_migrations',
      ),
    );
    expect(known.length).toBeGreaterThan(0);
    expect(rows).toEqual(
      known.map(({ name, sql }) => ({
        migration_name: name,
        checksum: sha256Hex(sql),
        finished: true,
        rolled_back_at: null,
        applied_steps_count: 1,
      })),
    );
  });

  it('are seen as up to date by the runtime role', async () => {
    const status = await withClient(database.runtimeUrl, (client) => readMigrationStatus(client));
    expect(status).toEqual({ pending: [], unknown: [], changed: [], unfinished: [] });
    expect(describeUnfitSchema(status)).toBeUndefined();
  });

  it('ABUSE-75: the runtime role adds audit events and cannot change, remove or truncate them', async () => {
    await withClient(database.runtimeUrl, async (client) => {
      const tables = await client.query(
        `SELECT relname AS name, has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') AS adds,
           has_table_privilege(oid, 'UPDATE') OR has_table_privilege(oid, 'DELETE') OR has_table_privilege(oid, 'TRUNCATE') AS rewrites
         FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname LIKE 'audit%'`,
      );
      expect(tables.rows.length).toBeGreaterThan(0);
      for (const table of tables.rows)
        expect(table).toEqual({ name: table.name, adds: table.name !== 'audit_retentions', rewrites: false });
      for (const attempt of [
        'UPDATE audit_events SET at = now()',
        'DELETE FROM audit_events',
        'TRUNCATE audit_events',
        'DROP TABLE audit_events',
      ]) {
        await expect(client.query(attempt)).rejects.toMatchObject({ code: '42501' });
      }
      expect(await canRewriteAudit(client)).toBe(false);
    });
    expect(await withClient(database.ownerUrl, (client) => canRewriteAudit(client))).toBe(true);
  });

  it('leave the runtime role no way to change the schema or its history', async () => {
    await withClient(database.runtimeUrl, async (client) => {
      for (const attempt of [
        'CREATE TABLE mine (id int)',
        'ALTER TABLE users ADD COLUMN extra text',
        'DELETE FROM _prisma_migrations',
        'TRUNCATE users',
        'SET ROLE toolgrant_owner',
      ]) {
        await expect(client.query(attempt)).rejects.toMatchObject({ code: '42501' });
      }
    });
  });
});

describe('applying migrations', () => {
  let database: TestDatabase;
  let folder: string;
  const one = 'CREATE TABLE "notes" ("id" SERIAL PRIMARY KEY, "text" TEXT);\n';
  const apply = () => applyMigrations({ ownerUrl: database.ownerUrl, runtimeRole, folder });
  const status = () => withClient(database.runtimeUrl, (client) => readMigrationStatus(client, folder));
  const addMigration = async (name: string, sql: string) => {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, 'migration.sql'), sql);
  };

  beforeAll(async () => {
    database = await createTestDatabase({ empty: true });
    folder = await mkdtemp(join(tmpdir(), 'migrations-'));
    await writeFile(join(folder, 'migration_lock.toml'), 'provider = "postgresql"\n');
    await addMigration('20260101000000_one', one);
  });
  afterAll(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });

  it('says what is missing before, applies it once, and once only when several processes try', async () => {
    expect(describeUnfitSchema(await status())).toMatch(/too old: 1 migration.*20260101000000_one.*toolgrant migrate/);
    const results = await Promise.all([apply(), apply(), apply()]);
    expect(results.flat()).toEqual(['20260101000000_one']);
    expect(await apply()).toEqual([]);
    expect(await status()).toEqual({ pending: [], unknown: [], changed: [], unfinished: [] });
    await withClient(database.runtimeUrl, async (client) => {
      await client.query(`INSERT INTO notes (text) VALUES ('kept')`);
      expect((await client.query('SELECT text FROM notes')).rows).toEqual([{ text: 'kept' }]);
    });
  });

  it('leaves nothing of a migration that fails, and names the line', async () => {
    await addMigration('20260102000000_two', 'CREATE TABLE half (id int);\n\nALTER TABLE absent ADD COLUMN x int;\n');
    await expect(apply()).rejects.toThrow(/20260102000000_two failed: relation "absent" does not exist/);
    await expect(apply()).rejects.toBeInstanceOf(MigrationFailed);
    await withClient(database.ownerUrl, async (client) => {
      expect((await client.query(`SELECT to_regclass('half') AS found`)).rows).toEqual([{ found: null }]);
      expect((await client.query('SELECT migration_name FROM _prisma_migrations')).rows).toEqual([
        { migration_name: '20260101000000_one' },
      ]);
    });
    await addMigration('20260102000000_two', 'CREATE TABL half (id int);\n');
    await expect(apply()).rejects.toThrow(/syntax error.*line 1 of migration\.sql/);
    await addMigration('20260102000000_two', 'CREATE TABLE half (id int);\n');
    expect(await apply()).toEqual(['20260102000000_two']);
  });

  it('runs a marked migration outside a transaction, keeps the reason when it fails, and tries again', async () => {
    const name = '20260103000000_index';
    await withClient(database.ownerUrl, (client) => client.query(`INSERT INTO notes (text) VALUES ('kept')`));
    await addMigration(name, '-- toolgrant: no transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS notes_text ON notes (text);\n');
    await expect(apply()).rejects.toThrow(/could not create unique index/);
    expect(await status()).toMatchObject({ pending: [name], unfinished: [name] });
    await withClient(database.ownerUrl, (client) => client.query('DELETE FROM notes; DROP INDEX notes_text'));
    expect(await apply()).toEqual([name]);
    expect(await status()).toMatchObject({ pending: [], unfinished: [] });
    const { rows } = await withClient(database.ownerUrl, (client) =>
      client.query(
        'SELECT logs IS NOT NULL AS explained, rolled_back_at IS NOT NULL AS undone, finished_at IS NOT NULL AS finished FROM _prisma_migrations WHERE migration_name = $1 ORDER BY started_at',
        [name],
      ),
    );
    expect(rows).toEqual([
      { explained: true, undone: true, finished: false },
      { explained: false, undone: false, finished: true },
    ]);
  });

  it('refuses a history that was rewritten', async () => {
    await addMigration('20260101000000_one', `${one}-- edited\n`);
    await expect(apply()).rejects.toThrow(/another text of 20260101000000_one.*restore its file/);
    expect(describeUnfitSchema(await status())).toMatch(/another text of 20260101000000_one/);
    await addMigration('20260101000000_one', one);
    expect(await apply()).toEqual([]);
  });

  it('ABUSE-85: serves beside a newer version, but does not add to a history it does not know', async () => {
    await rm(join(folder, '20260102000000_two'), { recursive: true });
    expect(await status()).toMatchObject({ pending: [], unknown: ['20260102000000_two'] });
    expect(describeUnfitSchema(await status())).toBeUndefined();
    expect(await apply()).toEqual([]);
    await addMigration('20260104000000_four', 'CREATE TABLE four (id int);\n');
    await expect(apply()).rejects.toThrow(/does not know \(20260102000000_two\).*lacks 20260104000000_four/);
  });

  it('does not wait for ever behind another migrating process', async () => {
    await withClient(database.ownerUrl, async (client) => {
      await client.query('SELECT pg_advisory_lock(72707369)');
      await expect(applyMigrations({ ownerUrl: database.ownerUrl, folder, waitMs: 200 })).rejects.toThrow(/Another process is migrating/);
    });
  });
});
